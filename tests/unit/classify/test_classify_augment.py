"""Random changes of pictures: reproducible, and no more and no less than they say."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest
import torch
from cnntasks_classify.augment import Augmentation, Distortion, mix, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

FEW = settings(max_examples=40, deadline=None, derandomize=True)
NONE: dict[str, Any] = {"area": 1.0, "flip": 0.0, "color": 0.0, "magnitude": 0}
STILL = Distortion(0, 0, 0, 0, 0)


def picture(channels: int = 3, height: int = 40, width: int = 30) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    shape = (channels, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_drawing_with_a_seed_leaves_the_global_generator_as_it_was() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with seeded(7):
        first = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    with seeded(7):
        assert torch.equal(torch.rand(3), first)


def test_a_failure_leaves_the_global_generator_as_it_was() -> None:
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(7):
        torch.rand(3).view(2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "change", [{"area": 0.3}, {"flip": 0.5}, {"color": 0.5}, {"magnitude": 15}, {}]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_augmentation_is_a_function_of_its_seed(change: dict[str, Any], channels: int) -> None:
    augmentation = Augmentation(24, **({**NONE, **change} if change else {"magnitude": 9}))
    before = torch.get_rng_state()
    made = [augmentation(picture(channels), seed) for seed in (*range(12), 2**62 - 1)]
    assert torch.equal(torch.get_rng_state(), before)
    again = [augmentation(picture(channels), seed) for seed in (*range(12), 2**62 - 1)]
    assert all(torch.equal(a, b) for a, b in zip(made, again, strict=True))
    assert len({bytes(it.numpy().tobytes()) for it in made}) > 1
    shape = (channels, 24, 24) if augmentation.frames else (channels, 40, 30)
    assert {it.shape for it in made} == {shape}
    assert {it.dtype for it in made} == {torch.uint8}


def test_nothing_asked_for_is_nothing_done() -> None:
    pixels = picture()
    assert Augmentation(24, **NONE)(pixels, 3) is pixels


def test_a_flip_is_a_mirror() -> None:
    pixels = picture()
    flipped = Augmentation(24, **{**NONE, "flip": 1.0})(pixels, 3)
    assert torch.equal(flipped, pixels.flip(2))
    half = Augmentation(24, **{**NONE, "flip": 0.5})
    share = sum(torch.equal(half(pixels, seed), flipped) for seed in range(200)) / 200
    assert 0.4 < share < 0.6


def test_no_less_than_the_smallest_area_is_cut_out() -> None:
    side = 200
    across = torch.arange(side, dtype=torch.uint8).expand(2, side, side).clone()
    across[1] = across[0].T
    cut = Augmentation(50, **{**NONE, "area": 0.5})
    for seed in range(20):
        x, y = cut(across, seed).float()
        width, height = (float(it.max() - it.min()) + 4 for it in (x, y))
        assert 0.45 < width * height / side**2 <= 1.02


def ramps(batch: int, side: int) -> Tensor:
    """Two channels that tell each pixel's x and y, in pixels from the middle: B×2×S×S."""
    places = torch.arange(side) - (side - 1) / 2
    y, x = torch.meshgrid(places, places, indexing="ij")
    return torch.stack([x, y]).expand(batch, 2, side, side).clone()


def affine_maps(distortion: Distortion, seed: int, batch: int = 16, side: int = 65) -> Tensor:
    """B×2×3: where the pixel (x, y) of each picture was taken from, by least squares.

    Bilinear interpolation of a linear ramp is exact as long as the border plays no part.
    """
    inputs = ramps(batch, side)
    x, y = inputs[0].flatten(1)
    near = (x.hypot(y) < side / 4).nonzero()[:, 0]
    design = torch.stack([x, y, torch.ones_like(x)], 1)[near]
    taken = distortion(inputs, seed).flatten(2)[:, :, near].permute(0, 2, 1)
    maps = torch.linalg.lstsq(design.expand(batch, -1, -1), taken).solution
    assert (design @ maps - taken).abs().max() < 1e-2  # it is affine
    return maps.permute(0, 2, 1)


def drawn_within(values: Tensor, limit: float) -> None:
    """Up to the limit on either side, and not all of them near zero."""
    assert values.abs().max() <= limit * 1.001
    assert values.max() > limit / 3
    assert values.min() < -limit / 3


def test_no_distortion_is_the_identity() -> None:
    pixels = picture(1, 32, 32).float()[None]
    for still in (STILL, Distortion().scaled(0)):
        assert (still(pixels, 3) - pixels).abs().max() < 0.01


def test_a_shift_moves_by_a_part_of_the_side() -> None:
    maps = affine_maps(Distortion(0, 0, 0, 0.1, 0), seed=1)
    torch.testing.assert_close(maps[:, :, :2], torch.eye(2).expand(16, 2, 2), atol=1e-4, rtol=0)
    for axis in range(2):
        drawn_within(maps[:, axis, 2], 6.5)


def test_a_rotation_turns_by_no_more_than_its_degrees() -> None:
    maps = affine_maps(Distortion(20, 0, 0, 0, 0), seed=2)
    angle = torch.atan2(maps[:, 1, 0], maps[:, 0, 0])
    drawn_within(angle, math.radians(20))
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros(16)
    expected = torch.stack([cos, -sin, none, sin, cos, none], 1).view(16, 2, 3)
    torch.testing.assert_close(maps, expected, atol=1e-3, rtol=0)


def test_scale_and_shear() -> None:
    scaled = affine_maps(Distortion(0, 0.2, 0, 0, 0), seed=3)
    drawn_within(scaled[:, 0, 0] - 1, 0.2)
    drawn_within(scaled[:, 1, 1] - 1, 0.2)
    assert scaled[:, [0, 1], [1, 0]].abs().max() < 1e-4
    sheared = affine_maps(Distortion(0, 0, 0.3, 0, 0), seed=4)
    drawn_within(sheared[:, 0, 1], 0.3)
    assert (sheared[:, [0, 1], [0, 1]] - 1).abs().max() < 1e-4
    assert sheared[:, 1, 0].abs().max() < 1e-4


@pytest.mark.parametrize("elastic", [0.5, 1.5])
def test_elastic_displacements_have_the_deviation_that_they_say(elastic: float) -> None:
    inputs = ramps(8, 128)
    moved = Distortion(0, 0, 0, 0, elastic, smoothness=3)(inputs, seed=5) - inputs
    inner = moved[:, :, 16:-16, 16:-16]
    assert float(inner.std()) == pytest.approx(elastic, rel=0.12)
    assert abs(float(inner.mean())) < elastic / 8
    # Neighbours move together, and those far from each other do not.
    near, far = (
        float((inner[..., :-gap] * inner[..., gap:]).mean()) / elastic**2 for gap in (1, 20)
    )
    assert near > 0.9
    assert abs(far) < 0.15


def test_a_distortion_is_a_function_of_its_seed() -> None:
    pixels = picture(1, 32, 32).float().expand(3, 1, 32, 32)
    before = torch.get_rng_state()
    one, same, other = (Distortion()(pixels, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])  # each picture its own
    assert 0 <= float(one.min()) <= float(one.max()) <= 255


def test_strength_scales_all_but_the_smoothness() -> None:
    half = Distortion().scaled(0.5)
    for field in fields(Distortion):
        factor = 1 if field.name == "smoothness" else 0.5
        assert getattr(half, field.name) == getattr(Distortion(), field.name) * factor


def flat(batch: int = 6, height: int = 10, width: int = 14) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures of one colour each, their one-hot targets, and the colours."""
    colors = torch.arange(batch) * 37.0
    pixels = colors.view(-1, 1, 1, 1).expand(batch, 3, height, width).clone()
    return pixels, torch.eye(batch), colors


@FEW
@given(
    alphas=st.sampled_from([(0.2, 0.0), (0.0, 1.0), (1.0, 0.5), (0.01, 0.0), (0.0, 0.01)]),
    seed=st.integers(0, 2**62 - 1),
)
def test_targets_say_how_much_of_a_picture_is_of_which_class(
    alphas: tuple[float, float], seed: int
) -> None:
    pixels, targets, colors = flat()
    mixed, shares = mix(pixels, targets, *alphas, seed)
    assert shares.min() >= 0
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    assert (shares > 0).sum(1).max() <= 2
    # The mean colour is that of the classes by their shares, however they were mixed.
    torch.testing.assert_close(mixed.mean((1, 2, 3)), shares @ colors, rtol=1e-4, atol=1e-3)
    assert mixed.shape == pixels.shape
    assert torch.equal(pixels, flat()[0])
    again = mix(pixels, targets, *alphas, seed)
    assert torch.equal(again[0], mixed)
    assert torch.equal(again[1], shares)


def kinds(mixup: float, cutmix: float) -> set[str]:
    """`mixed` and `cut`: what happened to batches of flat pictures."""
    found = set()
    for seed in range(40):
        pixels, targets, colors = flat()
        mixed, shares = mix(pixels, targets, mixup, cutmix, seed)
        if not ((shares > 0.02) & (shares < 0.98)).any():
            continue  # a picture with itself, or with nearly nothing of the other
        old = torch.isin(mixed, colors)
        found.add("cut" if old.all() else "mixed")
    return found


def test_mixup_blends_and_cutmix_cuts_and_both_are_chosen_at_random() -> None:
    assert kinds(0.8, 0.0) == {"mixed"}
    assert kinds(0.0, 1.0) == {"cut"}
    assert kinds(0.8, 1.0) == {"mixed", "cut"}


def test_what_is_cut_out_is_a_rectangle_of_the_partner() -> None:
    cut = 0
    for seed in range(20):
        pixels, targets, _ = flat(2)
        mixed, _ = mix(pixels, targets, 0.0, 1.0, seed)
        changed = mixed[0, 0] != pixels[0, 0]
        if changed.any():
            rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
            box = changed[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert box.all()
            assert torch.equal(mixed[0, 0][changed], pixels[1, 0][changed])
            cut += 1
    assert cut > 4
