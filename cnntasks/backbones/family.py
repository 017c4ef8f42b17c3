"""`Family`: everything that the registry knows of one family of networks, described in its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from cnntasks.backbones.base import Backbone


@dataclass(frozen=True, slots=True)
class Head:
    """What makes a classifier of a backbone.

    Attributes:
        embed: last stage's feature map to B×D.
        output: B×D to B×K; the last of its layers has a row for each class.
        auxiliary: stage name to a module from that stage's map to B×K.
    """

    embed: nn.Module
    output: nn.Module
    auxiliary: dict[str, nn.Module] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """One family of networks.

    Attributes:
        names: of its networks, as `create_backbone` takes them.
        build: (name, input channels) to a backbone with random weights; never makes the head.
        head: (name, backbone, classes) to a head with random weights.
        prefixes: name to {prefix of the published state dict's keys: prefix in ours}. Ours are a
            `Classifier`'s: `backbone.parts.<stage>...`, `embed...`, `output...`,
            `auxiliary.<stage>...`.
        imagenet: name to an installed file of ImageNet weights; None where none comes along.
    """

    names: tuple[str, ...]
    build: Callable[[str, int], Backbone]
    head: Callable[[str, Backbone, int], Head]
    prefixes: Callable[[str], Mapping[str, str]]
    imagenet: Callable[[str], Path] | None = None


def rename_state(state: Mapping[str, Any], prefixes: Mapping[str, str]) -> dict[str, Any]:
    """Exchange each key's longest known prefix; a key without one is left out.

    A prefix ends where the key ends or has a dot.
    """
    renamed: dict[str, Any] = {}
    for key, value in state.items():
        prefix = key
        while prefix and prefix not in prefixes:
            prefix = prefix.rpartition(".")[0]
        if prefix:
            renamed[prefixes[prefix] + key[len(prefix) :]] = value
    return renamed
