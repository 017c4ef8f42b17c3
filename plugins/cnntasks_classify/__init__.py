"""Image classification: the plugin's registration, made of strings."""

from __future__ import annotations

from cnntasks import CatalogEntry, TaskSpec, hookimpl

CNNTASKS_API = 1


@hookimpl
def register_tasks() -> list[TaskSpec]:
    """The verb `classify`."""
    return [
        TaskSpec(
            name="classify",
            summary="Say what pictures show: the likeliest of a model's classes.",
            default_model="classify-lite0",
            command="cnntasks_classify.command:classify",
            predictor="cnntasks_classify.predictor:ClassifyPredictor",
            network="cnntasks_classify.network:build",
            train="cnntasks_classify.train:train",
            evaluate="cnntasks_classify.evaluate:evaluate",
            checker="cnntasks_classify.data.check:check_classification_data",
            data="cnntasks_classify.data.recognise:FORMATS",
        )
    ]


@hookimpl
def register_models() -> list[CatalogEntry]:
    """The embedded classifiers, EfficientNet-Lite0, and torchvision's published ones."""
    from cnntasks_classify.cards import entries

    return entries()
