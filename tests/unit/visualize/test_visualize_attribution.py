"""Attributions have the properties that define them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_visualize.attribution import (
    baseline_of,
    guided_backpropagation,
    integrated_gradients,
    occlusion,
    occlusion_batches,
)
from cnntasks_visualize.targets import class_scores
from small_networks import feeds_of, noise, opened, rectified_network
from torch import nn

import cnntasks
from cnntasks import UsageError


def test_integrated_gradients_add_up_to_the_difference_of_the_logits() -> None:
    model = cnntasks.open_network(cnntasks.find_model("classify", "mnist-lenet5"))
    picture = np.zeros((32, 32, 1), np.uint8)
    picture[8:24, 14:18] = 230
    feeds = feeds_of(picture)
    for baseline in ("black", "mean"):
        found = integrated_gradients(
            model,
            feeds,
            "pixels",
            1,
            baseline=baseline,
            steps=512,  # type: ignore[arg-type]
        )
        start = {"pixels": baseline_of(feeds["pixels"], baseline)}  # type: ignore[arg-type]
        difference = float(class_scores(model, feeds)[0, 1] - class_scores(model, start)[0, 1])
        assert found.values.sum() == pytest.approx(difference, rel=0.011)
        assert found.facts["sum"] == pytest.approx(found.values.sum(), rel=1e-3)
        assert found.facts["score_difference"] == pytest.approx(difference, rel=1e-4)
    assert abs(difference) > 10


def test_integrated_gradients_of_a_linear_network_are_weight_times_input() -> None:
    model = opened(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
    picture = noise(4, 4)
    found = integrated_gradients(model, feeds_of(picture), "pixels", 0, steps=3)
    linear = model.network.body[1]  # type: ignore[index, union-attr]
    weight = linear.weight[0].numpy().reshape(4, 4, 1)
    assert np.allclose(found.values, weight * picture / 255, atol=1e-5)
    assert found.facts["steps"] == 3


def test_steps_are_doubled_until_little_is_missed() -> None:
    model = opened(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
    easy = integrated_gradients(model, feeds_of(noise(4, 4)), "pixels", 0)
    assert easy.facts["steps"] == 32
    assert easy.facts["missed"] == pytest.approx(0, abs=1e-5)
    body = nn.Sequential(nn.Flatten(), nn.Linear(16, 2), nn.Tanh())
    with torch.no_grad():
        body[1].weight.fill_(300.0)
        body[1].bias.fill_(-150.0)
    hard = integrated_gradients(opened(body), feeds_of(noise(4, 4)), "pixels", 0)
    assert hard.facts["steps"] == 128


def test_an_input_that_changes_nothing_gets_nothing() -> None:
    body = nn.Sequential(nn.Flatten(), nn.Linear(16, 2), nn.Softplus())
    with torch.no_grad():
        body[1].weight[:, 5] = 0
    found = integrated_gradients(opened(body), feeds_of(noise(4, 4)), "pixels", 1)
    assert found.values.reshape(-1)[5] == 0
    assert np.abs(found.values).max() > 0


class LooksAtACorner(nn.Module):
    """Class 1 is the mean brightness of rows 2 to 5 and columns 8 to 11; class 0 is constant."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = 8 * x[:, 0, 2:6, 8:12].mean(dim=(1, 2))
        return torch.stack([torch.zeros_like(seen), seen], dim=1)


def test_occlusion_finds_a_planted_patch() -> None:
    picture = np.zeros((16, 16, 1), np.uint8)
    picture[2:6, 8:12] = 255
    found = occlusion(opened(LooksAtACorner()), feeds_of(picture), "pixels", 1, window=4, stride=2)
    heat = found.values[..., 0]
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    assert 2 <= row < 6
    assert 8 <= column < 12
    outside = heat.copy()
    outside[0:8, 6:14] = 0  # no window that covers any of these reaches the patch
    assert np.abs(outside).max() == 0
    # The mean of the picture, 1/16, stands where the patch was; four windows cover the strongest
    # place, one all of the patch, two a half and one a quarter of it.
    expected = 8 * (1 - 1 / 16) * (1 + 1 / 2 + 1 / 2 + 1 / 4) / 4
    assert found.facts["largest_fall"] == pytest.approx(expected, rel=1e-3)
    other = occlusion(opened(LooksAtACorner()), feeds_of(picture), "pixels", 0, window=4, stride=2)
    assert np.abs(other.values).max() == 0


def test_occlusion_of_a_spectrogram_hides_spans_by_what_is_quiet() -> None:
    class Loudest(nn.Module):
        def forward(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": features[:, 3:4].amax(dim=2).repeat(1, 2)}

    model = opened(nn.Identity())
    object.__setattr__(model, "network", Loudest())
    features = torch.full((1, 6, 30), -8.0)
    features[:, 3, 12:15] = 2.0
    found = occlusion(model, {"features": features}, "features", 0, window=5, stride=1)
    assert found.values.shape == (6, 30)
    assert np.allclose(found.values, found.values[:1])  # all bands are hidden together
    # Only what hides all three frames of the sound leaves the quiet level, 10 below: three windows,
    # of the five that cover a frame.
    assert found.values[0, 10:17].tolist() == pytest.approx([2, 4, 6, 6, 6, 4, 2])
    assert np.abs(found.values[0, :10]).max() == 0


def test_each_colour_gets_its_share_of_the_fall() -> None:
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    picture = noise(8, 8, 3)
    whole = occlusion(opened(body), feeds_of(picture), "pixels", 0, window=8, stride=8)
    # A window over everything leaves the mean, which is all that this network sees.
    assert np.abs(whole.values).max() < 1e-5
    part = occlusion(opened(body), feeds_of(picture), "pixels", 0, window=4, stride=4)
    feeds = feeds_of(picture)
    covered = feeds["pixels"].clone()
    covered[:, :4, :4] = covered.mean(dim=(1, 2), keepdim=True)
    model = opened(body)
    fall = class_scores(model, feeds)[0, 0] - class_scores(model, {"pixels": covered})[0, 0]
    assert part.values[0, 0].sum() == pytest.approx(float(fall), abs=1e-5)


def test_occlusion_says_how_often_it_runs_and_refuses_what_does_not_fit() -> None:
    feeds = feeds_of(noise(16, 16))
    model = opened(LooksAtACorner())
    calls: list[int] = []
    occlusion(model, feeds, "pixels", 1, window=5, stride=3, advance=lambda: calls.append(1))
    assert len(calls) == occlusion_batches(feeds, "pixels", 5, 3)
    with pytest.raises(UsageError, match="--window must lie between 1 and 16, not 17"):
        occlusion(model, feeds, "pixels", 1, window=17, stride=1)
    with pytest.raises(UsageError, match="--stride must lie between 1 and the window's 4, not 5"):
        occlusion(model, feeds, "pixels", 1, window=4, stride=5)


def test_guided_back_propagation_is_captums() -> None:
    from captum.attr import GuidedBackprop

    body = rectified_network()
    picture = noise()
    found = guided_backpropagation(opened(body), feeds_of(picture), "pixels", 1)
    x = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255).requires_grad_()
    with pytest.warns(UserWarning, match="backward hooks"):
        expected = GuidedBackprop(body).attribute(x, target=1)
    assert np.allclose(found.values[..., 0], expected[0, 0].detach().numpy() / 255, atol=1e-8)
    assert found.facts["rectifiers"] == 2
    assert np.abs(found.values).max() > 0


def test_guided_is_the_gradient_where_nothing_rectifies() -> None:
    body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    feeds = feeds_of(noise())
    found = guided_backpropagation(opened(body), feeds, "pixels", 0)
    x = feeds["pixels"].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(class_scores(opened(body), {"pixels": x})[0, 0], x)
    assert np.allclose(found.values, gradient[0].numpy())
    assert found.facts["rectifiers"] == 0
