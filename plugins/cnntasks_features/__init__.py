"""Hand-crafted features of pictures: the plugin's registration, made of strings."""

from __future__ import annotations

from cnntasks import TaskSpec, hookimpl

CNNTASKS_API = 1


@hookimpl
def register_tasks() -> list[TaskSpec]:
    """The verb `features`, which needs no model."""
    return [
        TaskSpec(
            name="features",
            summary="Edges, gradients, keypoints: features made by hand, and against learned ones.",
            default_model=None,
            command="cnntasks_features.command:features",
        )
    ]
