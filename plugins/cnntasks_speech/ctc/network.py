"""The network of a transcribing model: a one-dimensional backbone and a unit for each place.

Fully convolutional (Collobert et al. 2016): no recurrence, no attention, so that an output frame
sees a fixed stretch of the recording, and a recording may be of any length and cut into chunks.
Features are put into range by fixed numbers, not by those of the utterance, for the same reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks import GraphSpec, ModelCard, ModelError, Stage, UsageError, create_backbone

NETWORK = "speech-ctc"
UNITS = ("characters", "words")
OUTPUTS = ("log_probs",)
#: Of log-mel features of speech, roughly; what is learned takes care of the rest.
_MEAN, _SPREAD = -6.0, 4.0


class SpeechCTC(nn.Module):
    """Log-probabilities of the units and the blank for each place.

    Args:
        backbone: a one-dimensional network that takes a mask.
        n_mels: M.
        units: K.

    Raises:
        UsageError: there is no such backbone, or it is not one-dimensional.
    """

    def __init__(self, backbone: str, n_mels: int, units: int) -> None:
        super().__init__()
        self.backbone: Any = create_backbone(backbone, n_mels)
        if not hasattr(self.backbone, "windows"):
            raise UsageError(
                f"{backbone!r} is no network over time; take wav2letter or quartznet_small"
            )
        self.stage: Stage = self.backbone.stages[-1]
        self.output = nn.Conv1d(self.stage.channels, units + 1, 1)

    @property
    def stride(self) -> int:
        """Input frames per output frame."""
        return self.stage.stride

    @property
    def context(self) -> int:
        """Input frames that an output frame sees on each side, at most."""
        windows: Sequence[Any] = self.backbone.windows
        return max(max(int(window.left), int(window.right)) for window in windows)

    def set_dropout(self, probability: float) -> None:
        """Of all dropouts."""
        for module in self.backbone.modules():
            if isinstance(module, nn.Dropout):
                module.p = probability

    def forward(self, features: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Transcribe a batch.

        Args:
            features: B×M×T log-mel.
            lengths: B int64, frames of each utterance; what lies behind does not matter.

        Returns:
            `log_probs` B×T'×(K+1), the blank first; T' is T over the stride, rounded up.
        """
        # The exporter cannot tell a map of one place from a constant; the padding gives it two.
        x = functional.pad((features - _MEAN) / _SPREAD, (0, self.stride))
        places = torch.arange(x.shape[2], device=x.device)
        mask = (places < lengths.unsqueeze(1)).unsqueeze(1).to(x.dtype)
        # Not a product: what lies behind may be anything, infinite too.
        x = x.masked_fill(mask == 0, 0.0)
        maps: Tensor = self.backbone(x, mask=mask)[self.stage.name]
        units: Tensor = self.output(maps[:, :, :-1])
        return {"log_probs": units.transpose(1, 2).log_softmax(dim=2)}


def output_lengths(lengths: Tensor, stride: int) -> Tensor:
    """Output frames of utterances of so many input frames."""
    return torch.div(lengths + stride - 1, stride, rounding_mode="floor")


def network_of(network: SpeechCTC, backbone: str, units: str) -> dict[str, Any]:
    """The card's `network`."""
    return {
        "name": NETWORK,
        "backbone": backbone,
        "units": units,
        "context": network.context,
        "stride": network.stride,
    }


def build_ctc(card: ModelCard) -> SpeechCTC:
    """The network that a card describes, with random weights.

    Raises:
        ModelError: the card's network is not a transcribing one, or it is incomplete.
    """
    name, backbone = card.network.get("name"), card.network.get("backbone")
    if name != NETWORK:
        raise ModelError(f"{card.name}: network {name!r} is not a transcribing one")
    n_mels = card.preprocessing.get("n_mels")
    if not isinstance(backbone, str) or not isinstance(n_mels, int) or not card.classes:
        raise ModelError(f"{card.name}: its card does not say all of its network")
    network = SpeechCTC(backbone, n_mels, len(card.classes))
    if (card.network.get("stride"), card.network.get("context")) != (
        network.stride,
        network.context,
    ):
        raise ModelError(
            f"{card.name}: the stride and context on its card are not those of {backbone!r}"
        )
    return network


def ctc_graph(n_mels: int) -> GraphSpec:
    """Feeds of two utterances, one shorter; batch and time may vary."""
    random = np.random.default_rng(0)
    features = random.normal(_MEAN, _SPREAD, (2, n_mels, 50)).astype(np.float32)
    dynamic = {"features": {0: "batch", 2: "frames"}, "lengths": {0: "batch"}}
    return GraphSpec({"features": features, "lengths": np.array([50, 37])}, dynamic, OUTPUTS)


def parameter_groups(network: nn.Module) -> Sequence[dict[str, Any]]:
    """Kernels with weight decay; biases and normalisations without."""
    groups: dict[bool, list[Tensor]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            groups.setdefault(parameter.ndim > 1, []).append(parameter)
    return [
        {"params": parameters, "scale": 1.0, "decay": decay} for decay, parameters in groups.items()
    ]
