"""The predictor of `cnntasks speech`: which of the two kinds a model needs, and what both share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cnntasks import ModelCard, ModelError, Source
from cnntasks_speech.audio import SUFFIXES
from cnntasks_speech.features import LogMel
from cnntasks_speech.inputs import Sound, is_samples, open_sound
from cnntasks_speech.results import COLUMNS, SpeechResult

#: `card.network["name"]` of the two kinds of model.
SPOTTER, TRANSCRIBER = "speech-spotter", "speech-ctc"


class SpeechPredictor:
    """What both kinds of predictors share; `open` makes the one that a model needs.

    Args:
        card: of the model.

    Raises:
        ModelError: the card does not describe a model for speech.
    """

    columns: Sequence[str] = COLUMNS
    suffixes: Sequence[str] = SUFFIXES
    noun = "recordings"

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.log_mel = LogMel.from_card(card)

    @classmethod
    def open(cls, card: ModelCard, folder: Path, **options: Any) -> SpeechPredictor:
        """The predictor of a model folder.

        Raises:
            ModelError: as for the class, or the model is of no kind that is known.
            UsageError: an option out of range.
        """
        kind = card.network["name"]
        if kind == SPOTTER:
            from cnntasks_speech.spotter import Spotter

            return Spotter(card, **options)
        if kind == TRANSCRIBER:
            from cnntasks_speech.transcriber import TranscribingPredictor

            return TranscribingPredictor(card, **options)
        raise ModelError(
            f"{card.name}: its network {kind!r} is none for speech; upgrade cnntasks, or choose a "
            "model of `cnntasks models --task speech`"
        )

    @property
    def rate(self) -> int:
        """Samples per second that the network hears."""
        return self.log_mel.rate

    @property
    def step(self) -> float:
        """Seconds from frame to frame."""
        return self.log_mel.hop / self.log_mel.rate

    def open_item(self, sound: Sound) -> Any:
        """What `pieces` and `assemble` take, of an open recording."""
        raise NotImplementedError

    def decode(self, source: Source) -> Any:
        """Open one source; raises InputError."""
        return self.open_item(open_sound(source, self.rate))

    def is_input(self, value: Any) -> bool:
        """Whether a value from Python is `(samples, rate)`."""
        return is_samples(value)

    def pieces(self, item: Any) -> Iterator[dict[str, Any]]:
        """The network's feeds, lazily; raises InputError."""
        raise NotImplementedError

    def assemble(self, outputs: Iterator[dict[str, Any]], item: Any) -> SpeechResult:
        """The words of one recording."""
        raise NotImplementedError
