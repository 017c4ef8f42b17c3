"""An explanation adds up to the logit, and names the characters that decided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cnntasks_text.explain import Explanation, Windows, explain_text
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_text import make_card

import cnntasks
from cnntasks import ModelError

FEW = settings(max_examples=40, deadline=None, derandomize=True)
Load = Callable[..., cnntasks.Pipeline]


def explained(load_tiny: Load, text: str, **options: object) -> Explanation:
    found = load_tiny(explain=True, **options)(text).explanation
    assert found is not None
    return found  # type: ignore[no-any-return]


def spans(found: Explanation) -> dict[str, float]:
    return {span.text: round(span.contribution, 6) for span in found.ngrams}


def test_the_ngrams_of_the_model_made_by_hand(load_tiny: Load) -> None:
    found = explained(load_tiny, "Bad film, not  really GOOD!")
    # bad: (2 - 0) / 2; not..good: (3 - 0) / 2; good speaks against it by (2 - 0) / 2.
    assert spans(found) == {"not  really GOOD": 1.5, "Bad": 1.0, "GOOD": -1.0}
    assert found.label == "negative"
    assert found.bias == pytest.approx(-0.25)
    assert found.logit == pytest.approx(1.25)
    assert found.in_words() == "not really GOOD (+1.50); Bad (+1.00); GOOD (-1.00)"
    words = [(word.text, round(word.contribution, 6)) for word in found.words]
    assert words == [
        ("Bad", 1.0), ("film", 0.0), (",", 0.0), ("not", 0.5), ("really", 0.5), ("GOOD", -0.5),
        ("!", 0.0),
    ]  # fmt: skip


def test_a_text_that_says_nothing_has_no_ngrams(load_tiny: Load) -> None:
    found = explained(load_tiny, "xyz?")
    assert found.ngrams == ()
    assert found.logit == pytest.approx(found.bias)
    assert found.in_words() == ""


WORDS = st.sampled_from(["good", "Bad", "not", "film", "xyz", ",", "!", "é", "😀", " ", "\n\t"])


@pytest.mark.parametrize("most", [1, 3, 100])
def test_everything_adds_up_and_stands_where_it_says(load_tiny: Load, most: int) -> None:
    model = load_tiny(explain=True, ngrams=most)

    @FEW
    @given(st.lists(WORDS, min_size=1, max_size=25).filter(lambda it: "".join(it).strip()))
    def check(parts: list[str]) -> None:
        text = " ".join(parts)
        result = model(text)
        found = result.explanation
        total = found.bias + sum(it.contribution for it in found.ngrams) + found.others
        assert total == pytest.approx(found.logit, abs=1e-5)
        words = sum(it.contribution for it in found.words)
        assert found.bias + words == pytest.approx(found.logit, abs=1e-5)
        # For two classes the centred logit is half the log-odds.
        p = result.probability
        assert found.logit == pytest.approx(np.log(p / (1 - p)) / 2, abs=1e-3)
        assert len(found.ngrams) <= most
        weights = [abs(it.contribution) for it in found.ngrams]
        assert weights == sorted(weights, reverse=True)
        for span in (*found.ngrams, *found.words):
            assert text[span.start : span.end] == span.text
            assert span.text == span.text.strip() != ""
        ends = [it.end for it in found.words]
        assert ends == sorted(ends)

    check()


def explain(
    text: str, offsets: list[tuple[int, int]], positions: list[int], values: list[list[float]]
) -> Explanation:
    """An explanation of K×M contributions with windows of the token before, itself and the next."""
    terms = np.array(values, np.float32)
    count = len(positions)
    windows = Windows(np.full(count, 1), np.full(count, 1))
    return explain_text(
        text, offsets, terms.sum(axis=1), terms, np.array(positions), windows, ["a", "b", "c"], 9
    )


def test_windows_are_clipped_at_both_ends_and_equal_ones_are_one() -> None:
    offsets = [(0, 3), (4, 7), (8, 11)]
    found = explain("one two six", offsets, [0, 2, 0, 1], [[2, 1, 1, 4], [0] * 4, [0] * 4])
    assert spans(found) == {
        "one two six": pytest.approx(4 * 2 / 3, abs=1e-5),
        "one two": pytest.approx(3 * 2 / 3, abs=1e-5),
        "two six": pytest.approx(1 * 2 / 3, abs=1e-5),
    }


def test_contributions_are_those_against_the_mean_of_all_classes() -> None:
    found = explain("one two", [(0, 3), (4, 7)], [0], [[3.0], [0.0], [6.0]])
    assert found.label == "c"
    assert [it.contribution for it in found.ngrams] == [pytest.approx(3.0)]
    assert found.logit == pytest.approx(3.0)
    assert found.bias == pytest.approx(0.0)


def test_parts_of_a_word_are_one_word_and_so_is_one_with_an_apostrophe() -> None:
    text = "un believably don't"
    offsets = [(0, 2), (2, 10), (10, 13), (13, 16), (16, 19)]  # a byte-level tokeniser's
    found = explain(text, offsets, [1], [[3.0], [0.0], [0.0]])
    assert [it.text for it in found.words] == ["un", "believably", "don't"]
    assert [it.contribution for it in found.words] == pytest.approx([2 / 3, 4 / 3, 0.0])
    assert [it.text for it in found.ngrams] == ["un believably"]


def test_a_temperature_divides_what_is_explained(load_tiny: Load) -> None:
    model = load_tiny(explain=True)
    warm = model("good film")
    model.predictor.temperature = 2.0
    cool = model("good film")
    assert cool.explanation.logit == pytest.approx(warm.explanation.logit / 2)
    assert cool.explanation.bias == pytest.approx(warm.explanation.bias / 2)
    assert 0.5 < cool.probability < warm.probability


@pytest.mark.parametrize("network", [{}, {"windows": "wide"}, {"windows": [[1, 2]]}])
def test_a_card_without_windows_is_an_error(network: dict[str, object]) -> None:
    card = make_card(network={"name": "text-classifier", **network})
    with pytest.raises(ModelError, match="does not say how wide its windows are"):
        Windows.from_card(card)
