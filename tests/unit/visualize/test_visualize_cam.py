"""Grad-CAM and Grad-CAM++: a constant picture is flat, and captum agrees."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_visualize.cam import class_activation_map
from cnntasks_visualize.layers import choose_layer, find_layers, last_map
from small_networks import feeds_of, noise, opened, rectified_network
from torch import nn

import cnntasks
from cnntasks import UsageError


@pytest.mark.parametrize("plus", [False, True])
def test_the_map_of_a_constant_picture_is_flat(plus: bool) -> None:
    model = cnntasks.open_network(cnntasks.find_model("classify", "mnist-lenet5"))
    flat = feeds_of(np.full((32, 32, 1), 90, np.uint8))
    layer = last_map(find_layers(model.network, flat))
    assert layer.name == "s4"
    constant = [
        class_activation_map(model, flat, "pixels", layer, target, plus) for target in range(10)
    ]
    for heat in constant:
        assert np.allclose(heat, heat[0, 0], rtol=1e-4, atol=1e-5)
    assert any(heat.max() > 0 for heat in constant)
    busy = feeds_of(noise(32, 32))
    heats = [class_activation_map(model, busy, "pixels", layer, it, plus) for it in range(10)]
    assert any(heat.max() - heat.min() > 0.1 * heat.max() > 0 for heat in heats)


def test_it_is_captums() -> None:
    from captum.attr import LayerGradCam

    body = rectified_network(3)
    model = opened(body)
    picture = noise(20, 24)
    feeds = feeds_of(picture)
    layer = choose_layer(find_layers(model.network, feeds), "4")
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    for target in (0, 1):
        expected = LayerGradCam(body, body[4]).attribute(x, target, relu_attributions=True)
        heat = class_activation_map(model, feeds, "pixels", layer, target)
        assert heat.shape == layer.places
        assert np.allclose(heat, expected[0, 0].detach().numpy(), atol=1e-6)


def test_it_looks_where_the_class_is() -> None:
    class Corner(nn.Module):
        """The maps are the picture; class 1 is what lies in the lower right quarter."""

        def __init__(self) -> None:
            super().__init__()
            self.maps = nn.Conv2d(1, 1, 1, bias=False)
            nn.init.ones_(self.maps.weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total = self.maps(x)[:, 0]
            return torch.stack([-total.mean((1, 2)), total.mean((1, 2))], dim=1)

    picture = np.zeros((8, 8, 1), np.uint8)
    picture[5:7, 5:7] = 255
    model, feeds = opened(Corner()), feeds_of(picture)
    layer = choose_layer(find_layers(model.network, feeds), "maps")
    for plus in (False, True):
        heat = class_activation_map(model, feeds, "pixels", layer, 1, plus)
        assert heat[5:7, 5:7].min() > 0
        heat[5:7, 5:7] = 0
        assert heat.max() == 0
        assert class_activation_map(model, feeds, "pixels", layer, 0, plus).max() == 0


def test_a_layer_without_maps_is_refused() -> None:
    model, feeds = opened(rectified_network()), feeds_of(noise())
    layers = find_layers(model.network, feeds)
    with pytest.raises(UsageError, match="the layer 7 has no maps, only numbers"):
        class_activation_map(model, feeds, "pixels", choose_layer(layers, "7"), 0)
