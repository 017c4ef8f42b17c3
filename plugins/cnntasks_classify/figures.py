"""Pictures of an evaluation: a sheet of the worst mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnntasks import contact_sheet, shortened, write_image

if TYPE_CHECKING:
    from cnntasks import Mistake
    from cnntasks_classify.data import Example

#: A whole multiple of MNIST's 28 and CIFAR's 32 pixels.
_TILE = 224
#: Letters of a class name below a mistake.
_CAPTION = 11


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
            f"{shortened(it.truth, _CAPTION)} > {shortened(it.found, _CAPTION)} ({it.score:.0%})"
            for it in mistakes
        ]
        write_image(path, contact_sheet(pictures, captions, tile=_TILE))

    return draw


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Small pictures in whole multiples, so that their pixels show."""
    factor = max(_TILE // max(picture.shape[:2]), 1)
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)
