"""Word spotting: overlapping windows through a classifier, and words out of their probabilities."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnntasks import ModelCard, ModelError, UsageError
from cnntasks_speech.features import LogMelStream
from cnntasks_speech.predictor import SpeechPredictor
from cnntasks_speech.results import ClipLabel, SpeechResult, Word, without_overlap
from cnntasks_speech.timeline import Timeline, View, word_span

if TYPE_CHECKING:
    from cnntasks_speech.inputs import Sound
    from cnntasks_speech.spectrogram import Spectrogram

    Features = NDArray[np.float32]

#: A recording of at most so many windows is a clip of one word.
CLIP_WINDOWS = 1.5
HOP_SECONDS = 0.1


@dataclass(slots=True)
class Listening:
    """A recording on its way.

    Attributes:
        sound: what is listened to.
        clip: it is short, and one word.
        views: of the windows whose outputs have not come yet.
        spectrogram: takes the features, where a picture is wanted.
    """

    sound: Sound
    clip: bool
    views: deque[View] = field(default_factory=deque)
    spectrogram: Spectrogram | None = None


class Spotter(SpeechPredictor):
    """The predictor for models that classify windows of fixed length.

    Args:
        card: of the model.
        threshold: least probability of a word in a recording; the card's, or 0.5, when None.
        hop: seconds from window to window.
        top: labels of a clip; all when None.
        clips: every recording is one word, however long it is; for labelled data.
        beam, words: for transcribing models only.
        shared: see `SpeechPredictor`.

    Raises:
        UsageError: an option out of range, or for the other kind of model.
        ModelError: the card is incomplete.
    """

    batch_size = 32
    outputs = ("logits",)

    def __init__(
        self,
        card: ModelCard,
        *,
        threshold: float | None = None,
        hop: float | None = None,
        top: int | None = None,
        clips: bool = False,
        beam: int | None = None,
        words: Any = None,
        **shared: Any,
    ) -> None:
        super().__init__(card, **shared)
        if beam is not None or words is not None:
            raise UsageError(
                f"{card.name} spots single words and transcribes nothing: leave out the beam and "
                "the list of words, or choose a transcribing model"
            )
        frames = card.preprocessing.get("frames")
        if not isinstance(frames, int) or frames < 1 or not card.classes:
            raise ModelError(f"{card.name}: its card has no classes or no window of frames")
        self.frames = frames
        self.window_seconds = self.log_mel.samples(frames) / self.rate
        if threshold is None:
            threshold = float(card.defaults.get("threshold", 0.5))
        if not 0 < threshold <= 1:
            raise UsageError(f"threshold must be above 0 and at most 1, not {threshold}")
        self.threshold = threshold
        hop = HOP_SECONDS if hop is None else hop
        if not self.step <= hop <= self.window_seconds / 2:
            raise UsageError(
                f"hop must be from {self.step:g} to {self.window_seconds / 2:g} seconds, not {hop}"
            )
        self.hop = round(hop / self.step)
        if top is not None and top < 1:
            raise UsageError(f"top must be at least 1, not {top}")
        self._all_clips = clips
        self.top = min(top or len(card.classes), len(card.classes))
        self.rejects = tuple(card.network.get("rejects", ()))
        self.temperature = float(card.defaults.get("temperature", 1.0))
        silence = "silence" in self.rejects and "silence" in card.classes
        self._silence = card.classes.index("silence") if silence else None
        #: The loudness of frames in which every mel filter gives less than the floor.
        self._nothing = float(np.log(self.log_mel.n_mels * self.log_mel.floor))

    def open_item(self, sound: Sound) -> Listening:
        """What `pieces` and `assemble` take."""
        short = self._all_clips or sound.seconds <= CLIP_WINDOWS * self.window_seconds
        clip = short and sound.samples is not None
        return Listening(sound, clip, spectrogram=self.new_spectrogram())

    def pieces(self, item: Listening) -> Iterator[dict[str, Any]]:
        """`features` M×T of each window; raises InputError."""
        for features, view in self._clip(item) if item.clip else self._windows(item):
            item.views.append(view)
            yield {"features": features}

    def _clip(self, item: Listening) -> Iterator[tuple[Features, View]]:
        """The one window of a clip: all of it with zeros around, or its loudest part."""
        samples = item.sound.samples
        assert samples is not None
        lacking = max(self.log_mel.samples(self.frames) - len(samples), 0)
        before = lacking // 2
        features = self.log_mel.log_mel(np.pad(samples, (before, lacking - before)))
        if item.spectrogram is not None:
            item.spectrogram.add(features, before / self.rate)
        loudness = loudness_of(features)
        start = loudest_window(loudness, self.frames)
        stop = start + self.frames
        view = View(start * self.step - before / self.rate, loudness[start:stop], self.step)
        yield np.ascontiguousarray(features[:, start:stop]), view

    def _windows(self, item: Listening) -> Iterator[tuple[Features, View]]:
        """Windows at the hop; the first and the last have their middles at the ends."""
        stream = LogMelStream(self.log_mel)
        margin = self.frames // 2 // self.hop * self.hop  # so that a window begins at 0
        ahead = margin * self.log_mel.hop
        behind = (self.frames // 2) * self.log_mel.hop
        features = np.zeros((self.log_mel.n_mels, 0), np.float32)
        start = -margin
        for samples in self._with_margins(item, ahead, behind):
            new = stream.push(samples)
            if item.spectrogram is not None:
                item.spectrogram.add(new, ahead / self.rate)
            features = np.concatenate((features, new), axis=1)
            loudness = loudness_of(features)
            place = 0
            while place + self.frames <= features.shape[1]:
                stop = place + self.frames
                view = View(start * self.step, loudness[place:stop], self.step)
                yield np.ascontiguousarray(features[:, place:stop]), view
                place += self.hop
                start += self.hop
            features = features[:, place:]

    def _with_margins(
        self, item: Listening, ahead: int, behind: int
    ) -> Iterator[NDArray[np.float32]]:
        yield np.zeros(ahead, np.float32)
        yield from item.sound.blocks()
        yield np.zeros(behind, np.float32)

    def words(self, outputs: Iterator[dict[str, Any]], item: Listening) -> Iterator[Word]:
        """The words of a recording, each as soon as it is certain."""
        timeline = Timeline(self.card.classes, self.rejects, self.threshold, self.hop * self.step)
        for output in outputs:
            view = item.views.popleft()
            yield from timeline.push(view, self.probabilities(output["logits"], view))
        yield from timeline.finish()

    def probabilities(self, logits: NDArray[Any], view: View) -> NDArray[np.float64]:
        """K numbers that add up to 1.

        A window without any sound is silence, whatever a network that never heard such a thing
        makes of it.
        """
        if self._silence is not None and view.loudness.max() < self._nothing + 0.01:
            return np.asarray(np.eye(len(logits))[self._silence])
        scaled = logits.astype(np.float64) / self.temperature
        odds = np.exp(scaled - scaled.max())
        return np.asarray(odds / odds.sum())

    def assemble(self, outputs: Iterator[dict[str, Any]], item: Listening) -> SpeechResult:
        """The words of a recording, or the word of a clip with the probabilities."""
        if not item.clip:
            result = super().assemble(outputs, item)
            return replace(result, words=without_overlap(result.words))
        clip, words = self._label(next(outputs), item)
        return self.result(words, item.sound, clip)

    def _label(self, output: dict[str, Any], item: Listening) -> tuple[ClipLabel, list[Word]]:
        view = item.views.popleft()
        probabilities = self.probabilities(output["logits"], view)
        order = (-probabilities).argsort(kind="stable")[: self.top]
        classes = self.card.classes
        clip = ClipLabel(order, probabilities[order].astype(np.float32), classes)
        best = clip.names[0]
        if best in self.rejects:
            return clip, []
        start, end = word_span(view)
        return clip, [Word(best, start, end, float(probabilities[order[0]]))]


def loudness_of(features: Features) -> NDArray[np.float32]:
    """The logarithm of the power of each frame, summed over its mel filters: M×T to T."""
    return np.asarray(np.log(np.exp(features).sum(axis=0)))


def loudest_window(loudness: NDArray[np.float32], frames: int) -> int:
    """Where the window with the most sound in it begins: T loudnesses (logarithms) of frames."""
    if len(loudness) <= frames:
        return 0
    sums = np.concatenate(([0.0], np.cumsum(loudness, dtype=np.float64)))
    return int((sums[frames:] - sums[:-frames]).argmax())
