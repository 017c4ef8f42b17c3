"""The first convolution's filters: given where the page can compute with them, and only there."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_visualize.explore.filters import first_filters
from explorable import color_card
from torch import nn

import cnntasks

CHANNELS = np.array([2, 0])
CARD = color_card("resnet18", 9)


def filters_of(
    network: nn.Sequential, card: cnntasks.ModelCard = CARD, scale: float = 1.0
) -> dict[str, Any] | None:
    """For noise of 9×9 that the card's normalisation (times `scale`) turned into the input."""
    pixels = np.random.default_rng(2).integers(0, 256, (9, 9, 3), np.uint8)
    mean, std = (np.array(CARD.preprocessing[key]) for key in ("mean", "std"))
    x = torch.from_numpy((pixels - mean) / std * scale).float().permute(2, 0, 1)
    rows = cnntasks.describe_network(network, (3, 9, 9))
    return first_filters(network, rows, CHANNELS, card, pixels, x)


def numbers(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_weights_are_those_of_the_maps_that_are_kept() -> None:
    conv = nn.Conv2d(3, 4, (3, 5), (2, 1), (1, 2))
    found = filters_of(nn.Sequential(conv, nn.ReLU()))
    assert found is not None
    np.testing.assert_array_equal(
        numbers(found["weights"]), conv.weight.detach().numpy()[CHANNELS].ravel()
    )
    assert found["bias"] == pytest.approx(conv.bias.detach().numpy()[CHANNELS], rel=1e-6)
    assert (found["kernel"], found["stride"], found["padding"]) == ([3, 5], [2, 1], [1, 2])
    assert found["scale"] is found["shift"] is None
    assert (found["mean"], found["std"]) == ([120, 115, 105], [60, 58, 59])


def test_batch_normalisation_is_a_factor_and_a_summand() -> None:
    conv, norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4).eval()
    norm.weight.data.uniform_(0.5, 2)
    norm.bias.data.uniform_(-1, 1)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    found = filters_of(nn.Sequential(conv, norm, nn.ReLU()))
    assert found is not None
    assert found["bias"] == [0, 0]
    x = torch.randn(1, 4, 2, 2)
    scale, shift = (torch.tensor(found[key])[:, None, None] for key in ("scale", "shift"))
    torch.testing.assert_close(x[0, CHANNELS] * scale + shift, norm(x)[0, CHANNELS])


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(3, 3, 3, groups=3)),
        nn.Sequential(nn.Conv2d(3, 3, 3, dilation=2)),
        nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")),
        nn.Sequential(nn.MaxPool2d(2)),
    ],
    ids=["groups", "dilation", "reflection", "pooling"],
)
def test_what_is_no_plain_convolution_is_not_computed(network: nn.Sequential) -> None:
    assert filters_of(network) is None


def test_pixels_that_are_scaled_otherwise_than_the_card_says_are_not_computed() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    assert filters_of(network) is not None
    assert filters_of(network, scale=1.1) is None
    card = replace(CARD, preprocessing={**CARD.preprocessing, "mean": [120.0]})
    assert filters_of(network, card) is None
