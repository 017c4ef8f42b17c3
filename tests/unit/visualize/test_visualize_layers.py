"""Layers: found by running, named shortly, chosen by name."""

from __future__ import annotations

import pytest
import torch
from cnntasks_visualize.layers import (
    check_unit,
    choose_layer,
    find_layers,
    first_map,
    last_map,
    middle_map,
    recorded,
    run_to,
    without_inplace,
)
from small_networks import feeds_of, noise, opened, rectified_network
from torch import nn

import cnntasks
from cnntasks import UsageError


@pytest.fixture(scope="module")
def lenet() -> cnntasks.OpenNetwork:
    return cnntasks.open_network(cnntasks.find_model("classify", "mnist-lenet5"))


def test_the_layers_of_lenet5(lenet: cnntasks.OpenNetwork) -> None:
    layers = find_layers(lenet.network, feeds_of(noise(32, 32)))
    stages = {layer.name: layer.shape for layer in layers if layer.stage}
    assert stages == {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
    }
    names = [layer.name for layer in layers]
    assert len(set(names)) == len(names)
    assert names.index("c1.0") < names.index("c1") < names.index("s2.0") < names.index("output")
    assert choose_layer(layers, "classifier.backbone.parts.c3.0").name == "c3.0"
    assert choose_layer(layers, "embed.1").places == ()
    assert (first_map(layers).name, middle_map(layers).name, last_map(layers).name) == (
        *("c1", "c3", "s4"),
    )


def test_unknown_layers_and_units_list_those_there_are() -> None:
    model = opened(rectified_network())
    layers = find_layers(model.network, feeds_of(noise()))
    with pytest.raises(UsageError, match=r"no layer 'conv1'; there are 0, 1, 2, 3, 4, 5, 6, 7"):
        choose_layer(layers, "conv1")
    with pytest.raises(UsageError, match=r"layer 3 has no unit 5; its units are 0 to 4"):
        check_unit(choose_layer(layers, "3"), 5)
    assert check_unit(choose_layer(layers, "3"), 4) == 4


def test_near_names_are_suggested_and_long_lists_cut(lenet: cnntasks.OpenNetwork) -> None:
    layers = find_layers(lenet.network, feeds_of(noise(32, 32)))
    with pytest.raises(UsageError, match=r"no layer 'c33'; did you mean c3"):
        choose_layer(layers, "c33")
    many = [layers[0].__class__(f"l{n}", f"l{n}", "Conv2d", (1, 2, 2)) for n in range(100)]
    with pytest.raises(UsageError, match=r"l59 and 40 more \(--layer list\)"):
        choose_layer(many, "z")


def test_what_works_on_regions_is_left_out_and_shared_modules_count_once() -> None:
    class Regions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared, self.region = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 1)

        def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
            x = pixels.permute(0, 3, 1, 2)
            fine, coarse = self.shared(x), self.shared(x[..., ::2, ::2])
            parts = self.region(fine.expand(3, -1, -1, -1))
            return {"logits": parts.mean(dim=(2, 3))[:1] + coarse.mean()}

    layers = find_layers(Regions(), feeds_of(noise(12, 12)))
    assert [(layer.name, layer.shape) for layer in layers] == [("shared", (2, 10, 10))]


def test_run_to_stops_at_the_layer_and_recorded_does_not() -> None:
    calls = []

    class Last(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(1)
            return x.flatten(1)

    model = opened(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), Last()))
    feeds = feeds_of(noise(6, 6))
    layers = find_layers(model.network, feeds)
    calls.clear()
    maps = run_to(model.network, choose_layer(layers, "0"), feeds)
    assert maps.shape == (1, 2, 4, 4)
    assert not calls
    with recorded(model.network, choose_layer(layers, "0")) as found:
        model.network(**feeds)
    assert calls == [1]
    assert found[0].min() >= 0  # the ReLU wrote into it ...
    without_inplace(model.network)
    with recorded(model.network, choose_layer(layers, "0")) as found:
        model.network(**feeds)
    assert torch.equal(found[0], maps)  # ... and now does not
    assert found[0].min() < 0


def test_a_layer_that_does_not_run_is_told() -> None:
    model = opened(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()))
    feeds = feeds_of(noise(6, 6))
    layers = find_layers(model.network, feeds)
    model.network.forward = lambda pixels: {"logits": pixels.flatten(1)}  # type: ignore[assignment]
    with pytest.raises(UsageError, match="the layer 0 does not run for this input"):
        run_to(model.network, choose_layer(layers, "0"), feeds)
