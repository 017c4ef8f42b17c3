"""Feature networks for style transfer: a backbone whose maps are compared, prepared for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from cnntasks import (
    Backbone,
    Stage,
    UsageError,
    describe_network,
    fold_batch_norm,
    pad_by_reflection,
    pool_by_average,
)

#: Least mean activation that a filter is divided by, relative to its layer's mean.
_LEAST = 1e-3


class FeatureNetwork(nn.Module):
    """Named feature maps of pictures in 0..1, for optimising the picture.

    Edges are continued by reflection (zero padding leaves a dark frame), batch normalisation is
    folded, weights are frozen and channels lie last in memory, which a CPU convolves faster.

    Args:
        backbone: with its weights; it is changed.
        layers: the stages whose maps are wanted; nothing behind the last of them is computed.
        pooling: `max` as the network was trained, or `average` as Gatys et al. 2016 prefer.

    Raises:
        UsageError: the backbone has no stage of such a name; the message lists those it has.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, layers: Sequence[str], pooling: str = "max") -> None:
        super().__init__()
        self.layers = tuple(dict.fromkeys(layers))
        self.stages: dict[str, Stage] = {name: backbone.stage(name) for name in self.layers}
        self.backbone = backbone.eval().requires_grad_(False)
        #: Pixels that the deepest map can see: tiles overlap by as much. None: no tiles.
        self.field = receptive_field(backbone, self.layers)
        fold_batch_norm(backbone)
        pad_by_reflection(backbone)
        if pooling == "average":
            pool_by_average(backbone)
        # Backbones count in 0..255.
        for name, values in (("mean", backbone.mean), ("std", backbone.std)):
            value = torch.tensor(values).view(1, -1, 1, 1) / 255
            self.register_buffer(name, value, persistent=False)
        for stage in self.stages.values():
            self.register_buffer(_scale_name(stage), torch.ones(1, stage.channels, 1, 1))
        self.to(memory_format=torch.channels_last)

    @property
    def stride(self) -> int:
        """Of the deepest wanted map: tiles begin at multiples of it."""
        return max(stage.stride for stage in self.stages.values())

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        """1×3×H×W in 0..1 to the wanted maps, 1×C×H/stride×W/stride each."""
        maps: dict[str, Tensor] = self.backbone((picture - self.mean) / self.std, self.layers)
        if not self._scaled:
            return maps
        return {name: maps[name] * self.scale(name) for name in self.layers}

    _scaled = False

    def sizes(self, height: int, width: int) -> dict[str, tuple[int, int]]:
        """Height and width of each wanted map for a picture of that size."""
        tensors = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        shapes = {name: torch.empty_like(value, device="meta") for name, value in tensors.items()}
        picture = torch.empty(1, 3, height, width, device="meta")
        maps = torch.func.functional_call(self, shapes, (picture,))
        return {name: (value.shape[2], value.shape[3]) for name, value in maps.items()}

    def scale(self, layer: str) -> Tensor:
        """What the channels of a layer's map are multiplied by, 1×C×1×1."""
        scale: Tensor = getattr(self, _scale_name(self.stages[layer]))
        return scale

    @torch.no_grad()
    def normalize(self, pictures: Iterable[Tensor]) -> None:
        """Scale every filter so that its mean activation over the pictures is 1.

        Gatys et al. 2016, section 2, rescale the weights of VGG-19 so, which between ReLUs and
        poolings is the same as scaling the maps. They average over ImageNet; here it is over the
        pictures at hand, which are the ones that will be compared. A filter that hardly answers
        to them is scaled as if its mean were a thousandth of its layer's.
        """
        self._scaled = False
        means: dict[str, Tensor] = {}
        count = 0
        for picture in pictures:
            count += 1
            for name, value in self(picture).items():
                mean = value.mean(dim=(0, 2, 3), keepdim=True)
                means[name] = means[name] + mean if name in means else mean
        for name, total in means.items():
            mean = total / count
            floor = _LEAST * mean.abs().mean()
            self.scale(name).copy_(1 / mean.abs().clamp_min(floor.clamp_min(1e-12)))
        self._scaled = True


def _scale_name(stage: Stage) -> str:
    return f"scale_{stage.name}"


def receptive_field(backbone: Backbone, layers: Sequence[str]) -> int | None:
    """How many pixels the deepest of these maps can see.

    None where it cannot be followed, or is the whole picture whatever its size, as behind
    squeeze-and-excitation: a tile cannot show such a network what lies around it.
    """
    names = list(backbone.parts)
    last = max((names.index(backbone.stage(layer).name) for layer in layers), default=0)
    prefix = nn.Sequential(*list(backbone.parts.values())[: last + 1])
    fields = [describe_network(prefix, (3, side, side))[-1].receptive_field for side in (256, 320)]
    if None in fields or fields[0] != fields[1]:
        return None
    return max(fields[0] or ())


def check_layers(backbone: Backbone, layers: Sequence[str], option: str) -> None:
    """Refuse a layer that the backbone has not.

    Raises:
        UsageError: naming the option and listing the layers there are.
    """
    known = [stage.name for stage in backbone.stages]
    for layer in layers:
        if layer not in known:
            raise UsageError(f"{option} {layer}: no such layer; there are {', '.join(known)}")
