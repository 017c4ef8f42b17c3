"""`WriterContract`: what every format of records must do that a plugin registers."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from cnntasks.plugins import registry
from cnntasks.task import Outcome, Source, import_attribute
from cnntasks.testing.subject import require, run, violated

COLUMNS = ("class", "score")


@dataclass(frozen=True, slots=True)
class _Found:
    """A result as writers get it."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {"found": self.rows}

    def to_rows(self) -> list[dict[str, Any]]:
        return self.rows


class WriterContract:
    """Subclass it as `Test...` and name the format.

    Attributes:
        name: as `--format` takes it.
        command: a verb with its arguments that prints a record, for the checks of the command line;
            the built-in verb `text` with an embedded model unless another is named.
    """

    name: ClassVar[str]
    command: ClassVar[tuple[str, ...]] = ("text", "--model", "questions", "who is he?", "-q")

    def written(self, *outcomes: tuple[str, list[dict[str, Any]]]) -> str:
        """What the format makes of (source, rows) each."""
        writers = registry().writers
        require(self.name in writers, f"no plugin that works registers the format {self.name!r}")
        stream = io.StringIO()
        with violated(f"the format {self.name} cannot be written"):
            writer = import_attribute(writers[self.name][1])(stream, COLUMNS)
            for source, rows in outcomes:
                place = PurePosixPath("input")
                writer.write(Outcome(Source(source, place, bytes), _Found(rows)))
            writer.close()
        require(not stream.closed, f"the format {self.name} closes the stream; only flush it")
        return stream.getvalue()

    def test_every_record_is_written_in_order(self) -> None:
        """Sources and values of all rows come out, in the order in which they came in."""
        text = self.written(
            ("first.jpg", [{"class": "zebra", "score": 0.75}, {"class": "tapir", "score": 0.125}]),
            ("second.jpg", [{"class": "okapi", "score": 0.5}]),
        )
        places = [text.find(word) for word in ("zebra", "tapir", "okapi")]
        require(min(places) >= 0, f"the format {self.name} loses a row: {text!r}")
        require(places == sorted(places), f"the format {self.name} changes the order: {text!r}")
        for word in ("0.75", "0.125", "0.5"):
            require(word in text, f"the format {self.name} loses the score {word}: {text!r}")

    def test_nothing_found_is_no_error(self) -> None:
        """A result without rows, and no result at all, are written too."""
        self.written(("empty.jpg", []))
        self.written()

    def test_a_record_is_written_when_it_comes(self) -> None:
        """After `write` the record is in the stream, for whoever waits at its other end.

        A format that must know everything first sets this check to None in its class.
        """
        stream = io.StringIO()
        reference = registry().writers[self.name][1]
        writer = import_attribute(reference)(stream, COLUMNS)
        source = Source("first.jpg", PurePosixPath("first.jpg"), bytes)
        writer.write(Outcome(source, _Found([{"class": "zebra", "score": 0.75}])))
        require("zebra" in stream.getvalue(), f"the format {self.name} keeps a record back")

    def test_the_command_line_writes_it(self, tmp_path: Path) -> None:
        """`--format NAME` and `--output FILE` with its suffix write the same, with status 0."""
        title = f"cnntasks {self.command[0]} --format {self.name}"
        folder = tmp_path / "run"
        shown = run(folder, *self.command, "--format", self.name)
        require(shown.status == 0, f"{title} ends with status {shown.status}: {shown.told()}")
        plain = run(folder, *self.command, "--format", "json")
        require(plain.status == 0, f"the command of the check does not run: {plain.told()}")
        require(json.loads(plain.out.splitlines()[0]), "the command of the check has no record")
        require(shown.out.strip(), f"{title} prints nothing")
        file = tmp_path / f"records{registry().writers[self.name][0]}"
        done = run(folder, *self.command, "--output", str(file))
        require(done.status == 0, f"--output {file.name} ends with status {done.status}")
        require(
            file.read_text(encoding="utf-8") == shown.out,
            f"--output {file.name} writes something else than --format {self.name}",
        )
