"""What a transfer does with a network unless told otherwise.

A style model's card says it. The networks of other tasks' models, such as VGG-19 and any classifier
of one's own, get it from here: by name where their layers are known, else by the strides of their
stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnntasks import ModelError

if TYPE_CHECKING:
    from cnntasks import Stage

#: Any network: losses relative to their targets' energy, from coarse to fine.
_GENERAL: dict[str, Any] = {
    "iterations": 300,
    "style_weight": 30.0,
    "content_weight": 1.0,
    "tv_weight": 30.0,
    "init": "content",
    "optimizer": "lbfgs",
}


def _gatys(content: str, styles: Sequence[str]) -> dict[str, Any]:
    """The setting of Gatys et al. 2016, section 3: see docs/style.md for the weights."""
    return {
        "iterations": 500,
        "style_weight": 1e7,
        "content_weight": 1.0,
        "tv_weight": 0.0,
        "content_layers": [content],
        "style_layers": list(styles),
        "layer_weights": [1 / len(styles)] * len(styles),
        "init": "noise",
        "optimizer": "lbfgs",
        "scaling": "paper",
        "pooling": "average",
        "normalize": True,
        "scales": 1,
    }


_GATYS_STYLES = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
_KNOWN: dict[str, dict[str, Any]] = {
    "vgg19": _gatys("conv4_2", _GATYS_STYLES),
    "vgg16": _gatys("conv4_2", _GATYS_STYLES),
    "efficientnet_lite0": {
        **_GENERAL,
        "style_layers": ["stem", "b0", "b2", "b4", "b8"],
        "content_layers": ["b4"],
    },
}


@dataclass(frozen=True, slots=True)
class Method:
    """How a transfer goes about it; a card's `defaults` may say otherwise.

    Attributes:
        scaling: of the losses, see `objective.Weights`.
        pooling: `max` or `average`.
        normalize: whether filters are scaled to a mean activation of 1.
        scales: how many sizes, each half the next; 0 is as many as leave `coarsest` pixels.
        coarsest: longer side of the smallest size, at least.
    """

    scaling: str = "energy"
    pooling: str = "max"
    normalize: bool = False
    scales: int = 0
    coarsest: int = 96

    @classmethod
    def of(cls, defaults: Mapping[str, Any], name: str) -> Method:
        """What a card's defaults say.

        Raises:
            ModelError: a value that is none of these.
        """
        values = {key: defaults[key] for key in cls.__slots__ if key in defaults}
        method = cls(**values)
        whole: tuple[Any, ...] = (method.scales, method.coarsest)
        if (
            method.scaling not in ("energy", "paper")
            or method.pooling not in ("max", "average")
            or any(type(it) is not int or not 0 <= it <= 4096 for it in whole)
        ):
            raise ModelError(f"{name}: its card's defaults for the method are wrong: {values}")
        return method


def defaults_for(backbone: str, stages: Sequence[Stage]) -> dict[str, Any]:
    """Defaults for a network, as they would stand in a card.

    Args:
        backbone: its name.
        stages: the ones that it has.
    """
    if backbone in _KNOWN:
        return dict(_KNOWN[backbone])
    first: dict[int, str] = {}
    for stage in stages:
        first.setdefault(stage.stride, stage.name)
    layers = [name for stride, name in first.items() if stride <= 16]
    near = [name for stride, name in first.items() if stride <= 8]
    content = (near or layers or [stages[0].name])[-1]
    return {**_GENERAL, "style_layers": layers or [content], "content_layers": [content]}
