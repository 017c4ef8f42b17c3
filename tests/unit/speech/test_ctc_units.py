"""Spelling of transcripts, and their error rates."""

from __future__ import annotations

import pytest
from cnntasks_speech.ctc.metrics import score_transcripts
from cnntasks_speech.ctc.units import Speller, find_units, normalised

from cnntasks import UsageError


def test_transcripts_are_lower_case_words_without_punctuation() -> None:
    assert normalised("  Don’t STOP, now! ") == "don't stop now"
    assert normalised("well-known — 'quoted' -dash-") == "well-known quoted dash"
    assert normalised("Cafe\u0301") == "café"
    assert normalised("... !") == ""


def test_units_are_those_of_the_transcripts() -> None:
    texts = ["one two", "two"]
    assert find_units(texts, "words") == ("one", "two")
    assert find_units(texts, "characters") == (" ", "e", "n", "o", "t", "w")
    with pytest.raises(UsageError, match="nothing to learn"):
        find_units(["", ""], "words")


@pytest.mark.parametrize("kind", ["words", "characters"])
def test_what_is_spelled_is_read_again(kind: str) -> None:
    speller = Speller(find_units(["one two"], kind), kind)
    spelled = speller.spell("two one two")
    assert spelled is not None
    assert min(spelled) >= 1
    assert speller.text(spelled) == "two one two"
    assert speller.spell("three") is None
    assert speller.spell("") == []


def test_error_rates_are_edits_over_the_truth() -> None:
    score = score_transcripts(["one two", "three", ""], ["one too", "three", "four"]).metrics
    assert score["WER"] == pytest.approx(2 / 4)
    assert score["CER"] == pytest.approx((1 + 4) / (7 + 5 + 4))
    assert score["word_accuracy"] == pytest.approx(1 / 2)
    assert score["sentence_accuracy"] == pytest.approx(1 / 3)
