"""A whole transfer on small pictures, through a small network with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_style.color import rgb_to_yiq
from cnntasks_style.transfer import StyleResult
from numpy.typing import NDArray
from small_transfers import content, small_transfer, style
from torch import Tensor

from cnntasks import InputError, UsageError

ONE_SIZE = {"scales": 1}


def paint(defaults: dict[str, Any] | None = None, **options: Any) -> StyleResult:
    """`content()` in the style of `style()`."""
    styles = options.pop("styles", style())
    return small_transfer(defaults)(content(), styles, **options)


def difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())


def totals(result: StyleResult) -> list[float]:
    return [sum(it["losses"].values()) for it in result.trace]


def test_the_losses_fall_at_every_size() -> None:
    result = paint(iterations=30)
    assert [it["iteration"] for it in result.trace] == list(range(1, 31))
    assert result.picture.shape == (32, 48, 3)
    assert result.picture.dtype == np.uint8
    assert result.picture_float.dtype == np.float32
    assert 0 <= result.picture_float.min() <= result.picture_float.max() <= 1
    assert difference(result.picture, 255 * result.picture_float) <= 0.5
    for size, count in (([24, 16], 20), ([48, 32], 10)):
        at_size = [it["losses"] for it in result.trace if it["scale"] == size]
        assert len(at_size) == count
        assert at_size[-1]["style"] < 0.5 * at_size[0]["style"]
        assert sum(at_size[-1].values()) < 0.8 * sum(at_size[0].values())
    assert difference(result.picture, content()) > 3
    assert result.settings.iterations == 30
    assert result.settings.style_layers == ("one", "two", "three")


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("init", ["content", "style", "noise"])
def test_it_optimises_from_any_start(optimizer: str, init: str) -> None:
    losses = totals(paint(ONE_SIZE, optimizer=optimizer, init=init, iterations=12))
    assert min(losses[6:]) < 0.9 * losses[0]


def test_the_start_is_what_init_says() -> None:
    first = {
        init: paint(ONE_SIZE, init=init, iterations=1).trace[0]["losses"]
        for init in ("content", "style", "noise")
    }
    assert first["content"]["content"] == 0
    assert first["style"]["style"] < 0.2 * first["content"]["style"]
    assert first["noise"]["variation"] > 3 * first["content"]["variation"]


def test_the_seed_decides_the_noise_and_nothing_else() -> None:
    for init, same in (("noise", False), ("content", True)):
        one, again, other = (
            paint(init=init, iterations=6, seed=seed).picture_float for seed in (3, 3, 4)
        )
        assert np.array_equal(one, again)
        assert np.array_equal(one, other) is same


def test_fewer_iterations_than_sizes_go_to_the_result_itself() -> None:
    """And the content is not blurred by the sizes that get none."""
    result = paint(iterations=1)
    assert [it["scale"] for it in result.trace] == [[48, 32]]
    assert difference(result.picture_float, content() / 255) < 0.01


def test_style_weight_and_content_weight_pull_in_their_directions() -> None:
    faithful = paint(content_weight=100.0, style_weight=1.0)
    painted = paint(content_weight=0.01, style_weight=100.0)
    assert difference(faithful.picture, content()) < 0.5 * difference(painted.picture, content())


def test_variation_makes_smooth() -> None:
    def roughness(weight: float) -> float:
        picture = paint(ONE_SIZE, tv_weight=weight, init="noise", iterations=40).picture_float
        return float(np.abs(np.diff(picture, axis=1)).mean())

    assert roughness(1000.0) < 0.7 * roughness(0.0)


def test_masks_keep_the_style_in_its_region() -> None:
    picture = content(144, 36)
    mask = np.zeros((36, 144), np.uint8)
    mask[:, :48] = 255
    transfer = small_transfer({**ONE_SIZE, "tv_weight": 0.0}, size=144, iterations=8)
    result = transfer(picture, style(), content_masks=[mask])
    change = np.abs(result.picture_float - picture / 255).mean(axis=(0, 2))
    assert change[:48].mean() > 0.02
    assert change[80:].mean() < 0.02 * change[:48].mean()
    losses = [it["losses"]["style"] for it in result.trace]
    assert losses[-1] < 0.8 * losses[0]


def test_each_region_takes_its_own_style() -> None:
    left = np.zeros((32, 48), np.uint8)
    left[:, :24] = 255
    colours = [np.full((40, 40, 3), colour, np.uint8) for colour in ((230, 20, 20), (20, 20, 230))]
    transfer = small_transfer(iterations=40, content_weight=0.1)
    found = transfer(content(), colours, content_masks=[left, 255 - left]).picture_float
    redness = found[..., 0] - found[..., 2]
    assert redness[:, :16].mean() > redness[:, 32:].mean() + 0.1


def test_a_style_mask_chooses_the_part_of_the_style() -> None:
    two = np.full((40, 40, 3), (230, 20, 20), np.uint8)
    two[:, 20:] = (20, 20, 230)
    upper = np.zeros((40, 40), np.uint8)
    upper[:, :20] = 255
    everywhere = np.full((32, 48), 255, np.uint8)
    red, blue = (
        small_transfer(iterations=40, content_weight=0.1)(
            content(), two, content_masks=[everywhere], style_masks=[mask]
        ).picture_float
        for mask in (upper, 255 - upper)
    )
    assert (red[..., 0] - red[..., 2]).mean() > (blue[..., 0] - blue[..., 2]).mean() + 0.1


def test_styles_are_blended() -> None:
    styles = [style(0), style(5)]
    alone = [paint(styles=it).picture_float for it in styles]
    first = paint(styles=styles, style_blend=(1, 0)).picture_float
    assert difference(first, alone[0]) < 0.2 * difference(first, alone[1])
    both = paint(styles=styles)
    assert both.settings.style_blend is None
    assert min(difference(both.picture_float, it) for it in alone) > 0.003
    assert np.array_equal(both.picture, paint(styles=styles, style_blend=(7, 7)).picture)


def test_style_scale_changes_the_size_of_the_style() -> None:
    def stripes(period: int) -> NDArray[np.uint8]:
        wave = 0.5 + 0.5 * np.sin((np.arange(96) + 0.5) * 2 * np.pi / period)
        return np.rint(255 * np.broadcast_to(wave[:, None, None], (96, 96, 3))).astype(np.uint8)

    def style_loss(period: int, scale: float) -> float:
        options = {"styles": stripes(period), "style_scale": scale, "iterations": 1}
        return float(paint(ONE_SIZE, **options).trace[0]["losses"]["style"])

    # 96 pixels become 48, or at twice that scale stay as they are.
    assert style_loss(8, 2.0) == pytest.approx(style_loss(16, 1.0), rel=0.01)
    assert style_loss(8, 1.0) > 1.05 * style_loss(8, 2.0)


def test_luminance_keeps_the_contents_chrominance() -> None:
    result = paint(preserve_color="luminance")
    found, wanted = (rgb_to_yiq(it) for it in (result.picture_float, content() / np.float32(255)))
    inside = ((result.picture_float > 0.01) & (result.picture_float < 0.99)).all(axis=2)
    assert inside.mean() > 0.3  # the others were cut
    np.testing.assert_allclose(found[inside][:, 1:], wanted[inside][:, 1:], atol=0.01)
    assert difference(found[..., 0], wanted[..., 0]) > 0.01
    assert totals(result)[-1] < totals(result)[0]


def test_histogram_takes_the_contents_colours() -> None:
    mean = content().mean(axis=(0, 1))
    plain, matched = (
        paint(preserve_color=it, iterations=30).picture for it in ("none", "histogram")
    )
    assert difference(matched.mean(axis=(0, 1)), mean) < difference(plain.mean(axis=(0, 1)), mean)


@pytest.mark.parametrize(
    ("loss", "measure"),
    [
        (lambda picture, maps: 50 * (picture.mean() - 0.9).square(),
         lambda values: -abs(values.mean() - 0.9)),
        (lambda picture, maps: -20 * picture[:, 0].mean(),  # below 0
         lambda values: values[..., 0].mean()),
    ],
)  # fmt: skip
def test_a_term_of_the_users_own_is_minimised(
    loss: Callable[[Tensor, dict[str, Tensor]], Tensor],
    measure: Callable[[NDArray[np.float32]], float],
) -> None:
    plain, pulled = paint(), paint(loss=loss)
    assert "extra" not in plain.trace[0]["losses"]
    extra = [it["losses"]["extra"] for it in pulled.trace]
    assert min(extra) < extra[0]
    assert measure(pulled.picture_float) > measure(plain.picture_float) + 0.02


def test_its_own_term_is_given_the_maps() -> None:
    seen: set[tuple[str, tuple[int, ...]]] = set()

    def loss(picture: Tensor, maps: dict[str, Tensor]) -> Tensor:
        seen.update((name, tuple(value.shape)) for name, value in maps.items())
        return picture.new_zeros(()) + 0 * picture.sum()

    paint(ONE_SIZE, loss=loss, iterations=1)
    assert seen == {("one", (1, 8, 32, 48)), ("two", (1, 10, 16, 24)), ("three", (1, 12, 8, 12))}


def test_it_can_be_watched_and_left() -> None:
    transfer = small_transfer()
    shown = []
    for step in transfer.iterate(content(), style(), iterations=12):
        shown.append((step.iteration, step.total, step.scale_size))
        if step.iteration == 10:
            break
    values = step.picture()
    assert shown == [(n, 12, (24, 16) if n <= 8 else (48, 32)) for n in range(1, 11)]
    assert values.shape == (32, 48, 3)
    assert 0 <= values.min() <= values.max() <= 1
    assert np.array_equal(values, step.picture())  # nothing moves any more
    whole = transfer(content(), style(), iterations=12)  # the next one is not disturbed
    assert np.array_equal(whole.picture, paint(iterations=12).picture)


@pytest.mark.parametrize("scaling", ["energy", "paper"])
def test_the_papers_method(scaling: str) -> None:
    method = {"scaling": scaling, "pooling": "average", "normalize": True, "scales": 1}
    losses = totals(paint(method, init="noise", iterations=20))
    assert losses[-1] < 0.5 * losses[0]


def test_no_gradient_outside_does_not_matter() -> None:
    with torch.no_grad():
        found = paint(iterations=4)
    assert np.array_equal(found.picture, paint(iterations=4).picture)


def test_a_style_that_is_the_content_already() -> None:
    result = small_transfer({**ONE_SIZE, "tv_weight": 0.0})(content(), content(), iterations=30)
    assert difference(result.picture, content()) < 1
    assert max(totals(result)) < 1e-6


def test_layers_that_there_are_not_are_listed() -> None:
    for name in ("style_layers", "content_layers"):
        option = name.replace("_", "-")
        with pytest.raises(
            UsageError, match=rf"--{option} conv9: no such layer; there are one, two"
        ):
            paint(**{name: ("one", "conv9")})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, "--size is 8"),
        ({"iterations": 0}, "--iterations is 0"),
        ({"style_scale": 11.0}, "--style-scale"),
        ({"init": "zeros"}, "--init is 'zeros'; content or style or noise"),
        ({"colour": 1}, "no style setting 'colour'; there are size"),
        ({"layer_weights": (1.0,)}, "--layer-weights has 1 numbers for 3 style layers"),
        ({"style_blend": (1, 2)}, "--style-blend has 2 parts for 1 style pictures"),
        ({"styles": []}, "no style picture given"),
        ({"style_masks": [np.ones((40, 40), bool)]}, "1 --style-mask for 0 --content-mask"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(options: dict[str, Any], message: str) -> None:
    transfer = small_transfer()
    transfer._make_backbone = None  # type: ignore[assignment]  # it would be called for nothing
    with pytest.raises(UsageError, match=message):
        transfer.iterate(content(), options.pop("styles", style()), **options)


def test_pictures_that_are_too_small_or_too_narrow() -> None:
    with pytest.raises(InputError, match="array: 10x10 pixels are too few"):
        paint(styles=style(width=10, height=10))
    with pytest.raises(InputError, match="too narrow"):
        paint(styles=style(width=160, height=20))
