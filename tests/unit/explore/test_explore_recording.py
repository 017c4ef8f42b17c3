"""One picture through a classifier: which layers are kept, how exactly, and what they see."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_visualize.explore import recording
from cnntasks_visualize.explore.recording import find_layers, quantize, recorded_payload, share
from explorable import opened, picture
from torch import nn

import cnntasks


def layers_of(network: nn.Module, *shape: int) -> list[recording.Layer]:
    return list(find_layers(cnntasks.describe_network(network, shape), network))


@pytest.fixture(scope="module")
def resnet() -> dict[str, Any]:
    return recorded_payload(opened("resnet18", 64), picture(), "noise.png")


def test_a_layer_is_its_weights_normalisation_and_activation(resnet: dict[str, Any]) -> None:
    names = [layer["name"] for layer in resnet["layers"]]
    assert names[:5] == ["stem.0", "stem.3", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.add"]
    assert names[-2:] == ["embed", "output.1"]
    stem, pool, conv, second, join = resnet["layers"][:5]
    assert (stem["kind"], stem["then"]) == ("convolution", ["BatchNorm2d", "ReLU"])
    assert (stem["rows"], stem["cols"], stem["total"]) == (32, 32, 64)
    assert (pool["kind"], conv["then"], second["then"]) == (
        "pooling",
        ["BatchNorm2d", "ReLU"],
        ["BatchNorm2d"],
    )
    assert (join["kind"], join["made"], join["then"]) == ("join", "add", ["ReLU"])
    assert len(names) == len(set(names))


def test_numbers_are_those_of_the_network(resnet: dict[str, Any]) -> None:
    """Against torch, within half a step of 8 bits: the residual sum after its second ReLU."""
    model = opened("resnet18", 64)
    feeds = model.feeds([picture()])
    trunk = model.network.classifier.backbone
    x = (feeds["pixels"].permute(0, 3, 1, 2) - model.network.mean) / model.network.std
    stem = trunk.parts["stem"](x)
    expected = trunk.parts["layer1"][0](stem)[0].numpy()
    pixels = np.prod(resnet["picture"])
    blob = np.frombuffer(zlib.decompress(base64.b64decode(resnet["blob"])), np.uint8)
    for layer in resnet["layers"]:
        size = len(layer["channels"]) * layer["rows"] * layer["cols"]
        if layer["name"] == "layer1.0.add":
            break
        pixels += size
    values = blob[pixels : pixels + size].reshape(-1, layer["rows"], layer["cols"])
    low, high = (np.array(layer[side])[:, None, None] for side in ("low", "high"))
    found = low + values / 255 * (high - low)
    step = (high - low) / 255
    assert (np.abs(found - expected[layer["channels"]]) <= 0.51 * step + 1e-3).all()
    strength = np.abs(expected).max(axis=(1, 2))[layer["channels"]]
    assert (np.diff(strength) <= 0).all()


def test_the_picture_is_what_the_network_sees(resnet: dict[str, Any]) -> None:
    model = opened("resnet18", 64)
    blob = zlib.decompress(base64.b64decode(resnet["blob"]))
    pixels = np.frombuffer(blob[: 64 * 64 * 3], np.uint8).reshape(resnet["picture"])
    np.testing.assert_array_equal(pixels, model.predictor.preprocess(picture())["pixels"])
    scores = model.network(**model.feeds([picture()]))["scores"][0]
    assert resnet["classes"][0]["score"] == pytest.approx(scores.max().item(), abs=1e-4)
    assert len(resnet["classes"]) == 3


@pytest.mark.parametrize("name", ["stem.3", "layer1.1.add", "layer2.0.conv1"])
def test_a_unit_depends_on_the_pixels_that_are_said(resnet: dict[str, Any], name: str) -> None:
    """Against the gradient of one unit; a frame around all pixels would be wrong, too."""
    [layer] = [it for it in resnet["layers"] if it["name"] == name]
    model = opened("resnet18", 64)
    trunk = model.network.classifier.backbone
    stages = {"stem.3": "stem", "layer1.1.add": "layer1"}
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    if name in stages:
        maps = trunk(x, [stages[name]])[stages[name]]
    else:
        maps = trunk.parts["layer2"][0].conv1(trunk(x, ["layer1"])["layer1"])
    row, col = layer["rows"] // 2, layer["cols"] // 2
    (gradient,) = torch.autograd.grad(maps[0, :, row, col].sum(), x)
    seen = gradient[0].abs().sum(0).numpy() > 0
    (top, left), (down, across), (height, width) = layer["start"], layer["jump"], layer["field"]
    first = np.array([top + row * down, left + col * across])
    frame = np.zeros((64, 64), bool)
    y, x0 = np.maximum(first, 0)
    frame[y : first[0] + height, x0 : first[1] + width] = True
    assert not (seen & ~frame).any()
    rows, cols = seen.any(axis=1).nonzero()[0], seen.any(axis=0).nonzero()[0]
    # Max pooling and ReLU pass some gradients on and others not: the frame may be a little wider.
    assert rows[0] - y <= 6
    assert cols[0] - x0 <= 6
    assert len(rows) >= min(height, 64) - 12


def test_evidence_adds_up_to_the_logits(resnet: dict[str, Any]) -> None:
    model = opened("resnet18", 64)
    logits = model.network.logits(**model.feeds([picture()]))["logits"][0]
    by_class = dict(zip(model.card.classes, logits.tolist(), strict=True))
    assert [row["class"] for row in resnet["evidence"]] == sorted(
        by_class, key=lambda name: -by_class[name]
    )
    for row in resnet["evidence"]:
        named = sum(it["product"] for it in row["features"])
        assert named + row["rest"] + row["bias"] == pytest.approx(by_class[row["class"]], abs=1e-3)
        for it in row["features"]:
            assert it["product"] == pytest.approx(it["value"] * it["weight"], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("backbone", "some"),
    [
        ("googlenet", {"inception3a.cat", "inception3a.branch2.1.conv"}),
        ("mobilenet_v3_small", {"b1.block.1.mul", "embed.1"}),
        ("efficientnet_lite0", {"b2.add", "b0.depthwise.0"}),
    ],
)
def test_results_of_functions_are_kept_as_well(backbone: str, some: set[str]) -> None:
    with torch.device("meta"):
        network = cnntasks.create_classifier(backbone, 3)
    layers = layers_of(network, 3, 96, 96)
    names = {layer.head.name.removeprefix("backbone.parts.") for layer in layers}
    assert some <= names
    modules = dict(network.named_modules())
    assert all(layer.module[0] in modules for layer in layers)


def test_full_connections_at_each_place_have_maps_too() -> None:
    """ConvNeXt's, whose channels lie last."""
    with torch.device("meta"):
        network = cnntasks.create_classifier("torchvision:convnext_tiny", 3)
    [layer] = [
        it for it in layers_of(network, 3, 64, 96) if it.head.name.endswith("features1.0.block.3")
    ]
    assert (layer.head.category, layer.shape) == ("linear", (384, 16, 24))
    values = np.random.default_rng(0).random((16, 24, 384), np.float32)
    np.testing.assert_array_equal(layer.arranged(values)[5], values[:, :, 5])


def test_the_budget_holds_for_deep_and_for_wide_networks() -> None:
    for backbone, side in (("resnet152", 224), ("vgg16", 224)):
        with torch.device("meta"):
            network = cnntasks.create_classifier(backbone, 1000)
        layers = layers_of(network, 3, side, side)
        room = share(layers)
        total = 0
        for layer in layers:
            channels, height, width = layer.shape
            area = height * width
            total += min(channels, max(room // area, 1), 4096 if area == 1 else 64) * area
        assert 0.5 * recording.BUDGET < total <= recording.BUDGET


def test_eight_bits_of_each_maps_own_range() -> None:
    values = np.stack([np.full((2, 2), 3.0), np.array([[-8, 0], [1, 2]]), np.zeros((2, 2))])
    maps = quantize(values.astype(np.float32), 8)
    assert maps.channels.tolist() == [1, 0]  # the strongest two: there is no room for the third
    assert (maps.low.tolist(), maps.high.tolist()) == ([-8, 3], [2, 3])
    assert maps.values.tolist() == [[[0, 204], [230, 255]], [[0, 0], [0, 0]]]
    assert maps.total == 3


def test_numbers_keep_their_order() -> None:
    maps = quantize(np.array([0.0, 5.0, 2.0], np.float32).reshape(3, 1, 1), 3)
    assert maps.channels.tolist() == [0, 1, 2]


def test_a_network_of_another_make_is_refused() -> None:
    model = opened("lenet5", 32)
    other = cnntasks.OpenNetwork(model.card, nn.Linear(2, 2), model.predictor, model.device)
    with pytest.raises(cnntasks.ModelError, match=r"tiny-lenet5: .*cnntasks\.Classifier"):
        recorded_payload(other, picture(), "a.png")
