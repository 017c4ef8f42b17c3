"""`create_backbone`: every network that a task can use as its trunk, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnntasks.backbones import (
    abdel_hamid,
    alexnet,
    efficientnet_lite,
    googlenet,
    lenet,
    mobilenet_v3,
    resnet,
    speech2d,
    text1d,
    torchvision_any,
    vgg,
    wav2letter,
)
from cnntasks.backbones.base import Backbone
from cnntasks.backbones.catalog import list_network_info
from cnntasks.backbones.family import Family, rename_state
from cnntasks.backbones.weights import load_state, read_state
from cnntasks.errors import ModelError, UsageError
from cnntasks.task import import_attribute

_FAMILIES = (
    lenet.FAMILY,
    alexnet.FAMILY,
    vgg.FAMILY,
    googlenet.FAMILY,
    resnet.FAMILY,
    mobilenet_v3.FAMILY,
    efficientnet_lite.FAMILY,
    text1d.FAMILY,
    wav2letter.FAMILY,
    abdel_hamid.FAMILY,
    speech2d.FAMILY,
)


def find_family(name: str) -> Family | None:
    """The family that the network `name` belongs to; None where a plugin's or no network has it.

    Raises:
        UsageError: `name` is `torchvision:NAME`, and that is no network or no chain of maps.
    """
    if name.startswith(torchvision_any.PREFIX):
        return torchvision_any.torchvision_family(name)
    return next((family for family in _FAMILIES if name in family.names), None)


def _registered() -> dict[str, str]:
    from cnntasks.plugins import registry

    return registry().backbones


def list_backbones() -> list[str]:
    """The names that `create_backbone` knows, sorted; plugins' included.

    It knows `torchvision:NAME` for torchvision's other networks as well, and `FAMILY:NAME` of
    those that plugins register as a family.
    """
    plugged = (name for name in _registered() if not name.endswith(":"))
    return sorted({*(name for family in _FAMILIES for name in family.names), *plugged})


def create_backbone(name: str, in_channels: int = 3, weights: str | Path | None = None) -> Backbone:
    """Build a backbone.

    Args:
        name: one of `list_backbones()`, or `torchvision:NAME` (`torchvision:densenet121`), or
            `FAMILY:NAME` of a plugin's family.
        in_channels: of the input; 3 for RGB. For a network for text, the size of the embedding.
        weights: None for random ones, `"imagenet"`, or a published file (`.pth`, read without
            running code) or `.safetensors`.

    Raises:
        UsageError: there is no backbone of that name.
        ModelError: the weights cannot be found, read, or do not fit.
    """
    family = find_family(name)
    if family is None:
        return _plugged(name, in_channels, weights)
    backbone = family.build(name, in_channels)
    if weights is not None:
        path = weights_file(name, weights)
        load_state(backbone, convert_backbone(name, read_state(path)), path, name)
    return backbone


def _plugged(name: str, in_channels: int, weights: str | Path | None) -> Backbone:
    plugged = _registered()
    start, colon, inner = name.partition(":")
    family = start + colon
    if colon and inner and family in plugged:
        make = import_attribute(plugged[family])
        made = make(inner, in_channels=in_channels, weights=weights)
    elif not colon and name in plugged:
        made = import_attribute(plugged[name])(in_channels=in_channels, weights=weights)
    else:
        raise _unknown(name, plugged)
    if not isinstance(made, Backbone):
        raise ModelError(f"backbone {name!r}: its plugin did not return a Backbone")
    return made


def _unknown(name: str, plugged: Mapping[str, str]) -> UsageError:
    start, colon, _ = name.partition(":")
    families = [torchvision_any.PREFIX, *(it for it in sorted(plugged) if it.endswith(":"))]
    if colon and start + colon not in families:
        return UsageError(
            f"there is no backbone {name!r}: no plugin registers the family {start + colon!r}; "
            f"install the one that does (families here: {', '.join(families)})"
        )
    known = [*list_backbones(), *(f"{family}NAME" for family in families)]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known)}"
    return UsageError(f"there is no backbone {name!r}; {hint}")


def weights_file(name: str, weights: str | Path) -> Path:
    """Where the weights are that `create_backbone(name, weights=weights)` asks for.

    Raises:
        ModelError: they are `"imagenet"`, and none come along for this network.
    """
    if str(weights) != "imagenet":
        return Path(weights)
    family = find_family(name)
    if family is None or family.imagenet is None:
        raise ModelError(f"{name}: no ImageNet weights come with cnntasks; {_remedy(name)}")
    return family.imagenet(name)


def _remedy(name: str) -> str:
    url = next((info.url for info in list_network_info() if info.name == name), None)
    if url or name.startswith(torchvision_any.PREFIX):
        return f"download {url or 'those of torchvision'} and name the file with --weights FILE"
    return "none are published either; leave them out, or name a file of your own: --weights FILE"


def convert_backbone(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the published state dict of the network `name` into that of its backbone.

    Keys of classifiers and other heads are left out. A state dict that is a backbone's already is
    returned as it is.
    """
    renamed = convert_classifier(name, state)
    start = "backbone."
    return {key.removeprefix(start): v for key, v in renamed.items() if key.startswith(start)}


def convert_classifier(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the published state dict of the network `name` into that of its `Classifier`.

    Keys that neither backbone nor head has are left out. The state dict of a `Classifier` is
    returned as it is; that of a `Backbone` becomes a classifier's without a head.
    """
    if any(key.startswith("backbone.parts.") for key in state):
        return dict(state)
    family = find_family(name)
    if family is None or any(key.startswith("parts.") for key in state):
        return {f"backbone.{key}": value for key, value in state.items()}
    return rename_state(state, family.prefixes(name))
