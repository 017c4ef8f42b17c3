"""Everything around the detector in NumPy: resize, pad, suppress, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import (
    IMAGE_SUFFIXES,
    ModelCard,
    Source,
    UsageError,
    class_color,
    draw_boxes,
    read_image,
    resize_image,
)
from cnntasks_detect.suppression import soften_overlaps, suppress_overlaps

#: A box with a shorter side, in pixels of the network's input, is no detection.
_SMALLEST_SIDE = 0.01


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture and the size at which the network sees it.

    Attributes:
        pixels: H×W×3 uint8 RGB.
        height, width: of the resized picture, before padding.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Detections:
    """What was found in one picture, best first.

    Attributes:
        boxes: N×4 float32, xyxy in pixels of the original (EXIF-turned) picture.
        scores: N float32, 0..1.
        labels: N int64, index into `classes`.
        classes: the names of the model's classes.
        width, height: of the picture, in pixels.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def names(self) -> list[str]:
        """The class name of each box."""
        return [self.classes[label] for label in self.labels]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: picture size and a list of detections."""
        return {
            "width": self.width,
            "height": self.height,
            "detections": [
                {"class": name, "score": round(float(score), 4), "box": _rounded(box)}
                for name, score, box in zip(self.names, self.scores, self.boxes, strict=True)
            ],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One row for each box."""
        rows = []
        for name, score, box in zip(self.names, self.scores, self.boxes, strict=True):
            x0, y0, x1, y1 = _rounded(box)
            row = {"class": name, "score": round(float(score), 4)}
            rows.append({**row, "x0": x0, "y0": y0, "x1": x1, "y1": y1})
        return rows

    def draw(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of the picture (H×W×3 uint8) with boxes, class names and scores on it."""
        captions = [f"{n} {s:.0%}" for n, s in zip(self.names, self.scores, strict=True)]
        colors = [class_color(int(label)) for label in self.labels]
        return draw_boxes(image, self.boxes, captions, colors)

    def crops(self, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The part of the picture in each box, at least one pixel each."""
        parts = []
        for x0, y0, x1, y1 in self.boxes:
            left, top = min(int(x0), self.width - 1), min(int(y0), self.height - 1)
            right, bottom = max(int(np.ceil(x1)), left + 1), max(int(np.ceil(y1)), top + 1)
            parts.append(image[top:bottom, left:right])
        return parts


class DetectPredictor:
    """The predictor of `cnntasks detect`.

    Args:
        card: of the model.
        threshold: lowest score of a detection, 0..1; the card's when None.
        iou: overlap above which the lower-scoring box of a class is dropped, 0..1.
        soft_nms: σ by which overlapping boxes of a class lose score instead of being dropped; 0
            drops them; the card's when neither this nor `iou` is given.
        classes: names of the classes wanted; all when None.
        max_detections: boxes per picture at most.
        size: longer side at which the network sees a picture, in pixels; the card's when None.

    Raises:
        UsageError: a value out of range, or a class that the model does not know.
    """

    columns: Sequence[str] = ("class", "score", "x0", "y0", "x1", "y1")
    suffixes: Sequence[str] = IMAGE_SUFFIXES

    def __init__(
        self,
        card: ModelCard,
        *,
        threshold: float | None = None,
        iou: float | None = None,
        soft_nms: float | None = None,
        classes: Sequence[str] | None = None,
        max_detections: int = 100,
        size: int | None = None,
    ) -> None:
        self.card = card
        self.threshold = card.defaults.get("threshold", 0.5) if threshold is None else threshold
        if soft_nms is None:
            soft_nms = card.defaults.get("soft_nms", 0.0) if iou is None else 0.0
        self.iou = card.defaults.get("iou", 0.5) if iou is None else iou
        self.soft_nms = soft_nms
        self.max_detections = max_detections
        for name, value in (("threshold", self.threshold), ("iou", self.iou)):
            if not 0 <= value <= 1:
                raise UsageError(f"{name} must lie between 0 and 1, not {value:g}")
        if not 0 <= soft_nms <= 10:
            raise UsageError(f"soft-nms must lie between 0 and 10, not {soft_nms:g}")
        if max_detections < 1:
            raise UsageError(f"max-detections must be at least 1, not {max_detections}")
        self.wanted = _wanted(card, classes)
        preprocessing = card.preprocessing
        self.size = int(preprocessing["size"] if size is None else size)
        if not 32 <= self.size <= 4096:
            raise UsageError(f"size must lie between 32 and 4096 pixels, not {self.size}")
        # A model that was made for a shorter side keeps the ratio of the two.
        shorter = preprocessing.get("shorter")
        self.shorter = shorter * self.size / preprocessing["size"] if shorter else None
        self.multiple = int(preprocessing["multiple"])
        self.fill = np.asarray(preprocessing["fill"], np.uint8)

    def decode(self, source: Source) -> Picture:
        """Read a picture; raises InputError."""
        pixels = read_image(source)
        height, width = input_size(pixels.shape[0], pixels.shape[1], self.size, self.shorter)
        return Picture(pixels, height, width)

    def preprocess(self, item: Picture) -> dict[str, Any]:
        """`pixels` H×W×3 uint8, padded to the network's multiple, and `sizes` (height, width)."""
        resized = resize_image(item.pixels, item.height, item.width)
        height, width = (-(-side // self.multiple) * self.multiple for side in resized.shape[:2])
        pixels = np.empty((height, width, 3), np.uint8)
        pixels[:] = self.fill
        pixels[: item.height, : item.width] = resized
        return {"pixels": pixels, "sizes": np.array([item.height, item.width], np.float32)}

    def postprocess(self, outputs: dict[str, Any], item: Picture) -> Detections:
        """Threshold, class filter, suppression, and back to pixels of the original picture."""
        boxes, scores, labels = outputs["boxes"], outputs["scores"], outputs["labels"]
        # Clipping leaves a line of a box that lies outside the picture.
        solid = ((boxes[:, 2:] - boxes[:, :2]) >= _SMALLEST_SIDE).all(axis=1)
        keep = np.flatnonzero(
            (scores >= self.threshold) & (scores > 0) & self.wanted[labels] & solid
        )
        boxes, scores, labels = boxes[keep], scores[keep], labels[keep]
        if self.soft_nms:
            chosen, scores = soften_overlaps(
                boxes, scores, labels, self.soft_nms, self.max_detections, self.threshold
            )
        else:
            chosen = suppress_overlaps(boxes, scores, labels, self.iou, self.max_detections)
            scores = scores[chosen]
        height, width = item.pixels.shape[:2]
        scale = np.array([width / item.width, height / item.height] * 2, np.float32)
        return Detections(
            (boxes[chosen] * scale).astype(np.float32),
            scores.astype(np.float32),
            labels[chosen].astype(np.int64),
            self.card.classes,
            width,
            height,
        )


def input_size(height: int, width: int, size: int, shorter: float | None) -> tuple[int, int]:
    """Height and width at which the network sees a picture; its aspect ratio is kept.

    Args:
        height, width: of the picture.
        size: what the longer side may have at most (has exactly, without `shorter`).
        shorter: what the shorter side should have.
    """
    scale = size / max(height, width)
    if shorter is not None:
        scale = min(scale, shorter / min(height, width))
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _wanted(card: ModelCard, classes: Sequence[str] | None) -> NDArray[np.bool_]:
    """Which of the card's classes are wanted, as a mask."""
    if classes is None:
        return np.ones(max(len(card.classes), 1), bool)
    known = {name.casefold(): place for place, name in enumerate(card.classes)}
    unknown = [name for name in classes if name.strip().casefold() not in known]
    if unknown:
        raise UsageError(
            f"{card.name} does not know {', '.join(repr(name) for name in unknown)}; "
            f"its classes are {', '.join(card.classes)}"
        )
    mask = np.zeros(len(card.classes), bool)
    mask[[known[name.strip().casefold()] for name in classes]] = True
    return mask


def _rounded(box: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 1) for value in box]
