"""What the live page is given of a LeNet-5."""

from __future__ import annotations

import base64
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cnntasks_classify.network import build
from cnntasks_visualize.explore.lenet import TABLE, encode_floats, is_live, live_payload
from explorable import LENET
from safetensors.numpy import load_file, save_file

import cnntasks


def test_all_weights_are_there_and_exact() -> None:
    card = cnntasks.read_card(LENET)
    payload = live_payload(card, LENET)
    tensors = payload["model"]["tensors"]
    given = sorted(cnntasks.read_weights(LENET).values(), key=lambda it: it.tobytes())
    found = [np.frombuffer(base64.b64decode(text), "<f4") for text in tensors.values()]
    found = sorted(found, key=lambda it: it.tobytes())
    assert len(found) == len(given) == 13
    for one, two in zip(found, given, strict=True):
        np.testing.assert_array_equal(one, two.ravel())
    assert payload["model"]["classes"] == list("0123456789")
    assert (payload["model"]["mean"], payload["model"]["std"]) == (20.0, 200.0)
    assert payload["picture"] is None


def test_the_table_is_that_of_the_network() -> None:
    """A map of C3 depends on just the maps of S2 that the table names."""
    network = build(cnntasks.read_card(LENET))
    c3 = network.classifier.backbone.parts["c3"]
    x = torch.randn(1, 6, 5, 5, requires_grad=True)
    for row, seen in zip(c3(x)[0, :, 0, 0], TABLE, strict=True):
        (gradient,) = torch.autograd.grad(row, x, retain_graph=True)
        assert tuple(gradient[0].abs().sum((1, 2)).nonzero().flatten().tolist()) == seen


def test_a_picture_to_begin_with() -> None:
    pixels = np.arange(1024, dtype=np.uint8).reshape(32, 32, 1)
    payload = live_payload(cnntasks.read_card(LENET), LENET, pixels, "seven.png")
    assert base64.b64decode(payload["picture"]) == pixels.tobytes()
    assert payload["source"] == "seven.png"


def test_only_a_grey_lenet_is_live() -> None:
    card = cnntasks.read_card(LENET)
    assert is_live(card)
    assert not is_live(replace(card, network={"name": "classifier", "backbone": "resnet18"}))
    assert not is_live(replace(card, preprocessing={**card.preprocessing, "color": "RGB"}))
    assert not is_live(replace(card, preprocessing={**card.preprocessing, "crop": 64}))
    assert not is_live(replace(card, task="detect"))


def test_weights_that_are_no_lenets_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(LENET, folder)
    weights = load_file(folder / "weights.safetensors")
    weights.pop("classifier.embed.1.bias")
    save_file(weights, folder / "weights.safetensors")
    with pytest.raises(cnntasks.ModelError, match=r"odd: .*classifier\.embed\.1\.bias"):
        live_payload(cnntasks.read_card(folder), folder)


def test_floats_are_little_endian_whatever_they_were() -> None:
    values = np.array([1.0, -2.5], dtype=">f8")
    assert base64.b64decode(encode_floats(values)) == b"\0\0\x80?\0\0 \xc0"
