"""Pictures and tables of an evaluation: the confusion matrix, reliability, the mistakes."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cnntasks.training.measures import Mistake

#: A matrix of more classes is drawn for those that are confused most.
_LARGEST = 60
#: Numbers are written into the cells of a matrix of at most so many classes.
_NUMBERED = 20
#: Letters of a class name beside a matrix.
_LONGEST = 24
#: Bars of a reliability diagram.
_BARS = 10


def confusion_picture(classes: Sequence[str], matrix: NDArray[np.int64]) -> Callable[[Path], None]:
    """A function that draws a confusion matrix into a file.

    Args:
        classes: K names.
        matrix: K×K, the true class in rows, what was found in columns.
    """

    def draw(path: Path) -> None:
        from matplotlib.colors import PowerNorm
        from matplotlib.figure import Figure

        chosen = _shown(matrix)
        part = matrix[np.ix_(chosen, chosen)]
        share = part / np.maximum(matrix[chosen].sum(axis=1, keepdims=True), 1)
        side = 3.0 + 0.28 * len(chosen)
        figure = Figure(figsize=(side + 0.6, side), layout="constrained")
        axes = figure.add_subplot()
        # On a scale of square roots, or one confusion in a hundred would look like none.
        image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
        names = [shortened(classes[number], _LONGEST) for number in chosen]
        ticks = range(len(chosen))
        # Without mathematics: a `$` in a class name is a dollar.
        axes.set_xticks(ticks, names, rotation=90, fontsize="small", parse_math=False)
        axes.set_yticks(ticks, names, fontsize="small", parse_math=False)
        axes.set(xlabel="found", ylabel="true")
        title = "Share of each true class"
        if len(chosen) < len(classes):
            title += f" (the {len(chosen)} that are confused most of {len(classes)})"
        axes.set_title(title, fontsize="medium")
        figure.colorbar(image, ax=axes, shrink=0.7, pad=0.02, aspect=30)
        if len(chosen) <= _NUMBERED:
            for (row, column), number in np.ndenumerate(part):
                if number:
                    color = "white" if share[row, column] > 0.3 else "black"
                    axes.text(
                        column, row, str(number), ha="center", va="center", color=color, size=7
                    )
        _save(figure, path)

    return draw


def _shown(matrix: NDArray[np.int64]) -> NDArray[np.intp]:
    """The classes to draw, in their order."""
    present = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    if len(present) <= _LARGEST:
        return present
    confused = matrix - np.diag(matrix.diagonal())
    errors = (confused.sum(axis=0) + confused.sum(axis=1))[present]
    return np.sort(present[np.argsort(-errors, kind="stable")[:_LARGEST]])


def reliability_picture(
    confidence: NDArray[np.float32], right: NDArray[np.bool_], error: float
) -> Callable[[Path], None]:
    """A function that draws a reliability diagram (Guo et al. 2017, figure 1) into a file.

    Args:
        confidence: N, the highest score of each example, 0..1.
        right: N, whether that class was the true one.
        error: the expected calibration error, for the title.
    """

    def draw(path: Path) -> None:
        from matplotlib.figure import Figure

        edges, accuracy, count = reliability_bars(confidence, right)
        width = 1 / _BARS
        figure = Figure(figsize=(4.6, 5.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        upper.bar(edges, accuracy, width, align="edge", color="tab:blue", edgecolor="white")
        upper.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
        upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
        upper.set_title(f"Reliability (expected calibration error {error:.3f})", fontsize="medium")
        lower.bar(edges, count / max(int(count.sum()), 1), width, align="edge", color="tab:grey")
        lower.set(xlabel="score of what was found", ylabel="share")
        _save(figure, path)

    return draw


def reliability_bars(
    confidence: NDArray[np.float32], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Where each of the ten bars begins, its accuracy (0 where it is empty) and its examples."""
    place = np.minimum((confidence * _BARS).astype(int), _BARS - 1)
    count = np.bincount(place, minlength=_BARS)
    hits = np.bincount(place, weights=right, minlength=_BARS)
    return np.arange(_BARS) / _BARS, hits / np.maximum(count, 1), count


def mistakes_table(mistakes: Sequence[Mistake], noun: str) -> Callable[[Path], None]:
    """A function that writes all mistakes as CSV; `noun` heads the column of the names."""

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow((noun, "true", "found", "score"))
            rows.writerows((it.name, it.truth, it.found, f"{it.score:.4f}") for it in mistakes)

    return write


def shortened(name: str, longest: int) -> str:
    """At most so many letters, the end of the name among them, which tells most."""
    if len(name) <= longest:
        return name
    tail = (longest - 1) // 2
    return f"{name[: longest - 1 - tail]}…{name[-tail:]}"


def _save(figure: Any, path: Path) -> None:
    with warnings.catch_warnings():  # letters that the font lacks show as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, dpi=120)
