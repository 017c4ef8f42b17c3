"""The pluggy hooks that a plugin may implement.

A plugin is a module named by an entry point of the group `cnntasks`. It marks functions with
`@cnntasks.hookimpl`; a hook's arguments are opt-in, as pluggy has it. Hooks are called when
the command line starts: they return descriptions and import nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    from cnntasks.catalog import CatalogEntry
    from cnntasks.models.card import ModelCard
    from cnntasks.task import Outcome, TaskSpec

#: Raised when a hook changes in a way that an existing plugin must know of.
HOOK_API_VERSION = 1
#: Plugins written for this version and later still load; raised when support for one ends.
OLDEST_HOOK_API_VERSION = 1
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
        `function(in_channels=3, weights=None)` and returns a `cnntasks.Backbone`. A name that ends
        in a colon is a family, whose members only the function knows: `{"timm:": ...}` stands for
        every `timm:NAME`, and the function is called as
        `function(NAME, in_channels=3, weights=None)`; it raises `UsageError` for a NAME that it
        does not know. So listing networks imports no library of thousands.
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


@hookspec
def register_writers() -> dict[str, tuple[str, str]]:  # type: ignore[empty-body]
    """Formats of records beside table, JSON Lines and CSV, for `--format NAME` of every verb.

    Returns:
        A mapping of name to (suffix, `"package.module:function"`). The function is called as
        `function(stream, columns)`, with a text stream and the columns of the task's rows, and
        returns an object with `write(outcome)` and `close()`. `--output FILE` with that suffix
        means the format.
    """


@hookspec
def register_sources() -> dict[str, str]:  # type: ignore[empty-body]
    """Addresses that every verb can read, by their scheme (`s3` for `s3://bucket/picture.jpg`).

    Returns:
        A mapping of scheme, lower case, to `"package.module:function"`. The function is called as
        `function(address)` and returns an iterable of `cnntasks.Source`, one for each input that
        the address stands for. What cannot be read raises `InputError` there or when it is read.
        With `--offline` it is not called.
    """


@hookspec
def on_result(task: str, outcome: Outcome[Any]) -> None:
    """Called after each input of a verb, in their order, whether it has a result or an error.

    Args:
        task: the verb.
        outcome: with its source and its result or error.

    Returns:
        Nothing. A hook that raises is reported once and not called again.
    """


@hookspec
def on_fit_end(task: str, folder: Path, card: ModelCard) -> None:
    """Called when a training has written its model.

    Args:
        task: the verb of the model.
        folder: of the model.
        card: as it is written there, with its metrics and its recipe.

    Returns:
        Nothing. A hook that raises is reported; the model is written already.
    """


def hook_names() -> list[str]:
    """The names of all hooks, sorted."""
    return sorted(name for name, value in globals().items() if _is_hook(value))


def _is_hook(value: Any) -> bool:
    return callable(value) and hasattr(value, f"{PROJECT}_spec")
