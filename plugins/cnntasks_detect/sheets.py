"""Contact sheets of an evaluation: the best, typical and worst pictures with their boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnntasks import contact_sheet, draw_boxes, read_image, write_image
from cnntasks_detect.batches import Entry, picture_source
from cnntasks_detect.judging import Judged

_PICTURES = 12
_TILE = 320
_RIGHT, _WRONG, _MISSED = (0, 150, 60), (215, 40, 40), (245, 165, 0)


def choose(judged: Sequence[Judged], threshold: float) -> dict[str, list[Judged]]:
    """Twelve pictures each for `best`, `typical` and `worst`, by F1 at the threshold.

    Of equally good pictures those with more objects count as better, of equally bad ones those
    with more mistakes as worse. Pictures without any object are left out.
    """
    several = [it for it in judged if len(it.objects)]

    def rank(it: Judged) -> tuple[float, int]:
        right, wrong, missed = it.counts(threshold)
        return it.f1(threshold), right if right else -wrong - missed

    ranked = sorted(several, key=rank)
    middle = max((len(ranked) - _PICTURES) // 2, 0)
    return {
        "best": ranked[::-1][:_PICTURES],
        "typical": ranked[middle : middle + _PICTURES],
        "worst": ranked[:_PICTURES],
    }


def sheets(
    judged: Sequence[Judged], entries: Sequence[Entry], classes: Sequence[str], threshold: float
) -> dict[str, Callable[[Path], None]]:
    """File names to functions that draw them.

    What was found and right has a green box, what was wrong a red one, and what was missed an
    orange one; what lies in a region to ignore is not drawn.

    Args:
        judged: of the whole evaluation.
        entries: its pictures.
        classes: names.
        threshold: lowest score of a box that is drawn.
    """
    if not any(len(it.objects) for it in judged):
        return {}

    def drawing(chosen: Sequence[Judged]) -> Callable[[Path], None]:
        def draw(path: Path) -> None:
            pictures = [_drawn(it, entries[it.number], classes, threshold) for it in chosen]
            captions = [_caption(it, threshold) for it in chosen]
            write_image(path, contact_sheet(pictures, captions, tile=_TILE))

        return draw

    chosen = choose(judged, threshold)
    return {f"{name}.jpg": drawing(pictures) for name, pictures in chosen.items()}


def _caption(it: Judged, threshold: float) -> str:
    right, wrong, missed = it.counts(threshold)
    return f"{right} right, {wrong} wrong, {missed} missed"


def _drawn(it: Judged, entry: Entry, classes: Sequence[str], threshold: float) -> NDArray[np.uint8]:
    """The picture with its boxes."""
    pixels = read_image(picture_source(entry))
    shown = it.counted & (it.scores >= threshold)
    missed = [place for place, by in enumerate(it.found) if by < 0 or not shown[by]]
    boxes = np.concatenate([it.boxes[shown], it.objects[missed]])
    captions = [
        f"{classes[label]} {score:.0%}"
        for label, score in zip(it.labels[shown], it.scores[shown], strict=True)
    ]
    captions += [classes[it.kinds[place]] for place in missed]
    colors = [_RIGHT if right else _WRONG for right in it.right[shown]]
    return draw_boxes(pixels, boxes, captions, colors + [_MISSED] * len(missed))
