"""What the live page needs of a LeNet-5: its weights, which a browser computes with."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import ModelCard, ModelError, read_weights

#: Of the page's layers: where torch has their weights.
_PLACES = {
    "c1": "classifier.backbone.parts.c1.0",
    "s2": "classifier.backbone.parts.s2.0",
    "c3": "classifier.backbone.parts.c3.0",
    "s4": "classifier.backbone.parts.s4.0",
    "c5": "classifier.backbone.parts.c5.0",
    "f6": "classifier.embed.1",
    "output": "classifier.output.0",
}
#: LeCun et al. 1998, Table I: the maps of S2 that each map of C3 sees.
TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)
#: Side of the pictures that LeNet-5 takes, in pixels.
SIDE = 32


def is_live(card: ModelCard) -> bool:
    """Whether the page can compute with this model: a LeNet-5 of grey pictures of 32×32."""
    given = card.preprocessing
    return (
        card.task == "classify"
        and card.network.get("backbone") == "lenet5"
        and given.get("color") == "L"
        and given.get("crop") == SIDE
    )


def live_payload(
    card: ModelCard, folder: Path, pixels: NDArray[np.uint8] | None = None, source: str = ""
) -> dict[str, Any]:
    """Everything of a LeNet-5 as plain JSON types, numbers as base64 of little-endian float32.

    Args:
        card, folder: of a model for which `is_live` holds.
        pixels: 32×32×1, a picture to begin with, as the model's predictor prepares it.
        source: that picture's name.

    Raises:
        ModelError: the weights are damaged, or not those of a LeNet-5.
    """
    weights = read_weights(folder)
    tensors = {}
    for layer, place in _PLACES.items():
        for kind in ("weight", "bias"):
            if layer == "output" and kind == "bias":
                continue
            name = f"{place}.{kind}"
            if name not in weights:
                raise ModelError(f"{folder}: its weights have no {name}; is it a LeNet-5?")
            tensors[f"{layer}.{kind}"] = encode_floats(weights[name])
    measured = card.metrics.get("test_top1", card.metrics.get("validation_top1"))
    return {
        "mode": "live",
        "model": {
            "name": card.name,
            "classes": list(card.classes),
            "mean": card.preprocessing["mean"][0],
            "std": card.preprocessing["std"][0],
            "fill": card.preprocessing.get("fill", 0),
            "accuracy": measured,
            "data": card.training_data,
            "licence": card.licence,
            "table": TABLE,
            "tensors": tensors,
        },
        "picture": None if pixels is None else encode_bytes(pixels.tobytes()),
        "source": source,
    }


def encode_floats(values: NDArray[Any]) -> str:
    """Base64 of little-endian float32 numbers."""
    return encode_bytes(np.ascontiguousarray(values, dtype="<f4").tobytes())


def encode_bytes(data: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(data).decode("ascii")
