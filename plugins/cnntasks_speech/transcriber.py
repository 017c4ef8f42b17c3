"""Whole utterances: chunks of features through a CTC network, and words out of their frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnntasks import ModelCard, ModelError, UsageError
from cnntasks_speech.ctc.chunks import Chunk, Chunker
from cnntasks_speech.ctc.transcribing import Transcriber
from cnntasks_speech.features import LogMelStream
from cnntasks_speech.live import LiveSound
from cnntasks_speech.predictor import SpeechPredictor
from cnntasks_speech.results import Word

if TYPE_CHECKING:
    from cnntasks_speech.inputs import Sound
    from cnntasks_speech.spectrogram import Spectrogram

#: Seconds of a chunk; of one that is being spoken, so that words come soon.
_CHUNK_SECONDS, _LIVE_SECONDS = 10.0, 0.2


@dataclass(slots=True)
class Hearing:
    """A recording on its way.

    Attributes:
        sound: what is listened to.
        chunks: whose outputs have not come yet.
        spectrogram: takes the features, where a picture is wanted.
    """

    sound: Sound
    chunks: deque[Chunk] = field(default_factory=deque)
    spectrogram: Spectrogram | None = None


class TranscribingPredictor(SpeechPredictor):
    """The predictor for CTC models.

    Args:
        card: of the model.
        threshold: words of less confidence are left out; none when None.
        beam: sequences that the search follows; 1, the likeliest path, when None.
        words: nothing but these words is written down; any when None.
        hop, top: for spotting models only; `top` is passed over.
        shared: see `SpeechPredictor`.

    Raises:
        UsageError: an option out of range, or for the other kind of model.
        ModelError: the card is incomplete.
    """

    batch_size = 4
    outputs = ("log_probs",)

    def __init__(
        self,
        card: ModelCard,
        *,
        threshold: float | None = None,
        hop: float | None = None,
        top: int | None = None,
        beam: int | None = None,
        words: Sequence[str] | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(card, **shared)
        if hop is not None:
            raise UsageError(
                f"{card.name} transcribes and has no windows: leave out the hop, or choose a "
                "spotting model"
            )
        if threshold is not None and not 0 < threshold <= 1:
            raise UsageError(f"threshold must be above 0 and at most 1, not {threshold}")
        if beam is not None and beam < 1:
            raise UsageError(f"beam must be at least 1, not {beam}")
        try:
            self._context = int(card.network["context"])
            self._stride = int(card.network["stride"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{card.name}: its card lacks a network's {error}") from error
        self._threshold = threshold or 0.0
        self._decoding = beam or 1, words
        Transcriber(card, *self._decoding)  # what is wrong with the words is told now

    def open_item(self, sound: Sound) -> Hearing:
        """What `pieces` and `assemble` take."""
        return Hearing(sound, spectrogram=self.new_spectrogram())

    def pieces(self, item: Hearing) -> Iterator[dict[str, Any]]:
        """`features` M×T of each chunk and their number as `lengths`; raises InputError."""
        for chunk in self._chunks(item):
            item.chunks.append(chunk)
            features = np.ascontiguousarray(chunk.features)
            yield {"features": features, "lengths": np.array(features.shape[1], np.int64)}

    def _chunks(self, item: Hearing) -> Iterator[Chunk]:
        seconds = _LIVE_SECONDS if isinstance(item.sound, LiveSound) else _CHUNK_SECONDS
        chunker = Chunker(self._context, self._stride, round(seconds / self.step))
        stream = LogMelStream(self.log_mel)
        for samples in item.sound.blocks():
            features = stream.push(samples)
            if item.spectrogram is not None:
                item.spectrogram.add(features, 0.0)
            yield from chunker.push(features)
        yield from chunker.finish()

    def words(self, outputs: Iterator[dict[str, Any]], item: Hearing) -> Iterator[Word]:
        """The words of a recording, each as soon as it is complete."""
        transcriber = Transcriber(self.card, *self._decoding)
        for output in outputs:
            chunk = item.chunks.popleft()
            yield from self._sure(transcriber.push(chunk.kept(output["log_probs"])))
        yield from self._sure(transcriber.finish())

    def _sure(self, words: Sequence[Word]) -> list[Word]:
        return [word for word in words if word.confidence >= self._threshold]
