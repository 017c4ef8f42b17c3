"""Gram matrices and total variation, against their definitions and finite differences."""

from __future__ import annotations

import pytest
import torch
from cnntasks_style.losses import gram_matrix, total_variation
from hypothesis import given, settings
from hypothesis import strategies as st


def maps(channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=generator, dtype=torch.float64)


@given(st.integers(1, 6), st.integers(1, 7), st.integers(1, 7), st.integers(0, 999), st.booleans())
@settings(max_examples=40, deadline=None)
def test_gram_is_the_sum_over_places(
    channels: int, height: int, width: int, seed: int, weighted: bool
) -> None:
    values = maps(channels, height, width, seed)
    weights = maps(1, height, width, seed + 1).abs()[0, 0] if weighted else None
    found = gram_matrix(values, None if weights is None else weights.reshape(-1, 1))
    for i in range(channels):
        for j in range(channels):
            product = values[0, i] * values[0, j]
            wanted = (product if weights is None else product * weights).sum()
            assert float(found[i, j]) == pytest.approx(float(wanted), abs=1e-12)
    assert torch.equal(found, found.T) or torch.allclose(found, found.T)
    assert torch.linalg.eigvalsh(found).min() > -1e-9  # positive semidefinite


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_gram(layout: torch.memory_format, weighted: bool) -> None:
    values = maps(4, 3, 5).to(memory_format=layout).requires_grad_()
    weights = torch.linspace(0, 2, 15, dtype=torch.float64).reshape(-1, 1) if weighted else None
    assert torch.autograd.gradcheck(lambda it: gram_matrix(it, weights), values)


def test_gradient_of_gram_for_a_gradient_that_is_not_symmetric() -> None:
    values, pull = maps(3, 4, 4).requires_grad_(), maps(1, 3, 3, seed=2)[0, 0]
    (found,) = torch.autograd.grad(gram_matrix(values), values, pull)
    rows = values.flatten(2)[0]
    (wanted,) = torch.autograd.grad(rows @ rows.T, values, pull)
    torch.testing.assert_close(found, wanted)


def test_gram_does_not_see_where_things_are() -> None:
    values = maps(5, 6, 6)
    places = torch.randperm(36, generator=torch.Generator().manual_seed(0))
    moved = values.flatten(2)[:, :, places].reshape(values.shape)
    torch.testing.assert_close(gram_matrix(moved), gram_matrix(values))


def test_variation_of_a_small_picture() -> None:
    picture = torch.tensor([[0.0, 0.5], [1.0, 0.5]]).expand(1, 3, 2, 2)
    # Down 1 and 0, right 0.5 and -0.5: squares 1 + 0.25 + 0.25 a channel, for four pixels.
    assert float(total_variation(picture)) == pytest.approx(1.5 / 4)


def test_variation_of_a_constant_and_of_a_ramp() -> None:
    assert float(total_variation(torch.full((1, 3, 5, 7), 0.3))) == 0
    ramp = (torch.arange(10.0) / 10).expand(1, 3, 4, 10)
    assert float(total_variation(ramp)) == pytest.approx(0.01 * 9 / 10)
    assert float(total_variation(2 * ramp)) == pytest.approx(4 * 0.01 * 9 / 10)


def test_gradient_of_variation() -> None:
    assert torch.autograd.gradcheck(total_variation, maps(3, 4, 5).requires_grad_())
