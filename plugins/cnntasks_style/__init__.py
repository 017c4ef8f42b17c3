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
            default_model="style-vgg",
            command="cnntasks_style.command:style",
            opener="cnntasks_style.transfer:open_transfer",
            accepts=("classify",),
            network="cnntasks_style.network:build",
            train="cnntasks_style.train:train",
        )
    ]


@hookimpl
def register_models() -> list[CatalogEntry]:
    """The embedded model, and published ones."""
    from cnntasks_style.cards import entries

    return entries()


@hookimpl
def register_backbones() -> dict[str, str]:
    """VGG-19 split into few directions."""
    return {"vgg19_lowrank": "cnntasks_style.lowrank:create"}
