"""Everything around the classifier in NumPy: resize, crop, pick the likeliest classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import IMAGE_SUFFIXES, ModelCard, Source, UsageError, read_image
from cnntasks_classify.geometry import Framing


@dataclass(frozen=True, slots=True)
class Classification:
    """What one picture shows: the likeliest classes, best first.

    Attributes:
        labels: N int64, index into `classes`.
        scores: N float32, probabilities in 0..1.
        classes: the names of the model's classes.
        embedding: D float32, what the network knows of the picture before its last layer.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    classes: tuple[str, ...]
    embedding: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> list[str]:
        """The class names, likeliest first."""
        return [self.classes[label] for label in self.labels]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: the list of classes with their scores."""
        return {"classes": self.to_rows()}

    def to_rows(self) -> list[dict[str, Any]]:
        """One row for each class, likeliest first."""
        return [
            {"class": name, "score": round(float(score), 4)}
            for name, score in zip(self.names, self.scores, strict=True)
        ]


class ClassifyPredictor:
    """The predictor of `cnntasks classify`.

    Args:
        card: of the model.
        top: classes per picture at most; all when None.
        threshold: lowest score of a class, 0..1; the card's (or 0) when None.

    Raises:
        UsageError: a value out of range.
        ModelError: the card's preprocessing is incomplete.
    """

    columns: Sequence[str] = ("class", "score")
    suffixes: Sequence[str] = IMAGE_SUFFIXES

    def __init__(
        self, card: ModelCard, *, top: int | None = 5, threshold: float | None = None
    ) -> None:
        self.card = card
        self.threshold = card.defaults.get("threshold", 0.0) if threshold is None else threshold
        self.top = len(card.classes) if top is None else top
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"threshold must lie between 0 and 1, not {self.threshold:g}")
        if self.top < 1:
            raise UsageError(f"top must be at least 1, not {self.top}")
        self.framing = Framing.from_card(card)

    def decode(self, source: Source) -> NDArray[np.uint8]:
        """Read a picture; raises InputError."""
        return read_image(source)

    def preprocess(self, item: NDArray[np.uint8]) -> dict[str, Any]:
        """`pixels` H×W×C uint8 of the model's size: resized, and its middle cut out."""
        return {"pixels": self.framing(item)}

    def postprocess(self, outputs: dict[str, Any], item: NDArray[np.uint8]) -> Classification:
        """The likeliest classes, of at least the threshold; ties in the order of the classes."""
        scores = outputs["scores"].astype(np.float32)
        order = np.argsort(-scores, kind="stable")[: self.top]
        order = order[scores[order] >= self.threshold]
        return Classification(
            order.astype(np.int64),
            scores[order],
            self.card.classes,
            outputs["embedding"].astype(np.float32),
        )
