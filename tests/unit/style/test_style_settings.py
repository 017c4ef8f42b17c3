"""`StyleSettings`: ranges, defaults of a card, and JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from cnntasks_style.settings import FROM_CARD, StyleSettings
from hypothesis import given
from hypothesis import strategies as st

from cnntasks import ModelError, UsageError

CARD: dict[str, Any] = {
    "iterations": 150,
    "style_weight": 30.0,
    "content_weight": 1.0,
    "tv_weight": 0.5,
    "style_layers": ["stem", "b0", "b2"],
    "content_layers": ["b2"],
    "layer_weights": [1.0, 0.5, 0.25],
    "init": "content",
    "optimizer": "lbfgs",
    "scales": 3,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 31}, "--size is 31; a whole number from 32 to 16384 is expected"),
        ({"size": 20_000}, "--size is 20000; a whole number from 32 to 16384"),
        ({"size": 512.5}, "--size is 512.5; a whole number"),
        ({"size": True}, "--size is True; a whole number"),
        ({"size": None}, "--size is null; leave it out"),
        ({"iterations": 0}, "--iterations is 0; a whole number from 1 to 100000"),
        ({"style_weight": -1.0}, "--style-weight is -1.0; a number from 0 is expected"),
        ({"content_weight": float("nan")}, "--content-weight is nan; a number from 0"),
        ({"tv_weight": float("inf")}, "--tv-weight is inf; a number from 0"),
        ({"tv_weight": "much"}, "--tv-weight is 'much'; a number from 0"),
        ({"style_scale": 0.01}, "--style-scale is 0.01; a number from 0.1 to 10 is expected"),
        ({"style_weight": 0, "content_weight": 0}, "--style-weight and --content-weight are both"),
        ({"style_layers": ()}, "--style-layers is (); a list with commas"),
        ({"style_layers": "b0"}, "--style-layers is 'b0'; a list with commas"),
        ({"style_layers": ("b0", "b0")}, "--style-layers is 'b0,b0'; each layer once"),
        ({"content_layers": ("", "b0")}, "--content-layers is ('', 'b0'); names of layers"),
        ({"layer_weights": (1, -1)}, "--layer-weights is -1; a number from 0"),
        ({"layer_weights": (0, 0)}, "--layer-weights is '0,0'; at least one part above 0"),
        (
            {"layer_weights": (1, 1), "style_layers": ("a", "b", "c")},
            "--layer-weights has 2 numbers for 3 style layers; give one for each",
        ),
        ({"style_blend": (0.0,)}, "--style-blend is '0.0'; at least one part above 0"),
        ({"init": "photo"}, "--init is 'photo'; content or style or noise is expected"),
        ({"optimizer": "sgd"}, "--optimizer is 'sgd'; lbfgs or adam is expected"),
        ({"preserve_color": "hue"}, "--preserve-color is 'hue'; none or luminance or histogram"),
        ({"preserve_color": None}, "--preserve-color is null"),
        ({"seed": -1}, "--seed is -1; a whole number from 0"),
        ({"preview_every": -1}, "--preview-every is -1; a whole number from 0"),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        StyleSettings(**changes)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_numbers_of_numpy_are_numbers() -> None:
    made = StyleSettings(size=np.int64(64), style_weight=np.float32(0.5))  # type: ignore[arg-type]
    assert type(made.size) is int
    assert json.loads(json.dumps(made.to_dict()))["style_weight"] == 0.5


def test_the_card_fills_what_is_not_given() -> None:
    filled = StyleSettings(style_weight=3).filled(CARD)
    assert filled.style_weight == 3.0
    assert filled.iterations == 150
    assert filled.style_layers == ("stem", "b0", "b2")
    assert filled.layer_weights == (1.0, 0.5, 0.25)
    assert all(getattr(filled, name) is not None for name in FROM_CARD)
    assert filled.filled({}) == filled


def test_the_cards_layer_weights_are_for_its_own_layers() -> None:
    assert StyleSettings(style_layers=("stem",)).filled(CARD).layer_weights is None
    same = StyleSettings(style_layers=("stem", "b0", "b2")).filled(CARD)
    assert same.layer_weights == (1.0, 0.5, 0.25)
    without = {key: value for key, value in CARD.items() if key != "layer_weights"}
    assert StyleSettings().filled(without).layer_weights is None
    with pytest.raises(UsageError, match="--layer-weights has 2 numbers for 3 style layers"):
        StyleSettings(layer_weights=(1, 1)).filled(CARD)


def test_a_card_without_a_default_or_with_a_wrong_one() -> None:
    with pytest.raises(ModelError, match=r"tiny: its card has no default for tv_weight; give --tv"):
        StyleSettings().filled({**CARD, "tv_weight": None}, "tiny")
    with pytest.raises(ModelError, match="tiny: its card's default is wrong: --init is 'photo'"):
        StyleSettings().filled({**CARD, "init": "photo"}, "tiny")


def test_changes() -> None:
    before = StyleSettings(style_layers=("a", "b"), layer_weights=(1, 2))
    assert before.changed(size=64).layer_weights == (1, 2)
    assert before.changed(style_layers=("a", "b")).layer_weights == (1, 2)
    assert before.changed(style_layers=("a",)).layer_weights is None
    assert before.changed(style_layers=("a",), layer_weights=(3,)).layer_weights == (3,)
    with pytest.raises(UsageError, match="there is no style setting 'sise'; there are size, it"):
        before.changed(sise=3)


def test_parts_of_styles() -> None:
    assert StyleSettings().blend(4) == (0.25,) * 4
    assert StyleSettings(style_blend=(3, 1)).blend(2) == (0.75, 0.25)
    with pytest.raises(UsageError, match="--style-blend has 2 parts for 3 style pictures"):
        StyleSettings(style_blend=(3, 1)).blend(3)


weights = st.floats(0, 1e6, allow_subnormal=False)
names = st.lists(st.text("abc_12", min_size=1), min_size=1, unique=True).map(tuple)
parts = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6).map(tuple)


@given(
    st.builds(
        StyleSettings,
        size=st.integers(32, 16384),
        iterations=st.none() | st.integers(1, 1000),
        style_weight=st.none() | weights.filter(bool),
        tv_weight=st.none() | weights,
        style_layers=st.none() | names,
        style_blend=st.none() | parts,
        style_scale=st.floats(0.1, 10),
        init=st.sampled_from(["content", "style", "noise", None]),
        seed=st.integers(0, 2**63 - 1),
    )
)
def test_json_gives_back_the_same_settings(settings: StyleSettings) -> None:
    assert StyleSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_json_of_strangers_is_checked() -> None:
    with pytest.raises(UsageError, match="there is no style setting 'prompt'"):
        StyleSettings.from_dict({"prompt": "a castle"})
    with pytest.raises(UsageError, match="--size is '512'; a whole number"):
        StyleSettings.from_dict({"size": "512"})
