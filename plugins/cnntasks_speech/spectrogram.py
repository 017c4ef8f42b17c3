"""The picture of a recording: its log-mel spectrogram over time, with the words on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnntasks import class_color, draw_boxes
from cnntasks_speech.features import LogMel
from cnntasks_speech.results import Word

Picture = NDArray[np.uint8]

#: Columns that a picture has at most; of a longer recording neighbours are averaged.
_COLUMNS = 2400
_LEAST_WIDTH = 720
_FILTER_HEIGHT = 6
#: Room above for captions and below for the time.
_ABOVE, _BELOW = 30, 30
_BACKGROUND = (250, 250, 250)
_INK = (60, 60, 60)
#: Dark to light, by equal steps of lightness.
_SCALE = np.array(
    [(8, 8, 24), (58, 22, 96), (128, 37, 116), (199, 62, 89), (243, 120, 68), (254, 196, 110),
     (255, 250, 214)], np.float64,
)  # fmt: skip


class Spectrogram:
    """Takes the features of a recording as they come; the memory does not grow with its length.

    Args:
        log_mel: how the features are made.
    """

    def __init__(self, log_mel: LogMel) -> None:
        self._step = log_mel.hop / log_mel.rate
        self._columns = np.zeros((log_mel.n_mels, 0), np.float32)
        self._rest = np.zeros((log_mel.n_mels, 0), np.float32)
        self._frames = 1  # in a column
        self._ahead = 0.0

    def add(self, features: NDArray[np.float32], ahead: float) -> None:
        """The next features, M×T.

        Args:
            ahead: seconds between the first of all frames and the beginning of the recording.
        """
        self._ahead = ahead
        joined = np.concatenate((self._rest, features), axis=1)
        whole = joined.shape[1] // self._frames
        self._rest = joined[:, whole * self._frames :]
        new = joined[:, : whole * self._frames].reshape(len(joined), whole, self._frames)
        self._columns = np.concatenate((self._columns, new.mean(axis=2)), axis=1)
        while self._columns.shape[1] >= 2 * _COLUMNS:
            even = self._columns.shape[1] // 2 * 2
            left = np.repeat(self._columns[:, even:], self._frames, axis=1)
            self._rest = np.concatenate((left, self._rest), axis=1)
            pairs = self._columns[:, :even].reshape(len(self._columns), even // 2, 2)
            self._columns = pairs.mean(axis=2)
            self._frames *= 2

    def picture(self, words: Sequence[Word], seconds: float) -> Picture:
        """RGB `uint8` H×W×3: low frequencies below, the time below them, words in frames.

        Args:
            words: with their times.
            seconds: length of the recording.
        """
        step = self._step * self._frames
        first = round(self._ahead / step)
        last = max(first + 1, first + round(seconds / step))
        columns = self._columns[:, first:last]
        if not columns.shape[1]:
            columns = np.full((len(self._columns), 1), -14, np.float32)
        wide = max(1, -(-_LEAST_WIDTH // columns.shape[1]))
        pixels = wide / step  # a second
        body = np.repeat(_coloured(columns[::-1]), wide, axis=1)
        body = np.repeat(body, _FILTER_HEIGHT, axis=0)
        height, width = body.shape[:2]
        canvas = np.full((_ABOVE + height + _BELOW, width, 3), _BACKGROUND, np.uint8)
        canvas[_ABOVE : _ABOVE + height] = body
        _draw_time(canvas, _ABOVE + height, pixels, seconds)
        names = list(dict.fromkeys(word.word for word in words))
        boxes = [
            (word.start * pixels, _ABOVE, word.end * pixels, _ABOVE + height) for word in words
        ]
        return draw_boxes(
            canvas,
            np.array(boxes, np.float32).reshape(-1, 4),
            [f"{word.word} {word.confidence:.0%}" for word in words],
            [class_color(names.index(word.word)) for word in words],
        )


def _coloured(values: NDArray[np.float32]) -> Picture:
    """From dark (the quietest twentieth) to light (the loudest), M×T to M×T×3."""
    low, high = np.percentile(values, 5), float(values.max())
    place = np.clip((values - low) / max(high - float(low), 1e-6), 0, 1) * (len(_SCALE) - 1)
    steps = np.arange(len(_SCALE))
    channels = [np.interp(place, steps, _SCALE[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _draw_time(canvas: Picture, top: int, pixels: float, seconds: float) -> None:
    """Ticks at round times below the picture, changed in place."""
    from PIL import Image, ImageDraw, ImageFont

    strip = Image.fromarray(canvas[top:])
    pen = ImageDraw.Draw(strip)
    font = ImageFont.load_default(size=12)
    apart = next((it for it in _round_steps() if it * pixels >= 70), 3600.0)
    for number in range(int(seconds / apart) + 1):
        time = number * apart
        x = round(time * pixels)
        pen.line((x, 0, x, 5), fill=_INK)
        text = _time_text(time, apart)
        centred = min(max(x, pen.textlength(text, font) / 2 + 2),
                      canvas.shape[1] - pen.textlength(text, font) / 2 - 2)  # fmt: skip
        pen.text((centred, 20), text, fill=_INK, font=font, anchor="ms")
    canvas[top:] = np.asarray(strip)


def _round_steps() -> Sequence[float]:
    return 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800


def _time_text(time: float, apart: float) -> str:
    if apart < 1:
        return f"{time:.1f} s"
    if time < 60:
        return f"{time:.0f} s"
    minutes, rest = divmod(round(time), 60)
    return f"{minutes}:{rest:02}"
