"""`torchvision:NAME`: any of torchvision's classification networks that is a chain of feature maps.

Its stages are the layers of `features` (or whatever the network calls it) and the other top-level
modules before the pooling; what only normalises or activates belongs to the layer before it.
Auxiliary classifiers are left out.
"""

from __future__ import annotations

import copy
import difflib
import functools
import re
from collections.abc import Iterator
from typing import Any

import torch
import torchvision
from torch import nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import GlobalAveragePool, adapt_input
from cnntasks.errors import UsageError

PREFIX = "torchvision:"

# Not the transformers: they have patches instead of a chain of maps, and a fixed input size.
_FAMILIES = (
    *("alexnet", "convnext", "densenet", "efficientnet", "googlenet", "inception", "mnasnet"),
    *("mobilenet", "regnet", "resnet", "resnext", "shufflenet", "squeezenet", "vgg", "wide_resnet"),
)
_HEADS = ("avgpool", "dropout", "classifier", "fc")
_SEQUENCES = ("features", "layers", "trunk_output")
_LOCAL = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
_TRANSFORMED = ("googlenet", "inception_v3")  # published for pixels scaled to -1..1
_SIDE = 320  # of the pictures that strides are measured with


def torchvision_family(name: str) -> Family:
    """The family of `torchvision:NAME`.

    Raises:
        UsageError: torchvision has no such network, or it is not a chain of feature maps; the
            message says what is possible.
    """
    inner = name.removeprefix(PREFIX)
    known = torchvision.models.list_models(module=torchvision.models)
    if inner in known and inner.startswith(_FAMILIES):
        return _FAMILY
    if inner in known:
        reason, near = "a transformer is not a chain of feature maps", []
    else:
        reason = "torchvision has no such classification network"
        possible = [other for other in known if other.startswith(_FAMILIES)]
        near = difflib.get_close_matches(inner, possible, n=3)
    hint = ", ".join(PREFIX + other for other in near)
    if not near:
        hint = f"{PREFIX}NAME where NAME begins with one of {', '.join(_FAMILIES)}"
    raise UsageError(f"there is no backbone {name!r}: {reason}; possible: {hint}")


def _network(name: str) -> Any:
    """torchvision's network, initialised as by torchvision, without auxiliary classifiers."""
    inner = name.removeprefix(PREFIX)
    options: dict[str, Any] = {}
    if inner in _TRANSFORMED:
        options = {"aux_logits": False, "init_weights": True}
    return torchvision.models.get_model(inner, weights=None, **options)


@functools.cache
def _shapes(name: str) -> Any:
    """The same network on the meta device: shapes and names, no values."""
    with torch.random.fork_rng(devices=[]):  # the caller's seed decides its own weights only
        try:
            with torch.device("meta"):
                return _network(name).eval()
        except NotImplementedError:  # RegNet computes its widths with tensors
            return _network(name).to("meta").eval()


def _chain(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, child in net.named_children():
        if name in _SEQUENCES:
            for place, layer in child.named_children():
                yield (f"{name}{place}" if place.isdigit() else place), layer
        elif name not in _HEADS:
            yield name, child


def _trunk(net: nn.Module) -> dict[str, nn.Module]:
    """Stage name to module; the modules are the network's own."""
    groups: dict[str, list[nn.Module]] = {}
    for name, module in _chain(net):
        if groups and not any(isinstance(layer, _LOCAL) for layer in module.modules()):
            groups[next(reversed(groups))].append(module)
        else:
            groups[name] = [module]
    if isinstance(net, torchvision.models.DenseNet):  # in its forward method only
        groups[next(reversed(groups))].append(nn.ReLU(inplace=True))
    return {name: g[0] if len(g) == 1 else nn.Sequential(*g) for name, g in groups.items()}


def _tail(net: nn.Module) -> tuple[nn.Sequential, nn.Sequential] | None:
    """Embedding and output; None where the classes are told before the pooling (SqueezeNet)."""
    children = dict(net.named_children())
    layers: list[nn.Module] = []
    for child in (children[name] for name in _HEADS if name in children):
        layers += list(child) if isinstance(child, nn.Sequential) else [child]
    if "avgpool" not in children:
        layers.insert(0, GlobalAveragePool())
    if not any(isinstance(layer, nn.Flatten) for layer in layers):
        layers.insert(1, nn.Flatten())
    if not isinstance(layers[-1], nn.Linear):
        return None
    last = -2 if isinstance(layers[-2], nn.Dropout) else -1
    return nn.Sequential(*layers[:last]), nn.Sequential(*layers[last:])


@functools.cache
def _stages(name: str) -> tuple[Stage, ...]:
    """Channels and strides, measured: how much a map grows with the picture."""
    small, large = (torch.empty(1, 3, side, side, device="meta") for side in (_SIDE, 2 * _SIDE))
    stages = []
    for stage, part in _trunk(_shapes(name)).items():
        small, large = part(small), part(large)
        stages.append(Stage(stage, small.shape[1], _SIDE // (large.shape[2] - small.shape[2])))
    return tuple(stages)


def _build(name: str, in_channels: int) -> Backbone:
    net = _network(name)
    adapt_input(net, in_channels)
    parts = zip(_stages(name), _trunk(net).values(), strict=True)
    return Backbone(parts, *_normalization(name.removeprefix(PREFIX), in_channels))


def _normalization(inner: str, in_channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and divisor of the published weights, on the 0..255 scale."""
    if inner in _TRANSFORMED:
        return (127.5,) * in_channels, (127.5,) * in_channels
    preset = next(iter(torchvision.models.get_model_weights(inner))).transforms()
    mean, std = (tuple(255 * value for value in values) for values in (preset.mean, preset.std))
    if in_channels == 3:
        return mean, std
    return (sum(mean) / 3,) * in_channels, (sum(std) / 3,) * in_channels


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    tail = _tail(_shapes(name))
    if tail is None:
        raise UsageError(
            f"{name}: it tells the classes before the pooling and so has no embedding; "
            "use it as a backbone only"
        )
    embed, output = (copy.deepcopy(layers).to_empty(device="cpu") for layers in tail)
    last = output[-1]
    assert isinstance(last, nn.Linear)
    output[-1] = nn.Linear(last.in_features, classes)
    for layer in [*embed.modules(), *output.modules()]:
        if isinstance(layer, nn.Linear | nn.LayerNorm):
            layer.reset_parameters()
        elif isinstance(layer, nn.Dropout):
            layer.inplace = False  # the embedding is a result of its own
    return Head(embed.train(), output.train())


def _prefixes(name: str) -> dict[str, str]:
    """Where each of torchvision's modules has gone."""
    net = _shapes(name)
    places = {f"backbone.parts.{stage}": part for stage, part in _trunk(net).items()}
    places.update(zip(("embed", "output"), _tail(net) or (), strict=False))
    ours = {
        id(module): f"{place}.{path}".rstrip(".")
        for place, part in places.items()
        for path, module in part.named_modules()
    }
    table = {path: ours[id(module)] for path, module in net.named_modules() if id(module) in ours}
    for path, place in list(table.items()):
        # DenseNet's files are older than its code: `norm.1` there is `norm1` here.
        if match := re.fullmatch(r"(.*denselayer\d+\.(?:norm|conv))([12])", path):
            table[f"{match[1]}.{match[2]}"] = place
    return table


_FAMILY = Family((), _build, _head, _prefixes)
