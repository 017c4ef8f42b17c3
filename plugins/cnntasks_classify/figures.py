"""Pictures of an evaluation: the confusion matrix, and a sheet of the worst mistakes."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnntasks import contact_sheet, write_image

if TYPE_CHECKING:
    from cnntasks_classify.data import Example
    from cnntasks_classify.metrics import Mistake

#: A matrix of more classes is drawn for those that are confused most.
_LARGEST = 60
#: Numbers are written into the cells of a matrix of at most so many classes.
_NUMBERED = 20
#: A whole multiple of MNIST's 28 and CIFAR's 32 pixels.
_TILE = 224
#: Letters of a class name beside a matrix, and below a mistake.
_LONGEST = 24
_CAPTION = 11


def confusion_picture(classes: Sequence[str], matrix: NDArray[np.int64]) -> Callable[[Path], None]:
    """A function that draws a confusion matrix into a file.

    Args:
        classes: K names.
        matrix: K×K pictures, the true class in rows, what was found in columns.
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
        names = [_shortened(classes[number], _LONGEST) for number in chosen]
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
        with warnings.catch_warnings():  # letters that the font lacks show as boxes
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure.savefig(path, dpi=120)

    return draw


def _shown(matrix: NDArray[np.int64]) -> NDArray[np.intp]:
    """The classes to draw, in their order."""
    present = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    if len(present) <= _LARGEST:
        return present
    confused = matrix - np.diag(matrix.diagonal())
    errors = (confused.sum(axis=0) + confused.sum(axis=1))[present]
    return np.sort(present[np.argsort(-errors, kind="stable")[:_LARGEST]])


def mistakes_sheet(
    mistakes: Sequence[Mistake], examples: Sequence[Example]
) -> Callable[[Path], None]:
    """A function that draws misclassified pictures, `truth > found (score)` below each.

    Args:
        mistakes: at least one.
        examples: of the whole evaluation.
    """

    def draw(path: Path) -> None:
        pictures = [_enlarged(examples[mistake.number].load()) for mistake in mistakes]
        captions = [
            f"{_shortened(it.truth, _CAPTION)} > {_shortened(it.found, _CAPTION)} ({it.score:.0%})"
            for it in mistakes
        ]
        write_image(path, contact_sheet(pictures, captions, tile=_TILE))

    return draw


def _shortened(name: str, longest: int) -> str:
    """At most so many letters, the end of the name among them, which tells most."""
    if len(name) <= longest:
        return name
    tail = (longest - 1) // 2
    return f"{name[: longest - 1 - tail]}…{name[-tail:]}"


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Small pictures in whole multiples, so that their pixels show."""
    factor = max(_TILE // max(picture.shape[:2]), 1)
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def mistakes_table(mistakes: Sequence[Mistake]) -> Callable[[Path], None]:
    """A function that writes all mistakes as CSV."""

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(("picture", "true", "found", "score"))
            rows.writerows((it.name, it.truth, it.found, f"{it.score:.4f}") for it in mistakes)

    return write
