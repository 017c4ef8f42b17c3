"""The network of a classification model: normalisation, backbone and head, in one graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cnntasks import Classifier, GraphSpec, ModelCard, ModelError, create_classifier


class PictureClassifier(nn.Module):
    """A `Classifier` that takes pictures as they were decoded.

    Args:
        classifier: backbone and head.
        mean, std: per-channel normalisation on the 0..255 scale.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: Classifier, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.classifier = classifier
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def logits(self, pixels: Tensor) -> dict[str, Tensor]:
        """What the classifier returns for B×H×W×C pixels (any type, 0..255)."""
        x = pixels.permute(0, 3, 1, 2).to(self.mean.dtype)
        found: dict[str, Tensor] = self.classifier((x - self.mean) / self.std)
        return found

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Classify.

        Args:
            pixels: B×H×W×C, 0..255.

        Returns:
            `scores` B×K, probabilities in 0..1, and `embedding` B×D.
        """
        found = self.logits(pixels)
        return {
            "scores": found["logits"].float().softmax(dim=1),
            "embedding": found["embedding"].float(),
        }


def build(card: ModelCard) -> PictureClassifier:
    """The network that a card describes, with random weights.

    Raises:
        ModelError: the card's network is not one that classify knows, or it is incomplete.
    """
    network = card.network
    if network.get("name") != "classifier" or not isinstance(network.get("backbone"), str):
        raise ModelError(f"{card.name}: network {network.get('name')!r} is not one for classify")
    unknown = set(network) - {"name", "backbone"}
    if unknown:
        raise ModelError(
            f"{card.name}: its network has unknown settings: {', '.join(sorted(unknown))}; "
            "upgrade cnntasks"
        )
    channels = 1 if card.preprocessing.get("color") == "L" else 3
    mean, std = (_per_channel(card, key, channels) for key in ("mean", "std"))
    classifier = create_classifier(network["backbone"], len(card.classes), channels)
    return PictureClassifier(classifier, mean, std)


def _per_channel(card: ModelCard, key: str, channels: int) -> list[float]:
    values = card.preprocessing.get(key)
    if (
        not isinstance(values, list | tuple)
        or len(values) != channels
        or not all(isinstance(value, int | float) for value in values)
    ):
        raise ModelError(f"{card.name}: its card's preprocessing needs {channels} numbers as {key}")
    return list(values)


def graph_spec(card: ModelCard) -> GraphSpec:
    """Feeds of two noisy pictures of the model's size; only the batch may vary."""
    side = card.preprocessing["crop"]
    channels = len(card.preprocessing["mean"])
    pixels = np.random.default_rng(0).integers(0, 255, (2, side, side, channels), np.uint8)
    return GraphSpec({"pixels": pixels}, {"pixels": {0: "batch"}}, ("scores", "embedding"))
