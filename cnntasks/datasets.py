"""What readers of data sets share, whatever the task: locations, formats, splits, problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from cnntasks.errors import InputError
from cnntasks.task import Finding

DataT_co = TypeVar("DataT_co", covariant=True)
DataT = TypeVar("DataT")


@dataclass(slots=True)
class DataProblems:
    """Collects what a reader finds wrong, so that reading and checking share one parser.

    Attributes:
        findings: everything, in the order found.
        structural: those of them with which the data must not be used for training.
    """

    findings: list[Finding] = field(default_factory=list)
    structural: list[Finding] = field(default_factory=list)

    def fatal(self, where: object, message: str) -> None:
        """Something is missing or contradictory; reading for training will refuse it."""
        finding = Finding("error", str(where), message)
        self.findings.append(finding)
        self.structural.append(finding)

    def error(self, where: object, message: str) -> None:
        """Something would be learned or measured wrongly, or lost."""
        self.findings.append(Finding("error", str(where), message))

    def warning(self, where: object, message: str) -> None:
        """Something is worth a look."""
        self.findings.append(Finding("warning", str(where), message))

    def found_copy(
        self,
        where: object,
        what: str,
        labels: tuple[str | None, str | None],
        splits: tuple[str, str],
        folds: tuple[str, str] = ("", ""),
    ) -> None:
        """An example is there twice: in two splits or folds, with two labels, or just so.

        Args:
            where: the copy.
            what: what it is a copy of: `"the same text as mr.tsv:17"`.
            labels: of the copy and of the first; None where it is not known.
            splits, folds: of the copy and of the first.
        """
        here, there = labels
        contradictory = None not in labels and here != there
        if contradictory:
            self.error(
                where,
                f"{what}, but labelled {here!r} here and {there!r} there; keep one of them",
            )
        flattering = "results would look better than they are"
        if splits[0] != splits[1]:
            self.error(
                where,
                f"{what}, in {splits[0]} here and in {splits[1]} there: {flattering}; "
                "remove it from one of them",
            )
        elif folds[0] != folds[1]:
            self.error(
                where,
                f"{what}, in fold {folds[0]} here and in {folds[1]} there: {flattering}; "
                "put both into one",
            )
        elif not contradictory:
            self.warning(where, f"{what}; remove one of them")

    def raise_structural(self) -> None:
        """Raise one InputError for all structural problems, if there are any."""
        if self.structural:
            first, *rest = dict.fromkeys(self.structural)  # what is wrong with all splits, once
            more = len(rest)
            others = f" (and {more} more; `cnntasks data check` lists them)" if more else ""
            raise InputError(f"{first.where}: {first.message}{others}")

    def sorted_findings(self) -> list[Finding]:
        """Each finding once, errors first."""
        return sorted(dict.fromkeys(self.findings), key=lambda finding: finding.severity)


class DataLayout(Protocol[DataT_co]):
    """A data set on disk whose format has been recognised; no example is read before `read`."""

    @property
    def name(self) -> str:
        """The folder's name, or the file's."""
        ...

    @property
    def format(self) -> str:
        """The format's name."""
        ...

    @property
    def splits(self) -> tuple[str, ...]:
        """The names that `read` takes, train first."""
        ...

    def read(self, split: str, problems: DataProblems) -> DataT_co:
        """Read one split, telling `problems` what is wrong; InputError if nothing can be read."""
        ...


@dataclass(frozen=True, slots=True)
class DataFormats(Generic[DataT]):
    """The formats of data sets that a task reads.

    Attributes:
        kind: what such a data set is called, `"detection"` for example.
        finders: each returns the layout of a location, or None where it is not its format; they
            are asked in this order.
        expected: what the formats look like, for the message where none fits.
        choose: (layout, name) to the splits to read; no name, or `"all"`, stands for everything.
    """

    kind: str
    finders: Sequence[Callable[[Path], DataLayout[DataT] | None]]
    expected: str
    choose: Callable[[DataLayout[DataT], str | None], Iterable[str]]

    def recognise(self, location: Path) -> DataLayout[DataT]:
        """Find out the format of the data set at `location`, a folder or a file.

        Raises:
            InputError: there is nothing, or no data set; the message says what is expected.
        """
        if not location.exists():
            raise InputError(f"{location}: there is no such file or folder; check the spelling")
        try:
            for find in self.finders:
                layout = find(location)
                if layout is not None:
                    return layout
        except OSError as error:
            raise InputError(
                f"{location}: cannot be read ({error.strerror or error}); check its permissions"
            ) from error
        raise InputError(f"{location}: not a {self.kind} data set; {self.expected}")

    def available_splits(self, location: Path) -> list[str]:
        """The names of a data set's splits, train first; `["all"]` where it has none.

        Raises:
            InputError: not a data set.
        """
        return list(self.recognise(divide_location(location)[0]).splits)

    def split_to_measure(self, location: Path) -> str | None:
        """The split that an evaluation reads: test, or val, or everything.

        None where the location is no folder or file: `folder:split` names its split itself.

        Raises:
            InputError: not a data set.
        """
        if not location.exists():
            return None
        splits = self.available_splits(location)
        return next((name for name in ("test", "val", "all") if name in splits), splits[0])

    def splits_to_learn(self, location: Path) -> tuple[str | None, str | None]:
        """The split that a training learns from, and the one that validates; never a test split.

        The first is train (or trainval, or everything where there are no splits), and None for
        `folder:split`; the second is val beside train, else None.

        Raises:
            InputError: not a data set, or one that has nothing but other splits.
        """
        if not location.exists():
            return None, None
        splits = self.available_splits(location)
        name = next((name for name in ("train", "trainval", "all") if name in splits), None)
        if name is None:
            raise InputError(
                f"{location}: has no train split (it has {', '.join(splits)}); "
                f"name the one to learn from: {location}:{splits[0]}"
            )
        return name, "val" if "val" in splits and name == "train" else None

    def read(self, location: Path, split: str | None = None) -> list[DataT]:
        """Read a data set for training or measuring, a part for each split.

        Args:
            location: a folder or file, or `folder:split`.
            split: one of `available_splits`; without it everything, as `choose` says.

        Raises:
            InputError: not a data set, no such split, or anything structural.
        """
        folder, named = divide_location(location)
        layout = self.recognise(folder)
        problems = DataProblems()
        parts = [layout.read(name, problems) for name in self.choose(layout, split or named)]
        problems.raise_structural()
        return parts

    def read_for_check(
        self, location: Path, problems: DataProblems
    ) -> tuple[DataLayout[DataT], list[DataT]]:
        """Read what can be read, telling `problems` about the rest.

        Args:
            location: as for `read`; all splits are read unless one is named.

        Raises:
            InputError: it is no data set at all, or has no such split.
        """
        folder, wanted = divide_location(location)
        layout = self.recognise(folder)
        parts = []
        for split in self.choose(layout, wanted):
            try:
                parts.append(layout.read(split, problems))
            except InputError as error:
                problems.fatal(f"{layout.name}:{split}", str(error))
        return layout, parts


def divide_location(location: Path) -> tuple[Path, str | None]:
    """Take `folder:split` apart, unless a folder of that very name exists."""
    folder, colon, split = str(location).rpartition(":")
    if colon and folder and not location.exists():
        return Path(folder), split
    return location, None


def unknown_split(layout: DataLayout[DataT], wanted: str) -> InputError:
    """The error for a split that a data set does not have."""
    return InputError(
        f"{layout.name}: there is no split {wanted!r}; it has {', '.join(layout.splits)}"
    )
