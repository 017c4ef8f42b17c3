"""What a network looks at: the plugin's registration, made of strings."""

from __future__ import annotations

from cnntasks import TaskSpec, hookimpl

CNNTASKS_API = 1


@hookimpl
def register_tasks() -> list[TaskSpec]:
    """The verbs `visualize` and `explore`, which open the models of other tasks."""
    return [
        TaskSpec(
            name="visualize",
            summary="Show what a network looks at: filters, feature maps, attributions.",
            default_model="classify-lite0",
            command="cnntasks_visualize.command:visualize",
            opener="cnntasks_visualize.visualizer:open_visualizer",
            accepts=("classify", "detect", "speech"),
        ),
        TaskSpec(
            name="explore",
            summary="Walk through a network in the browser, number by number.",
            default_model="mnist-lenet5",
            command="cnntasks_visualize.explore.command:explore",
            accepts=("classify",),
        ),
    ]
