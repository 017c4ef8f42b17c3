"""Backbones by name: the built-in ones and those of plugins."""

from __future__ import annotations

import pytest
import torch

from cnntasks.backbones.registry import create_backbone, list_backbones
from cnntasks.errors import ModelError, PluginError, UsageError

PLUGIN = """
    from cnntasks import Backbone, Stage, hookimpl

    @hookimpl
    def register_backbones():
        return {names}

    def narrow(in_channels=3, weights=None):
        import torch
        net = Backbone([(Stage("only", 5, 2), torch.nn.Conv2d(in_channels, 5, 3, 2, 1))])
        net.asked = weights
        return net

    def wrong(in_channels=3, weights=None):
        return "a network"
"""


def plugin(**names: str) -> str:
    table = {name: f"fake_nets:{function}" for name, function in names.items()}
    return PLUGIN.replace("{names}", repr(table))


def test_the_names_are_sorted_and_known_ones_are_among_them() -> None:
    names = list_backbones()
    assert names == sorted(names)
    assert {"efficientnet_lite0", "vgg16", "resnet50", "mobilenet_v3_large"} <= set(names)


def test_a_near_miss_is_told_what_was_meant() -> None:
    with pytest.raises(UsageError, match=r"no backbone 'resnet_18'; did you mean .*resnet18"):
        create_backbone("resnet_18")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        create_backbone("xyzzy")
    assert all(name in str(caught.value) for name in list_backbones())


def test_a_plugins_backbone_is_listed_and_built(install_plugin) -> None:
    install_plugin("nets", plugin(narrow_net="narrow"))

    assert "narrow_net" in list_backbones()
    backbone = create_backbone("narrow_net", in_channels=2, weights="some.pth")

    assert backbone.asked == "some.pth"
    assert tuple(backbone(torch.zeros(1, 2, 8, 8))["only"].shape) == (1, 5, 4, 4)


def test_a_plugin_that_returns_something_else_is_named(install_plugin) -> None:
    install_plugin("nets", plugin(broken_net="wrong"))
    with pytest.raises(ModelError, match="'broken_net': its plugin did not return a Backbone"):
        create_backbone("broken_net")


def test_a_plugin_whose_function_is_missing_is_named(install_plugin) -> None:
    install_plugin("nets", plugin(lost_net="nowhere"))
    with pytest.raises(PluginError, match="'fake_nets' has no attribute 'nowhere'"):
        create_backbone("lost_net")


FAMILY = """
    from cnntasks import Backbone, Stage, UsageError, hookimpl

    @hookimpl
    def register_backbones():
        return {names}

    def one(name, in_channels=3, weights=None):
        import torch
        if not name.isdecimal():
            raise UsageError(f"wide:{name}: give a number")
        layer = torch.nn.Conv2d(in_channels, int(name), 3, 2, 1)
        return Backbone([(Stage("only", int(name), 2), layer)])
"""


def family(**names: str) -> str:
    table = {f"{name}:": f"fake_nets:{function}" for name, function in names.items()}
    return FAMILY.replace("{names}", repr(table))


def test_a_family_of_a_plugin_builds_whatever_it_knows(install_plugin) -> None:
    install_plugin("nets", family(wide="one"))
    assert create_backbone("wide:7", in_channels=1).stages[0].channels == 7
    assert not any(name.startswith("wide") for name in list_backbones())
    with pytest.raises(UsageError, match="wide:eight: give a number"):
        create_backbone("wide:eight")
    for name in ("wide:", "wide"):
        with pytest.raises(UsageError, match=f"there is no backbone '{name}'; .*wide:NAME"):
            create_backbone(name)


def test_a_family_that_nobody_registers_is_told(install_plugin) -> None:
    install_plugin("nets", family(wide="one"))
    with pytest.raises(UsageError, match=r"no plugin registers the family 'high:'; install") as it:
        create_backbone("high:7")
    assert "families here: torchvision:, wide:" in str(it.value)


def test_torchvisions_family_is_no_plugins(install_plugin) -> None:
    install_plugin("nets", family(torchvision="one"))
    assert create_backbone("torchvision:resnet18").stages[-1].channels == 512


def test_a_family_is_shown_in_the_list(install_plugin, capsys) -> None:
    from cnntasks.cli.root import main

    install_plugin("nets", family(wide="one"))
    assert main(["backbones", "list", "--format", "csv"]) == 0
    assert "wide:NAME,,,,,,,of a plugin" in capsys.readouterr().out
