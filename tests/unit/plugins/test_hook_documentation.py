"""Every hook is documented where plugin authors look: in its docstring."""

from __future__ import annotations

import inspect

import pluggy
import pytest

from cnntasks import HOOK_API_VERSION, hookspecs


@pytest.mark.parametrize("name", hookspecs.hook_names())
def test_a_hook_has_a_summary_and_says_what_it_returns(name: str) -> None:
    text = inspect.getdoc(getattr(hookspecs, name)) or ""
    summary, _, rest = text.partition("\n")
    assert summary.strip(), f"{name} has no docstring"
    section = rest.partition("\nReturns:\n")[2]
    assert section.strip(), f"the docstring of {name} has no Returns section"


def test_the_documented_hooks_are_those_that_pluggy_sees() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    assert sorted(vars(manager.hook)) == hookspecs.hook_names()
    assert hookspecs.hook_names() == [
        "on_fit_end",
        "on_result",
        "register_backbones",
        "register_commands",
        "register_models",
        "register_sources",
        "register_tasks",
        "register_writers",
    ]
    assert HOOK_API_VERSION == 1
