"""The predictor of `cnntasks speech`: which of the two kinds a model needs, and what both share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks import ModelCard, ModelError, Source
from cnntasks_speech.audio import SUFFIXES
from cnntasks_speech.features import LogMel
from cnntasks_speech.inputs import Sound, is_samples, open_sound
from cnntasks_speech.results import COLUMNS, ClipLabel, SpeechResult, Word

if TYPE_CHECKING:
    from cnntasks_speech.spectrogram import Spectrogram

#: `card.network["name"]` of the two kinds of model.
SPOTTER, TRANSCRIBER = "speech-spotter", "speech-ctc"


class SpeechPredictor:
    """What both kinds of predictors share; `open` makes the one that a model needs.

    Args:
        card: of the model.
        on_word: is called with each word as soon as it is certain; with a batch size of one, while
            the recording is still going on.
        spectrogram: collect what a picture of each recording is drawn from.

    Raises:
        ModelError: the card does not describe a model for speech.
    """

    columns: Sequence[str] = COLUMNS
    suffixes: Sequence[str] = SUFFIXES
    decimals: Mapping[str, int] = {"start": 2, "end": 2}
    noun = "recordings"

    def __init__(
        self,
        card: ModelCard,
        on_word: Callable[[Word], object] | None = None,
        spectrogram: bool = False,
    ) -> None:
        self.card = card
        self.log_mel = LogMel.from_card(card)
        self._on_word = on_word
        self._with_spectrogram = spectrogram

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

    def new_spectrogram(self) -> Spectrogram | None:
        """What takes the features of one recording, where a picture is wanted."""
        if not self._with_spectrogram:
            return None
        from cnntasks_speech.spectrogram import Spectrogram

        return Spectrogram(self.log_mel)

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

    def words(self, outputs: Iterator[dict[str, Any]], item: Any) -> Iterator[Word]:
        """The words of a recording, each as soon as it is certain."""
        raise NotImplementedError

    def assemble(self, outputs: Iterator[dict[str, Any]], item: Any) -> SpeechResult:
        """The words of one recording."""
        words = []
        for word in self.words(outputs, item):
            words.append(word)
            if self._on_word is not None:
                self._on_word(word)
        return self.result(words, item.sound)

    def result(
        self, words: Iterable[Word], sound: Sound, clip: ClipLabel | None = None
    ) -> SpeechResult:
        """The result of a recording that has been read to its end."""
        end = sound.seconds
        return SpeechResult(
            tuple(replace(it, start=min(it.start, end), end=min(it.end, end)) for it in words),
            end,
            sound.source_rate,
            sound.channels,
            self.rate,
            clip,
            sound.levels.remark(),
        )
