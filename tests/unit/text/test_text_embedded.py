"""The embedded text models: small, whole, the same in both engines, right on plain sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cnntasks_text.cards import entries

import cnntasks
from cnntasks.models.folder import folder_size, verify_folder

FOLDERS = {entry.name: entry.folder for entry in entries()}
SENTENCES = {
    "sentiment": {
        "a gripping, funny film": "positive",
        "one of the best films of the year": "positive",
        "Beautifully acted and deeply moving.": "positive",
        "a dull, lifeless mess": "negative",
        "not funny at all": "negative",
        "I have never been so bored in my life; what a waste of time!": "negative",
    },
    "questions": {
        "Who wrote Hamlet?": "human",
        "What is the capital of Peru?": "location",
        "How many legs does a spider have?": "number",
        "What does NASA stand for?": "abbreviation",
        "Why is the sky blue?": "description",
    },
}
LEAST = {
    "sentiment": {"sst": 0.83, "mr": 0.79, "imdb": 0.83},
    "questions": {"test": 0.86},
}


@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_plain_sentences_are_understood(name: str) -> None:
    classifier = cnntasks.load("text", name, offline=True)
    assert {text: classifier(text).label for text in SENTENCES[name]} == SENTENCES[name]


def test_a_long_review_is_read_to_its_end() -> None:
    classifier = cnntasks.load("text", "sentiment", offline=True)
    filler = "The story is set in a small town by the sea. " * 60
    assert classifier(filler + "A wonderful, moving, beautiful film.").label == "positive"
    assert classifier(filler + "Awful, boring, a stupid waste of time.").label == "negative"


@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_engines_agree(name: str) -> None:
    found = []
    for engine in ("onnx", "torch"):
        classifier = cnntasks.load("text", name, engine=engine, offline=True, top=None)
        results = [classifier(text) for text in SENTENCES[name]]
        found.append([it.probabilities[np.argsort(it.labels)] for it in results])
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_it_is_whole_and_small_and_says_what_it_measured(name: str) -> None:
    folder = FOLDERS[name]
    assert isinstance(folder, Path)
    assert verify_folder(folder) == []
    assert folder_size(folder) <= 6_000_000
    card = cnntasks.read_card(folder)
    assert card.notes
    assert card.training_data
    assert card.defaults["temperature"] > 0
    for part, least in LEAST[name].items():
        assert card.metrics[f"{part}_accuracy"] >= least
