"""The pluggy hooks that a plugin may implement.

A plugin is a module named by an entry point of the group `cnntasks`. It marks functions with
`@cnntasks.hookimpl`; a hook's arguments are opt-in, as pluggy has it. Hooks are called when
the command line starts: they return descriptions and import nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from cnntasks.catalog import CatalogEntry
    from cnntasks.task import TaskSpec

#: Raised when a hook changes in a way that an existing plugin must know of.
HOOK_API_VERSION = 1
PROJECT = "cnntasks"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_tasks() -> list[TaskSpec]:  # type: ignore[empty-body]
    """The tasks of this plugin: each gives the command line one verb and `cnntasks.load` one name.

    Returns:
        A list of `TaskSpec`.
    """


@hookspec
def register_backbones() -> dict[str, str]:  # type: ignore[empty-body]
    """Networks that every task can use as its trunk, by `--backbone NAME`.

    Returns:
        A mapping of name to `"package.module:function"`. The function is called as
        `function(in_channels=3, weights=None)` and returns a `cnntasks.Backbone`.
    """


@hookspec
def register_models() -> list[CatalogEntry]:  # type: ignore[empty-body]
    """Models that `--model NAME`, `cnntasks models` and `cnntasks.load` know by name.

    Returns:
        A list of `CatalogEntry`, embedded or to be downloaded. The hook runs when a model is
        looked up, not at every start.
    """


@hookspec
def register_commands() -> dict[str, tuple[str, str]]:  # type: ignore[empty-body]
    """Commands beside the task verbs (`cnntasks NAME`).

    Returns:
        A mapping of name to (summary, `"package.module:attribute"` of a `click.Command`).
    """


def hook_names() -> list[str]:
    """The names of all hooks, sorted."""
    return sorted(name for name, value in globals().items() if _is_hook(value))


def _is_hook(value: Any) -> bool:
    return callable(value) and hasattr(value, f"{PROJECT}_spec")
