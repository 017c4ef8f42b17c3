"""Measuring a model as it is used: through the prediction pipeline, at the pictures' own size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnntasks import InputError, Score
from cnntasks_segment.data import Example
from cnntasks_segment.metrics import Confusion

if TYPE_CHECKING:
    from cnntasks import Pipeline


def measure(
    pipeline: Pipeline, examples: Sequence[Example], progress: Callable[[], None] | None = None
) -> Score:
    """How good a model is on labelled pictures.

    Args:
        pipeline: of `cnntasks.load("segment", ...)`.
        examples: their masks have the model's class numbers.
        progress: called after each picture.

    Raises:
        InputError: a picture or mask cannot be read, or their sizes differ.
    """
    classes = pipeline.card.classes
    confusion = Confusion(classes)
    outcomes = pipeline.run(example.source() for example in examples)
    for example, outcome in zip(examples, outcomes, strict=True):
        if outcome.error is not None:
            raise outcome.error
        found: Any = outcome.result
        truth = example.load_mask(len(classes))
        if truth.shape != found.labels.shape:
            raise InputError(f"{example.mask}: not of the size of its picture; make them equal")
        confusion.add(truth, found.labels)
        if progress is not None:
            progress()
    return confusion.score()
