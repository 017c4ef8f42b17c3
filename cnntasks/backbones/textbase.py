"""What networks for text share: padding that never matters, and what a place of a map has seen.

Texts of a batch have different lengths and are padded with zeros at the end. A convolution's bias
would make something of that padding, and the layers behind it would see it from the text's last
places; so every map is set to zero behind its text, layer by layer. Then the maps of a text are
the same in any batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks.backbones.base import Backbone, Stage


@dataclass(frozen=True, slots=True)
class Window:
    """The places of the text that a map sees.

    Attributes:
        left, right: a map's place p has seen the text's places p * stride - left to
            p * stride + right.
        maps: how many maps, one after the other, see as much.
    """

    left: int
    right: int
    maps: int


def set_zero_behind(x: Tensor, mask: Tensor | None) -> Tensor:
    """B×C×L with zeros where the B×1×L mask is 0; as it is without a mask."""
    return x if mask is None else x * mask


def max_pool(x: Tensor, size: int, stride: int, padding: int) -> Tensor:
    """B×C×L to B×C×L', by the two-dimensional pooling: torch exports the other with L fixed."""
    wide: Tensor = functional.max_pool2d(x.unsqueeze(2), (1, size), (1, stride), (0, padding))
    return wide.squeeze(2)


def every_nth(mask: Tensor, n: int) -> Tensor:
    """The mask of a map over every n-th place."""
    return mask if n == 1 else max_pool(mask, 1, n, 0)


class Chain(nn.Sequential):
    """Convolutions, poolings and pointwise layers, one after the other.

    Convolutions are padded as 'same', with zeros; poolings look at an odd number of places and are
    padded evenly, so that place p of a map always stands over place p * stride of the text.
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """B×C×L to B×C'×L'; L' is L over the strides, rounded up.

        Args:
            x: zero where the mask is.
            mask: B×1×L, 1 on the text and 0 behind it; None where there is nothing behind.
        """
        for layer in self:
            x, mask = _apply(layer, x, mask)
        return x

    def reach(self) -> tuple[int, int, int]:
        """(places seen to the left, to the right, stride)."""
        left = right = 0
        stride = 1
        for layer in self:
            if isinstance(layer, nn.Conv1d | nn.MaxPool1d):
                size, step = _one(layer.kernel_size), _one(layer.stride)
                left += (size - 1) // 2 * stride
                right += size // 2 * stride
                stride *= step
            elif isinstance(layer, Residual):
                inner, _, _ = layer.inner.reach()
                left += inner * stride
                right += inner * stride
        return left, right, stride


class Residual(nn.Module):
    """The sum of a map and of what a chain without stride makes of it (He et al. 2016)."""

    def __init__(self, inner: Chain) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """B×C×L to B×C×L."""
        made: Tensor = self.inner(x, mask)
        return x + made


def _apply(layer: nn.Module, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """What one layer makes of a map, and the mask of the result."""
    if mask is None:
        return layer(x), None
    if isinstance(layer, nn.MaxPool1d):
        behind = mask == 0
        size, step, padding = (_one(v) for v in (layer.kernel_size, layer.stride, layer.padding))
        pooled = max_pool(x.masked_fill(behind, -torch.inf), size, step, padding)
        mask = every_nth(mask, step)
        return pooled.masked_fill(mask == 0, 0.0), mask
    if isinstance(layer, Residual):
        return layer(x, mask), mask
    if isinstance(layer, nn.Conv1d):
        mask = every_nth(mask, _one(layer.stride))
    return set_zero_behind(layer(x), mask), mask


def _one(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]


class TextBackbone(Backbone):
    """A backbone whose input is B×C×L, and which can be told where each text ends.

    Args:
        parts: (stage, module) from the input on. A module takes a map and its mask.
        in_channels: size of the embedding.
        windows: of the last stage's maps, in their order.
    """

    def __init__(
        self,
        parts: Iterable[tuple[Stage, nn.Module]],
        in_channels: int,
        windows: Sequence[Window],
    ) -> None:
        super().__init__(parts, (0.0,) * in_channels, (1.0,) * in_channels)
        self.windows = tuple(windows)

    def forward(
        self, x: Tensor, stages: Sequence[str] | None = None, mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Feature maps of the wanted stages (the last one when None), zero behind each text.

        Args:
            x: B×C×L, zero where the mask is.
            stages: stage names in any order.
            mask: B×1×L, of x's type: 1 on the text, 0 behind it. None where all texts are as long
                as L.

        Returns:
            Stage name to B×channels×L/stride, rounded up.

        Raises:
            UsageError: a name is not a stage of this backbone.
        """
        if mask is None:
            return super().forward(x, stages)
        wanted = {self.stage(name).name for name in stages or (self.stages[-1].name,)}
        found: dict[str, Tensor] = {}
        before = 1
        for stage in self.stages:
            x = self.parts[stage.name](x, mask)
            mask = every_nth(mask, stage.stride // before)
            before = stage.stride
            if stage.name in wanted:
                found[stage.name] = x
                if len(found) == len(wanted):
                    break
        return found


def chain_windows(parts: Iterable[tuple[Stage, nn.Module]]) -> list[Window]:
    """What the maps of the last of several chains see."""
    left = right = 0
    stride = channels = 1
    for stage, module in parts:
        assert isinstance(module, Chain)
        more_left, more_right, _ = module.reach()
        left, right = left + more_left * stride, right + more_right * stride
        stride, channels = stage.stride, stage.channels
    return [Window(left, right, channels)]
