"""A text model made by hand, small enough to check by head; for every test of the task `text`.

Its words are `good`, `bad`, `not`, `film`, `,` and `!`; letter case does not count, and any other
word is `[UNK]`. Map 0 sees `good`, map 1 `bad`, map 2 (three words wide) `not` before `good` or two
words before it, map 3 `film`. So "not good" is negative, and "film" says nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor, nn
from torch.nn import functional

import cnntasks

WORDS = ("[PAD]", "[UNK]", "good", "bad", "not", "film", ",", "!")
CLASSES = ("negative", "positive")
#: K×M: what each map adds to each logit, for each 1 of its maximum.
WEIGHTS = ((0.0, 2.0, 3.0, 0.25), (2.0, 0.0, 0.0, 0.25))
BIAS = (0.0, 0.5)
#: One map of one word each for good and bad, one of three words, one of one word.
WINDOWS = ((0, 0, 2), (2, 0, 1), (0, 0, 1))


def make_tokenizer() -> Tokenizer:
    """Lower case, words and punctuation apart."""
    tokenizer = Tokenizer(
        models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


class TinyText(nn.Module):
    """The contract of a text network: tokens B×L to logits, contributions and positions."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(WORDS), len(WORDS), padding_idx=0)
        self.single = nn.Conv1d(len(WORDS), 3, 1)
        self.wide = nn.Conv1d(len(WORDS), 1, 3)
        self.linear = nn.Linear(4, 2)
        good, bad, negation, film = (WORDS.index(w) for w in ("good", "bad", "not", "film"))
        with torch.no_grad():
            for value in self.parameters():
                value.zero_()
            self.embedding.weight.copy_(torch.eye(len(WORDS)))
            self.embedding.weight[0] = 0
            for number, word in enumerate((good, bad, film)):
                self.single.weight[number, word, 0] = 1
            # `good` now and `not` one or two words before: 1 above the bias, else 0.
            self.wide.weight[0, good, 2] = 1
            self.wide.weight[0, negation, 0] = self.wide.weight[0, negation, 1] = 1
            assert self.wide.bias is not None
            self.wide.bias.fill_(-1)
            self.linear.weight.copy_(torch.tensor(WEIGHTS))
            self.linear.bias.copy_(torch.tensor(BIAS))

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        x = self.embedding(tokens).transpose(1, 2)
        good_bad_film = self.single(x)
        negated = self.wide(functional.pad(x, (2, 0)))
        maps = torch.cat((good_bad_film[:, :2], negated, good_bad_film[:, 2:]), dim=1).relu()
        maps = maps * (tokens != 0)[:, None].to(maps.dtype)
        pooled = maps.amax(dim=2)
        return {
            "logits": self.linear(pooled),
            "contributions": self.linear.weight[None] * pooled[:, None],
            "positions": maps.argmax(dim=2),
        }


def make_card(name: str = "tiny", **changes: object) -> cnntasks.ModelCard:
    """The card of the model; `changes` are further fields."""
    fields: dict[str, object] = {
        "network": {
            "name": "text-classifier",
            "backbone": "tiny",
            "windows": [list(row) for row in WINDOWS],
        },
        "classes": CLASSES,
        "preprocessing": {"max_length": 0},
        **changes,
    }
    return cnntasks.ModelCard(name=name, task="text", **fields)  # type: ignore[arg-type]


def write_tiny_model(folder: Path) -> Path:
    """Write the model into a folder."""
    spec = cnntasks.GraphSpec(
        feeds={"tokens": torch.tensor([[2, 5, 3], [4, 2, 0]]).numpy()},
        dynamic={"tokens": {0: "batch", 1: "length"}},
        outputs=("logits", "contributions", "positions"),
    )
    files = {"tokenizer.json": make_tokenizer().to_str().encode()}
    cnntasks.write_model(TinyText(), spec, make_card(), folder, files=files)
    return folder


def copy_model(model: Path, folder: Path, **changes: Any) -> Path:
    """The model `model` under another card: much faster than exporting it again."""
    shutil.copytree(model, folder)
    cnntasks.update_card(folder, replace(cnntasks.read_card(model), **changes))
    return folder
