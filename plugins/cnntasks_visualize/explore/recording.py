"""One picture through a classifier, layer by layer, small enough for a page."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnntasks import Classifier, LayerRow, ModelError, OpenNetwork, describe_network
from cnntasks_visualize.explore.evidence import class_evidence
from cnntasks_visualize.explore.filters import first_filters
from cnntasks_visualize.explore.lenet import encode_bytes

#: Bytes of all feature maps together, before they are compressed: a page stays below 5 MB.
BUDGET = 3_300_000
#: Feature maps of a layer at most; the strongest are kept.
MOST_MAPS = 64
_HEADS = ("convolution", "pooling", "linear", "join")


@dataclass(frozen=True, slots=True)
class Layer:
    """What belongs together in a network: a layer with weights, its normalisation, its activation.

    Attributes:
        rows: first what computes (a convolution, pooling, a full connection, or where paths
            meet), then what is done to its output.
        module: the path of the module whose output is recorded, and of which of its calls.
    """

    rows: tuple[LayerRow, ...]
    module: tuple[str, int]

    @property
    def head(self) -> LayerRow:
        """What computes."""
        return self.rows[0]

    @property
    def last(self) -> LayerRow:
        """What is recorded the output of."""
        return self.rows[-1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of its maps; numbers are maps of 1×1."""
        output = self.last.output or (1,)
        if len(output) == 1:
            return (output[0], 1, 1)
        first, second, third = output
        return (third, first, second) if self._channels_last else (first, second, third)

    @property
    def _channels_last(self) -> bool:
        """A full connection at each place works on the last axis (ConvNeXt)."""
        return self.head.category == "linear" and len(self.last.output or ()) == 3

    def arranged(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The module's output for one picture as C×H×W."""
        return np.moveaxis(values, 2, 0) if self._channels_last else values.reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Maps:
    """The output of a layer for one picture, in 8 bits.

    Attributes:
        channels: those that are kept, the strongest first.
        values: kept×H×W; 0 stands for a map's `low`, 255 for its `high`.
        low, high: for each map that is kept.
        limit: the size that all but one in 200 of the layer's numbers keep within.
        total: the number of channels that the layer has.
    """

    channels: NDArray[np.int64]
    values: NDArray[np.uint8]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    limit: float
    total: int


def recorded_payload(opened: OpenNetwork, item: Any, source: str) -> dict[str, Any]:
    """Everything that the page shows of a picture and a classifier, as plain JSON types.

    Args:
        opened: a classification model.
        item: the picture, as its predictor decoded it.
        source: the picture's name.

    Raises:
        ModelError: the network is not built around a `Classifier`.
    """
    classifier = _classifier(opened)
    feeds = opened.feeds([item])
    x = _input_of(classifier, opened, feeds)
    layers = list(find_layers(describe_network(classifier, x.shape), classifier))
    outputs, found = record(classifier, opened, feeds, layers)
    layers = [layer for layer in layers if layer.module in found]
    room = share(layers)
    maps = [quantize(layer.arranged(found[layer.module]), room) for layer in layers]
    numbers = {name: value[0].cpu().numpy() for name, value in outputs.items()}
    result = opened.predictor.postprocess(numbers, item)
    pixels = opened.predictor.preprocess(item)["pixels"]
    first = first_filters(classifier, layers[0].rows, maps[0].channels, opened.card, pixels, x)
    blob = b"".join([pixels.tobytes(), *(it.values.tobytes() for it in maps)])
    return {
        "mode": "recorded",
        "model": {
            "name": opened.card.name,
            "network": str(opened.card.network.get("backbone", opened.card.network.get("name"))),
            "licence": opened.card.licence,
        },
        "source": source,
        "picture": list(pixels.shape),
        "classes": result.to_rows(),
        "first": first,
        "evidence": class_evidence(classifier, opened, feeds),
        "layers": [describe_layer(layer, it) for layer, it in zip(layers, maps, strict=True)],
        "blob": encode_bytes(zlib.compress(blob, 9)),
    }


def find_layers(rows: Sequence[LayerRow], network: nn.Module) -> Iterator[Layer]:
    """The layers of a network in the order in which they run.

    What is normalised, activated or dropped out of a layer's output belongs to the layer. One
    whose output no module returns is left out.
    """
    used = [row for row in rows if row.output is not None and len(row.output) in (1, 3)]
    modules = dict(network.named_modules())
    begun: Layer | None = None
    for at, row in enumerate(used):
        parent = row.name.rpartition(".")[0]
        if row.name in modules:
            module: tuple[str, int] | None = (row.name, row.call)
        else:  # a function: the module that calls it returns its result, if it comes last there
            later = any(other.name.startswith(f"{parent}.") for other in used[at + 1 :])
            module = (parent, row.call) if parent and not later else None
        if row.category in _HEADS:
            if begun is not None and begun.module[0]:
                yield begun
            begun = Layer((row,), module or ("", 0))
        elif begun is not None and row.output == begun.last.output:
            begun = replace(begun, rows=(*begun.rows, row), module=module or begun.module)
    if begun is not None and begun.module[0]:
        yield begun


def record(
    classifier: nn.Module, opened: OpenNetwork, feeds: dict[str, Tensor], layers: Sequence[Layer]
) -> tuple[dict[str, Tensor], dict[tuple[str, int], NDArray[np.float32]]]:
    """The network's outputs, and that of each layer, without the batch."""
    wanted = {layer.module for layer in layers}
    found: dict[tuple[str, int], NDArray[np.float32]] = {}
    calls: dict[str, int] = {}

    def hook(path: str) -> Any:
        def keep(module: nn.Module, given: Any, output: Any) -> None:
            calls[path] = calls.get(path, 0) + 1
            if (path, calls[path]) in wanted and isinstance(output, Tensor):
                # A copy: the next module may work in place.
                found[path, calls[path]] = output[0].detach().float().cpu().numpy().copy()

        return keep

    paths = {path for path, _ in wanted}
    handles = [
        module.register_forward_hook(hook(path))
        for path, module in classifier.named_modules()
        if path in paths
    ]
    try:
        with torch.inference_mode():
            outputs = opened.network(**feeds)
    finally:
        for handle in handles:
            handle.remove()
    return outputs, found


def share(layers: Sequence[Layer], budget: int = BUDGET) -> int:
    """How many bytes each layer may take, so that all together stay within the budget."""
    low, high = 1, budget
    while low < high:
        middle = (low + high + 1) // 2
        total = sum(_kept(layer.shape, middle) for layer in layers)
        low, high = (middle, high) if total <= budget else (low, middle - 1)
    return low


def _kept(shape: tuple[int, int, int], room: int) -> int:
    channels, height, width = shape
    area = height * width
    return min(channels, max(room // area, 1), _most(area)) * area


def _most(area: int) -> int:
    """A layer of numbers is shown whole, up to the widest that there are."""
    return MOST_MAPS if area > 1 else 4096


def quantize(values: NDArray[np.float32], room: int) -> Maps:
    """The strongest maps of a layer, in 8 bits each of its own range.

    Args:
        values: C×H×W.
        room: bytes for them; at least one map is kept.
    """
    area = values.shape[1] * values.shape[2]
    count = min(len(values), max(room // area, 1), _most(area))
    strength = np.abs(values).max(axis=(1, 2))
    channels = np.arange(len(values))
    if area > 1 or count < len(values):
        channels = np.argsort(-strength, kind="stable")[:count]
    kept = values[channels]
    low, high = kept.min(axis=(1, 2)), kept.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)
    scaled = (kept - low[:, None, None]) / span[:, None, None] * 255
    limit = float(np.quantile(np.abs(values), 0.995)) or float(strength.max()) or 1.0
    return Maps(channels, np.rint(scaled).astype(np.uint8), low, high, limit, len(values))


def describe_layer(layer: Layer, maps: Maps) -> dict[str, Any]:
    """A layer's entry in the payload; places are (rows, columns)."""
    head, last = layer.head, layer.last
    _, rows, cols = maps.values.shape
    return {
        "name": head.name.removeprefix("backbone.").removeprefix("parts."),
        "call": head.call,
        "kind": head.category,
        "made": head.kind,
        "kernel": head.kernel,
        "stride": head.stride,
        "groups": head.groups,
        "then": [row.kind for row in layer.rows[1:] if row.kind != "Dropout"],
        "parameters": head.parameters,
        "total": maps.total,
        "rows": rows,
        "cols": cols,
        "field": last.receptive_field,
        "start": last.start,
        "jump": last.jump,
        "channels": maps.channels.tolist(),
        "low": [float(f"{value:.5g}") for value in maps.low],
        "high": [float(f"{value:.5g}") for value in maps.high],
        "limit": float(f"{maps.limit:.4g}"),
    }


def _classifier(opened: OpenNetwork) -> Classifier:
    for module in opened.network.modules():
        if isinstance(module, Classifier):
            return module
    raise ModelError(f"{opened.card.name}: explore needs a network around a cnntasks.Classifier")


def _input_of(classifier: Classifier, opened: OpenNetwork, feeds: dict[str, Tensor]) -> Tensor:
    """What the classifier is given, without the batch: C×H×W, normalised."""
    seen: list[Tensor] = []
    handle = classifier.register_forward_pre_hook(
        lambda module, given: seen.append(given[0][0].clone())
    )
    try:
        with torch.inference_mode():
            opened.network(**feeds)
    finally:
        handle.remove()
    return seen[0]
