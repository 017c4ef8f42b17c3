"""Predictions from Python: the same alone and in batches, with every odd text answered or told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cnntasks_text import predictor as predictor_module
from tiny_text import CLASSES, TinyText, copy_model, make_tokenizer

import cnntasks
from cnntasks import InputError, ModelError, UsageError

Load = Callable[..., cnntasks.Pipeline]


def test_a_result_is_what_the_network_says(load_tiny: Load) -> None:
    text = "Not good, bad film"
    ids = torch.tensor([make_tokenizer().encode(text).ids])
    expected = TinyText()(ids)["logits"].softmax(dim=1)[0].detach().numpy()
    result = load_tiny()(text)
    order = np.argsort(-expected)
    assert result.names == [CLASSES[n] for n in order]
    np.testing.assert_allclose(result.probabilities, expected[order], atol=1e-4)
    assert (result.label, result.probability) == (result.names[0], float(result.probabilities[0]))
    assert result.to_dict() == {
        "text": text,
        "labels": [
            {"label": name, "probability": round(float(value), 4)}
            for name, value in zip(result.names, result.probabilities, strict=True)
        ],
    }
    assert result.to_rows()[0] == {**result.to_dict()["labels"][0], "text": text}


def test_a_string_has_one_result_and_a_list_a_list(load_tiny: Load, here: Path) -> None:
    model = load_tiny()
    assert model("good").label == "positive"
    assert [it.label for it in model(["good", "bad"])] == ["positive", "negative"]
    (here / "a.txt").write_text("good\nbad\nnot good\n")
    found = model(Path("a.txt"))
    assert [it.label for it in found] == ["positive", "negative", "negative"]
    assert load_tiny(whole=True)(Path("a.txt")).text == "good\nbad\nnot good\n"
    (here / "a.csv").write_text("n,note\n1,bad\n")
    assert load_tiny(column="note")(Path("a.csv"))[0].label == "negative"


@pytest.mark.parametrize("many", [False, True])
def test_the_others_of_a_batch_change_nothing(load_tiny: Load, many: bool) -> None:
    random = np.random.default_rng(1)
    words = ["good", "bad", "not", "film", ",", "xyz"]
    texts = [" ".join(random.choice(words, length)) for length in random.integers(1, 90, 400)]
    model = load_tiny(many=many, explain=True)
    single = load_tiny(explain=True, batch_size=1)
    for text, result in zip(texts, model(texts), strict=True):
        alone = single(text)
        assert result.text == text
        np.testing.assert_allclose(result.probabilities, alone.probabilities, atol=1e-6)
        assert result.explanation.ngrams == alone.explanation.ngrams


def test_top_limits_the_labels(load_tiny: Load) -> None:
    assert len(load_tiny(top=1)("good").to_rows()) == 1
    assert len(load_tiny(top=9)("good").to_rows()) == 2
    for wrong in ({"top": 0}, {"ngrams": 0}, {"encoding": "klingon"}):
        with pytest.raises(UsageError):
            load_tiny(**wrong)


ODD = ["...", "?!", "😀", "👩\u200d👩\u200d👧 🏳️\u200d🌈", "x", "\u202egood\u200b", "é" * 10_000]


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_have_an_answer(load_tiny: Load, text: str) -> None:
    result = load_tiny(explain=True)(text)
    assert result.label in CLASSES
    for span in (*result.explanation.ngrams, *result.explanation.words):
        assert text[span.start : span.end] == span.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text 1: the text is empty"),
        (" \n\t\u3000", "text 1: the text is empty"),
        ("good\0bad", "text 1: a NUL character at place 5"),
        ("good \ud83d", "text 1: the character at place 6 is half of a surrogate pair"),
        (b"caf\xe9", "text 1:1: byte 4 (0xe9) is not utf-8"),
        (b"", "text 1: the text is empty"),
    ],
)
def test_texts_that_cannot_be_read_are_named(
    load_tiny: Load, text: str | bytes, message: str
) -> None:
    model = load_tiny()
    with pytest.raises(InputError) as caught:
        model(text)
    assert str(caught.value).startswith(message)
    first, second, third = model.stream(["good", text, "bad"])
    assert first.result is not None
    assert first.result.label == "positive"
    assert isinstance(second.error, InputError)
    assert third.result is not None
    assert third.result.label == "negative"


def test_a_text_without_anything_that_the_model_reads_is_an_error(load_tiny: Load) -> None:
    from tokenizers import pre_tokenizers

    model = load_tiny()
    model.predictor.tokenizer.pre_tokenizer = pre_tokenizers.Split("😀", "removed")
    with pytest.raises(InputError, match="nothing in it that the model reads"):
        model("😀😀")


def test_a_long_text_is_read_as_far_as_the_model_reads(
    load_tiny: Load, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_model(tiny_model, tmp_path / "m", preprocessing={"max_length": 2})
    short = cnntasks.load("text", folder, explain=True)
    result = short("bad film good")
    assert (result.label, result.cut, result.to_dict()["cut"]) == ("negative", True, True)
    assert [span.text for span in result.explanation.ngrams] == ["bad"]
    assert not short("bad film").cut
    assert "cut" not in short("bad film").to_dict()
    monkeypatch.setattr(predictor_module, "MOST_TOKENS", 3)
    assert load_tiny()("film film film good").label == "positive"  # the bias alone
    assert load_tiny()("film film film good").cut


def test_a_megabyte_without_a_space_is_answered(load_tiny: Load) -> None:
    result = load_tiny(explain=True)("good" * 2**18)
    assert result.label in CLASSES


def test_tokens_are_padded_at_the_end_with_zeros(load_tiny: Load) -> None:
    predictor = load_tiny().predictor
    feeds = [{"tokens": np.array(ids, np.int64)} for ids in ([1], [2, 3, 4], [5, 6])]
    tokens = predictor.collate(feeds)["tokens"]
    assert tokens.tolist() == [[1, 0, 0], [2, 3, 4], [5, 6, 0]]
    assert tokens.dtype == np.int64


@pytest.mark.parametrize("content", [None, b"{}", b"\xff", b'{"version": "1.0"'])
def test_a_damaged_tokenizer_is_an_error_that_names_it(
    tiny_model: Path, tmp_path: Path, content: bytes | None
) -> None:
    folder = copy_model(tiny_model, tmp_path / "broken")
    if content is None:
        (folder / "tokenizer.json").unlink()
    else:
        (folder / "tokenizer.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json: cannot read this tokenizer") as caught:
        cnntasks.load("text", folder)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_that_pads_and_cuts_by_itself_does_not(
    tiny_model: Path, tmp_path: Path
) -> None:
    tokenizer = make_tokenizer()
    tokenizer.enable_padding(length=40)
    tokenizer.enable_truncation(2)
    folder = copy_model(tiny_model, tmp_path / "m")
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    model = cnntasks.load("text", folder, explain=True)
    assert [word.text for word in model("film film good").explanation.words] == [
        "film",
        "film",
        "good",
    ]


def test_explanations_are_computed_only_where_they_are_asked_for(load_tiny: Load) -> None:
    plain, explained = load_tiny(), load_tiny(explain=True)
    tokens = {"tokens": np.array([[2]])}
    assert set(plain.engine.run(tokens)) == {"logits"}
    assert set(explained.engine.run(tokens)) == {"logits", "contributions", "positions"}
    assert plain("good").explanation is None
    assert explained("good").to_rows()[0]["because"] == "good (+1.00)"
    assert [row["because"] for row in explained("good").to_rows()][1:] == [""]
