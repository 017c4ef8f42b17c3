"""From the network's outputs to the likeliest classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from classification_folders import noise
from cnntasks_classify.predictor import Classification, ClassifyPredictor
from hypothesis import given, settings
from hypothesis import strategies as st
from small_classifiers import pattern_card

from cnntasks import InputError, Source, UsageError

CLASSES = ("ant", "bee", "cow", "dog", "elk", "fox", "gnu")
PICTURE = np.zeros((4, 4, 3), np.uint8)


def classify(scores: Any, **options: Any) -> Classification:
    predictor = ClassifyPredictor(pattern_card(CLASSES[: len(scores)]), **options)
    outputs = {"scores": np.array(scores, np.float32), "embedding": np.arange(3.0)}
    return predictor.postprocess(outputs, PICTURE)


def test_the_likeliest_come_first() -> None:
    found = classify([0.1, 0.5, 0.05, 0.35])
    assert found.names == ["bee", "dog", "ant", "cow"]
    assert found.labels.tolist() == [1, 3, 0, 2]
    assert found.scores.tolist() == pytest.approx([0.5, 0.35, 0.1, 0.05])
    assert (found.labels.dtype, found.scores.dtype) == (np.int64, np.float32)
    assert len(found) == 4


def test_five_are_shown_unless_told_otherwise() -> None:
    scores = np.linspace(0.3, 0.01, 7)
    assert classify(scores).names == list(CLASSES[:5])
    assert classify(scores, top=2).names == ["ant", "bee"]
    assert classify(scores, top=None).names == list(CLASSES)
    assert classify(scores, top=100).names == list(CLASSES)


def test_equal_scores_keep_the_order_of_the_classes() -> None:
    assert classify([0.2, 0.3, 0.2, 0.3]).names == ["bee", "dog", "ant", "cow"]
    assert classify([0.25] * 4, top=2).names == ["ant", "bee"]


def test_a_score_of_just_the_threshold_counts() -> None:
    scores = [0.5, 0.25, 0.125, 0.125]
    assert classify(scores, threshold=0.25).names == ["ant", "bee"]
    assert classify(scores, threshold=0.51).names == []
    assert classify(scores, threshold=0.1, top=1).names == ["ant"]


def test_the_card_has_a_say_in_the_threshold() -> None:
    card = replace(pattern_card(CLASSES[:2]), defaults={"threshold": 0.6})
    outputs = {"scores": np.array([0.55, 0.45]), "embedding": np.zeros(1)}
    assert ClassifyPredictor(card).postprocess(outputs, PICTURE).names == []
    told = ClassifyPredictor(card, threshold=0.5).postprocess(outputs, PICTURE)
    assert told.names == ["ant"]
    assert ClassifyPredictor(pattern_card()).threshold == 0.0


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    scores=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=7),
    top=st.one_of(st.none(), st.integers(1, 9)),
    threshold=st.floats(0, 1),
)
def test_no_class_that_is_left_out_is_likelier(
    scores: list[float], top: int | None, threshold: float
) -> None:
    found = classify(scores, top=top, threshold=threshold)
    assert found.scores.tolist() == [scores[label] for label in found.labels]
    assert (found.scores >= threshold).all()
    rest = [score for label, score in enumerate(scores) if label not in found.labels]
    if len(found) < (top or 9):
        assert all(score < threshold for score in rest)
    else:
        assert max(rest, default=0) <= min(found.scores)


def test_rows_and_dict_are_plain() -> None:
    found = classify([0.12345678, 0.87654321])
    rows = [{"class": "bee", "score": 0.8765}, {"class": "ant", "score": 0.1235}]
    assert found.to_rows() == rows
    assert json.loads(json.dumps(found.to_dict())) == {"classes": rows}
    assert tuple(rows[0]) == ClassifyPredictor.columns
    assert classify([0.1, 0.2], threshold=0.9).to_dict() == {"classes": []}


def test_the_embedding_is_a_copy_of_its_row() -> None:
    batch = np.arange(6, dtype=np.float16).reshape(2, 3)
    predictor = ClassifyPredictor(pattern_card(CLASSES[:2]))
    found = predictor.postprocess({"scores": np.ones(2), "embedding": batch[1]}, PICTURE)
    assert found.embedding.tolist() == [3.0, 4.0, 5.0]
    assert found.embedding.dtype == np.float32
    assert not np.shares_memory(found.embedding, batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "threshold must lie between 0 and 1, not 1.5"),
        ({"threshold": -0.1}, "between 0 and 1, not -0.1"),
        ({"threshold": float("nan")}, "between 0 and 1, not nan"),
        ({"top": 0}, "top must be at least 1, not 0"),
        ({"top": -2}, "top must be at least 1, not -2"),
    ],
)
def test_values_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ClassifyPredictor(pattern_card(), **options)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError):
        ClassifyPredictor(pattern_card(), tops=3)  # type: ignore[call-arg]


def test_pictures_are_read_and_framed() -> None:
    predictor = ClassifyPredictor(pattern_card())
    picture = noise(60, 40, 3)
    item = predictor.decode(Source("array", PurePosixPath("a"), bytes, value=picture))
    np.testing.assert_array_equal(item, picture)
    pixels = predictor.preprocess(item)["pixels"]
    assert (pixels.shape, pixels.dtype) == ((32, 32, 1), np.uint8)
    with pytest.raises(InputError, match=r"lost\.png"):
        predictor.decode(Source("lost.png", PurePosixPath("a"), bytes))
