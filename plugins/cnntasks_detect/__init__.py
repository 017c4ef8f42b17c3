"""Object detection with Faster R-CNN: the plugin's registration, made of strings."""

from __future__ import annotations

from cnntasks import CatalogEntry, TaskSpec, hookimpl

CNNTASKS_API = 1


@hookimpl
def register_tasks() -> list[TaskSpec]:
    """The verb `detect`."""
    return [
        TaskSpec(
            name="detect",
            summary="Find objects in pictures and draw boxes around them.",
            default_model="detect-lite0",
            command="cnntasks_detect.command:detect",
            predictor="cnntasks_detect.predictor:DetectPredictor",
            network="cnntasks_detect.network:build",
            train="cnntasks_detect.train:train",
            evaluate="cnntasks_detect.evaluate:evaluate",
            checker="cnntasks_detect.data.check:check_detection_data",
        )
    ]


@hookimpl
def register_models() -> list[CatalogEntry]:
    """The embedded detector, and torchvision's published ones."""
    from cnntasks_detect.cards import entries

    return entries()
