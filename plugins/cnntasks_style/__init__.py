"""Style transfer by optimisation: the plugin's registration, made of strings."""

from __future__ import annotations

from cnntasks import CatalogEntry, TaskSpec, hookimpl

CNNTASKS_API = 1


@hookimpl
def register_tasks() -> list[TaskSpec]:
    """The verb `style`."""
    return [
        TaskSpec(
            name="style",
            summary="Paint a picture in the style of another.",
            default_model="style-lite0",
            command="cnntasks_style.command:style",
            opener="cnntasks_style.transfer:open_transfer",
        )
    ]


@hookimpl
def register_models() -> list[CatalogEntry]:
    """The embedded model, and published ones."""
    from cnntasks_style.cards import entries

    return entries()
