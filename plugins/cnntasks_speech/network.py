"""The network of a word spotter: normalisation, a backbone with one input channel, one output each.

A spotter may have more outputs than classes: the words behind `unknown` have one each in training,
which teaches the network more than their being unknown would. The probability of a class is the sum
of those of its outputs, so its logit is the logarithm of a sum of exponentials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks import GraphSpec, ModelCard, ModelError, UsageError, create_backbone

NETWORK = "speech-spotter"
#: Deviation of log-mel features within a window, about; in nats.
_SPREAD = 3.0
#: So small a sum of exponentials, relative to the largest one, counts as nothing.
_LEAST = 1e-30


@dataclass(frozen=True, slots=True)
class Shape:
    """What a card's `network` says of a spotter.

    Attributes:
        backbone: any two-dimensional network, with one input channel.
        outputs: K' names: the classes first, then further words.
        merge: K' indices: the class that each output belongs to.
        rejects: the classes that are no words.
    """

    backbone: str
    outputs: tuple[str, ...]
    merge: tuple[int, ...]
    rejects: tuple[str, ...] = ()

    def to_network(self) -> dict[str, Any]:
        """The card's `network`."""
        lists = {name: list(v) for name, v in asdict(self).items() if isinstance(v, tuple)}
        return {"name": NETWORK, "backbone": self.backbone, **lists}

    @classmethod
    def of(cls, card: ModelCard) -> Shape:
        """What a card says.

        Raises:
            ModelError: it is not a card of this network, or it is incomplete.
        """
        network = dict(card.network)
        if network.pop("name", None) != NETWORK:
            name = card.network.get("name")
            raise ModelError(f"{card.name}: network {name!r} is no word spotter")
        if not isinstance(network.get("backbone"), str):
            raise ModelError(f"{card.name}: the network of its card has no backbone")
        try:
            lists = {key: tuple(v) for key, v in network.items() if key != "backbone"}
            shape = cls(network["backbone"], **lists)
        except TypeError as error:
            raise ModelError(
                f"{card.name}: the settings of its network are not those of this version "
                f"({error}); upgrade cnntasks"
            ) from error
        classes = len(card.classes)
        if (
            shape.outputs[:classes] != tuple(card.classes)
            or len(shape.merge) != len(shape.outputs)
            or shape.merge[:classes] != tuple(range(classes))
            or not all(type(it) is int and 0 <= it < classes for it in shape.merge)
            or not set(shape.rejects) <= set(card.classes)
        ):
            raise ModelError(f"{card.name}: the settings of its network contradict its classes")
        return shape


class Spotter(nn.Module):
    """Names the word in a window of features.

    Args:
        shape: see there.
        dropout: of the mean over the window, in training.
    """

    members: Tensor

    def __init__(self, shape: Shape, dropout: float = 0.2) -> None:
        super().__init__()
        self.shape = shape
        self.dropout = dropout
        self.backbone: Any = create_backbone(shape.backbone, 1)
        if hasattr(self.backbone, "windows"):
            raise UsageError(
                f"{shape.backbone!r} is a network for text; `cnntasks backbones` lists those that "
                "take an input of two dimensions"
            )
        self.stage = self.backbone.stages[-1]
        self.output = nn.Linear(self.stage.channels, len(shape.outputs))
        merge = torch.tensor(shape.merge)
        members = functional.one_hot(merge, int(merge.max()) + 1).float()
        self.register_buffer("members", members, persistent=False)

    def outputs(self, features: Tensor) -> Tensor:
        """B×M×T log-mel features to B×K' logits of all outputs.

        The mean of a window is taken away, and with it how loud a recording is.
        """
        centred = features - features.mean(dim=(1, 2), keepdim=True)
        x = (centred / _SPREAD).unsqueeze(1)
        if self.training:  # as the learner lays out the kernels
            x = x.contiguous(memory_format=torch.channels_last)
        maps = self.backbone(x)[self.stage.name]
        pooled = functional.dropout(maps.mean(dim=(2, 3)), self.dropout, self.training)
        logits: Tensor = self.output(pooled)
        return logits

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Classify.

        Args:
            features: B×M×T, of windows as long as those of the training.

        Returns:
            `logits` B×K.
        """
        outputs = self.outputs(features)
        if len(self.shape.outputs) == self.members.shape[1]:
            return {"logits": outputs}
        most = outputs.amax(dim=1, keepdim=True)
        sums = (outputs - most).exp() @ self.members
        return {"logits": sums.clamp(min=_LEAST).log() + most}


def build(card: ModelCard) -> nn.Module:
    """The network that a card describes, with random weights.

    Raises:
        ModelError: the card's network is not one that speech knows, or it is incomplete.
    """
    from cnntasks_speech.ctc import network as ctc

    if card.network.get("name") == ctc.NETWORK:
        return ctc.build_ctc(card)
    return Spotter(Shape.of(card))


def make_shape(
    backbone: str, classes: Sequence[str], further: Sequence[str], rejects: Sequence[str]
) -> Shape:
    """The shape of a spotter whose class `unknown` has outputs for the words `further`."""
    outputs = [*classes, *further]
    unknown = classes.index("unknown") if further else 0
    merge = [*range(len(classes)), *[unknown] * len(further)]
    there = tuple(name for name in rejects if name in classes)
    return Shape(backbone, tuple(outputs), tuple(merge), there)


def graph_spec(card: ModelCard) -> GraphSpec:
    """Feeds of two windows of noise; only the batch may vary."""
    size = (2, int(card.preprocessing["n_mels"]), int(card.preprocessing["frames"]))
    features = np.random.default_rng(0).normal(-6.0, 3.0, size).astype(np.float32)
    return GraphSpec({"features": features}, {"features": {0: "batch"}}, ("logits",))
