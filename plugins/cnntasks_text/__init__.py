"""Text classification: the plugin's registration, made of strings."""

from __future__ import annotations

from cnntasks import CatalogEntry, TaskSpec, hookimpl

CNNTASKS_API = 1


@hookimpl
def register_tasks() -> list[TaskSpec]:
    """The verb `text`."""
    return [
        TaskSpec(
            name="text",
            summary="Say what texts express: sentiment, kind of question, or classes of your own.",
            default_model="sentiment",
            command="cnntasks_text.command:text",
            predictor="cnntasks_text.predictor:TextPredictor",
            network="cnntasks_text.network:build",
            train="cnntasks_text.train:train",
            evaluate="cnntasks_text.evaluate:evaluate",
            checker="cnntasks_text.data.check:check_text_data",
        )
    ]


@hookimpl
def register_models() -> list[CatalogEntry]:
    """The embedded classifiers."""
    from cnntasks_text.cards import entries

    return entries()
