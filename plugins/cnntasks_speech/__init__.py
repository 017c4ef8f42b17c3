"""Speech: the plugin's registration, made of strings."""

from __future__ import annotations

from cnntasks import CatalogEntry, TaskSpec, hookimpl

CNNTASKS_API = 1


@hookimpl
def register_tasks() -> list[TaskSpec]:
    """The verb `speech`."""
    return [
        TaskSpec(
            name="speech",
            summary="Write down the words of recordings, with their times, live if you like.",
            default_model="commands",
            command="cnntasks_speech.command:speech",
            predictor="cnntasks_speech.predictor:SpeechPredictor",
            network="cnntasks_speech.network:build",
            train="cnntasks_speech.train:train",
            evaluate="cnntasks_speech.evaluate:evaluate",
            checker="cnntasks_speech.data.check:check_speech_data",
        )
    ]


@hookimpl
def register_models() -> list[CatalogEntry]:
    """The embedded models."""
    from cnntasks_speech.cards import entries

    return entries()
