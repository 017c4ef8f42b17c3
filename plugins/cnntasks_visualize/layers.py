"""The layers of any network: found by running it once, named, and listened to."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnntasks import Backbone, UsageError

#: Parts of a module's path that say nothing to a reader.
_SILENT = frozenset({"classifier", "backbone", "parts", "network", "model", "body"})
#: A message names at most so many layers or classes.
_NAMED = 60


@dataclass(frozen=True, slots=True)
class Layer:
    """A module whose output can be looked at.

    Attributes:
        name: short and unique; what `--layer` takes.
        path: of the module in the network; `--layer` takes it as well.
        kind: the module's class.
        shape: of its output for one input: units first, then the places (none, T or H×W).
        stage: it is the whole of a named stage of the backbone.
    """

    name: str
    path: str
    kind: str
    shape: tuple[int, ...]
    stage: bool = False

    @property
    def units(self) -> int:
        """Maps of a convolution, or numbers of a fully connected layer."""
        return self.shape[0]

    @property
    def places(self) -> tuple[int, ...]:
        """The size of a map; empty where each unit is one number."""
        return self.shape[1:]

    @property
    def is_map(self) -> bool:
        """Whether a unit has several places."""
        return any(size > 1 for size in self.places)


def without_inplace(network: nn.Module) -> None:
    """Let no module overwrite its input: what was recorded must stay as it was."""
    for module in network.modules():
        if getattr(module, "inplace", False) is True:
            module.inplace = False  # type: ignore[assignment]


def find_layers(network: nn.Module, feeds: Mapping[str, Tensor]) -> list[Layer]:
    """Every layer with an output for each input of the batch, in the order in which they run.

    A module that runs several times (a head on each level of a pyramid) is listed with its first
    output. What works on regions instead of whole inputs is left out.
    """
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
    batch = len(next(iter(feeds.values())))

    def note(path: str, module: nn.Module, output: object) -> None:
        if (
            path not in shapes
            and isinstance(output, Tensor)
            and output.is_floating_point()
            and output.dim() >= 2
            and output.shape[0] == batch
        ):
            shapes[path] = type(module).__name__, tuple(output.shape[1:])

    def listener(path: str) -> Any:
        return lambda module, inputs, output: note(path, module, output)

    handles = [
        module.register_forward_hook(listener(path))
        for path, module in network.named_modules()
        if path and not isinstance(module, nn.Dropout | nn.Identity)
    ]
    try:
        with torch.no_grad():
            network(**feeds)
    finally:
        for handle in handles:
            handle.remove()
    stages = _stage_paths(network)
    short = _short_names(shapes)
    return [
        Layer(short[path], path, kind, shape, path in stages)
        for path, (kind, shape) in shapes.items()
    ]


def _stage_paths(network: nn.Module) -> set[str]:
    found = set()
    for path, module in network.named_modules():
        if isinstance(module, Backbone):
            start = f"{path}." if path else ""
            found |= {f"{start}parts.{stage.name}" for stage in module.stages}
    return found


def _short_names(paths: Mapping[str, object]) -> dict[str, str]:
    def shortened(path: str) -> str:
        parts = [part for part in path.split(".") if part not in _SILENT]
        return ".".join(parts) or path

    names = {path: shortened(path) for path in paths}
    counts = Counter(names.values())
    return {path: name if counts[name] == 1 else path for path, name in names.items()}


def choose_layer(layers: Sequence[Layer], name: str) -> Layer:
    """The layer of that name or path.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    for layer in layers:
        if name in (layer.name, layer.path):
            return layer
    known = [layer.name for layer in layers]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(f"there is no layer {name!r}; {hint}there are {listed(known)}")


def check_unit(layer: Layer, unit: int) -> int:
    """`unit`, if the layer has it.

    Raises:
        UsageError: it has not; the message says which it has.
    """
    if 0 <= unit < layer.units:
        return unit
    raise UsageError(
        f"the layer {layer.name} has no unit {unit}; its units are 0 to {layer.units - 1}"
    )


def listed(names: Sequence[str]) -> str:
    """Names for a message, the first of many."""
    more = f" and {len(names) - _NAMED} more (--layer list)" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def last_map(layers: Sequence[Layer]) -> Layer:
    """The last layer whose units still have places: where Grad-CAM looks by default.

    The last stage of the backbone where the network has one, so that a detector's heads are not
    mistaken for it.

    Raises:
        UsageError: no layer has places.
    """
    maps = [layer for layer in layers if layer.is_map]
    stages = [layer for layer in maps if layer.stage]
    if not maps:
        raise UsageError("no layer of this network has maps; choose one with --layer")
    return (stages or maps)[-1]


def middle_map(layers: Sequence[Layer]) -> Layer:
    """A stage somewhat before the middle: past edges, before whole objects."""
    maps = [layer for layer in layers if layer.is_map]
    stages = [layer for layer in maps if layer.stage]
    if not maps:
        raise UsageError("no layer of this network has maps; choose one with --layer")
    chosen = stages or maps
    return chosen[round(0.4 * len(chosen))]


def first_map(layers: Sequence[Layer]) -> Layer:
    """The first stage, where the network has stages, else the first layer with maps."""
    maps = [layer for layer in layers if layer.is_map]
    stages = [layer for layer in maps if layer.stage]
    if not maps:
        raise UsageError("no layer of this network has maps; choose one with --layer")
    return (stages or maps)[0]


class _ReachedError(Exception):
    """The layer has answered; the rest of the network need not run."""


def run_to(network: nn.Module, layer: Layer, feeds: Mapping[str, Tensor]) -> Tensor:
    """The first output of a layer, B×units or B×units×places; what comes after it does not run.

    Raises:
        UsageError: the layer does not run for this input.
    """
    found: list[Tensor] = []

    def note(module: nn.Module, inputs: object, output: Tensor) -> None:
        found.append(output)
        raise _ReachedError

    handle = network.get_submodule(layer.path).register_forward_hook(note)
    try:
        network(**feeds)
    except _ReachedError:
        return found[0]
    finally:
        handle.remove()
    raise UsageError(f"the layer {layer.name} does not run for this input; choose another")


@contextmanager
def recorded(network: nn.Module, layer: Layer) -> Iterator[list[Tensor]]:
    """Record the outputs of a layer, each call's, while the body runs the network."""
    found: list[Tensor] = []

    def note(module: nn.Module, inputs: object, output: Tensor) -> None:
        found.append(output)

    handle = network.get_submodule(layer.path).register_forward_hook(note)
    try:
        yield found
    finally:
        handle.remove()
