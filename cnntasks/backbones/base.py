"""`Backbone`: a feature network whose intermediate stages have names, channels and strides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from cnntasks.errors import UsageError

#: Of the pictures that torchvision's weights were trained on; RGB, 0..255.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Stage:
    """One named place in a backbone.

    Attributes:
        name: unique within the backbone.
        channels: of the feature map there.
        stride: input pixels (places of a text) per feature-map pixel.
    """

    name: str
    channels: int
    stride: int


class Backbone(nn.Module):
    """A chain of named parts; a forward pass goes only as far as the deepest stage asked for.

    Args:
        parts: (stage, module) from the input on; a part's output is its stage's feature map.
        mean: per-channel mean that this network's weights expect, on the 0..255 scale.
        std: per-channel divisor, on the same scale.
    """

    def __init__(
        self,
        parts: Iterable[tuple[Stage, nn.Module]],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        pairs = list(parts)
        self.stages: tuple[Stage, ...] = tuple(stage for stage, _ in pairs)
        self.parts = nn.ModuleDict({stage.name: module for stage, module in pairs})
        self.mean = tuple(mean)
        self.std = tuple(std)

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            UsageError: there is none; the message lists the ones there are.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise UsageError(f"this backbone has no stage {name!r}; it has {names}")

    def forward(self, x: Tensor, stages: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Feature maps of the wanted stages (the last one when None).

        Args:
            x: B×C×H×W, normalised with `mean` and `std`. Networks for text take B×C×L, and so are
                their maps.
            stages: stage names in any order.

        Returns:
            Stage name to B×channels×H/stride×W/stride (rounded up or down as the network has it;
            less where it does not pad).

        Raises:
            UsageError: a name is not a stage of this backbone.
        """
        wanted = {self.stage(name).name for name in stages or (self.stages[-1].name,)}
        found: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            x = part(x)
            if name in wanted:
                found[name] = x
                if len(found) == len(wanted):
                    break
        return found

    def freeze(self, until: str) -> None:
        """Stop the training of every part up to and including the stage `until`.

        Raises:
            UsageError: `until` is not a stage of this backbone.
        """
        last = self.stage(until).name
        for name, part in self.parts.items():
            part.requires_grad_(False)
            if name == last:
                break
