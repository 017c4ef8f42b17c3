"""Changes to a finished network that its weights survive: padding, pooling, batch normalisation.

Networks are trained with zeros around the picture. Where a picture is optimised, or its maps are
looked at, those zeros show as a dark frame; reflected edges do not. All functions change the
network in place, keep the names of its weights, and say how many layers they changed.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cnntasks.backbones.efficientnet_lite import SameConv2d


class ReflectedConv2d(nn.Conv2d):
    """A convolution that continues its input by reflection at the edges.

    Args:
        conv: whose weights (the same tensors) and padding it takes over.

    The number of padded places does not depend on the input's size, so that a part of a picture
    cut out at a multiple of the stride gives the same maps as the whole.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,  # type: ignore[arg-type]
            conv.stride,  # type: ignore[arg-type]
            0,
            conv.dilation,  # type: ignore[arg-type]
            conv.groups,
            conv.bias is not None,
            device="meta",
        )
        self.weight, self.bias = conv.weight, conv.bias
        self.edges = _edges(conv)

    def forward(self, input: Tensor) -> Tensor:
        """B×C×H×W to B×C'×H'×W', as the convolution it replaces."""
        return super().forward(reflect(input, self.edges))


def reflect(x: Tensor, edges: tuple[int, int, int, int]) -> Tensor:
    """B×C×H×W continued by reflection: places to the left, right, top and bottom.

    A map too small to be reflected (a map of 1×1 has nothing beside its edge) repeats its edge.
    """
    height, width = x.shape[2:]
    small = max(edges[:2]) >= width or max(edges[2:]) >= height
    return functional.pad(x, edges, mode="replicate" if small else "reflect")


def _edges(conv: nn.Conv2d) -> tuple[int, int, int, int]:
    sides: list[int] = []
    for axis in (1, 0):
        kernel, stride = conv.kernel_size[axis], conv.stride[axis]
        if isinstance(conv, SameConv2d) and stride > 1:
            # As TensorFlow pads an even side; an odd one has a place more, which is not reached.
            before = max(kernel - stride, 0) // 2
            after = max(kernel - 1 - before, 0)
        elif isinstance(conv.padding, str):
            total = conv.dilation[axis] * (kernel - 1) if conv.padding == "same" else 0
            before, after = total // 2, total - total // 2
        else:
            before = after = int(conv.padding[axis])
        sides += [before, after]
    return sides[0], sides[1], sides[2], sides[3]


def pad_by_reflection(network: nn.Module) -> int:
    """Let every padded 2-D convolution continue its input by reflection instead of zeros."""

    def change(layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, nn.Conv2d) or isinstance(layer, ReflectedConv2d):
            return None
        return ReflectedConv2d(layer) if any(_edges(layer)) else None

    return _replace(network, change)


def pool_by_average(network: nn.Module) -> int:
    """Let every 2-D max-pooling take the mean (Gatys et al. 2016, section 2)."""

    def change(layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, nn.MaxPool2d):
            return None
        return nn.AvgPool2d(
            layer.kernel_size,
            layer.stride,
            layer.padding,
            ceil_mode=layer.ceil_mode,
            count_include_pad=False,
        )

    return _replace(network, change)


def fold_batch_norm(network: nn.Module) -> int:
    """Put each batch normalisation that follows a convolution in a chain into its weights.

    The network must be in evaluation mode; it can no longer be trained as it was.
    """
    count = 0
    for chain in network.modules():
        if not isinstance(chain, nn.Sequential):
            continue
        for place in range(len(chain) - 1):
            conv, norm = chain[place], chain[place + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                chain[place], chain[place + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
                count += 1
    return count


def _replace(network: nn.Module, change: Callable[[nn.Module], nn.Module | None]) -> int:
    count = 0
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            new = change(child)
            if new is not None:
                setattr(parent, name, new)
                count += 1
    return count
