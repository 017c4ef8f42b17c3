"""From recordings to batches: windows, shares of an epoch, silence, and words that are cut."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from cnntasks_speech.augment import Augment, Noise, Strength
from cnntasks_speech.batches import SILENT, Collator, SpotOrder, Windows, read_noise
from cnntasks_speech.data import Clip
from cnntasks_speech.features import LogMel
from cnntasks_speech.settings import SpotSettings
from recordings import encoded, tone
from speech_folders import write_noise

from cnntasks import InputError

RATE = 8000
STILL = Strength(speed=0.0, shift_ms=0.0, noise=0.0, gain=(0.0, 0.0), masks=0)


def clip(folder: Path, seconds: float, lead: float = 0.0) -> Clip:
    wave = np.concatenate([np.zeros(round(lead * RATE), np.float32), tone(seconds, RATE)])
    path = folder / f"{seconds}-{lead}.wav"
    path.write_bytes(encoded(wave, RATE))
    return Clip(path, 0, name=path.name)


def test_short_recordings_lie_in_the_middle(tmp_path: Path) -> None:
    window = Windows([clip(tmp_path, 0.5)], RATE, RATE)[0]
    loud = np.flatnonzero(np.abs(window) > 500)
    assert len(window) == RATE
    assert loud[0] == pytest.approx(2000, abs=4)
    assert loud[-1] == pytest.approx(6000, abs=4)


def test_of_long_recordings_the_loudest_window_is_taken(tmp_path: Path) -> None:
    window = Windows([clip(tmp_path, 0.5, lead=2.0)], RATE, RATE)[0]
    assert int((np.abs(window) > 500).sum()) > 3500


def test_a_second_of_a_long_recording(tmp_path: Path) -> None:
    whole = clip(tmp_path, 0.5, lead=2.0)
    cut = Clip(whole.path, 0, start=0.5)
    assert not Windows([cut], RATE, RATE)[0].any()


def test_files_are_decoded_once(tmp_path: Path) -> None:
    recording = clip(tmp_path, 0.5)
    windows = Windows([recording], RATE, RATE)
    first = windows[0]
    recording.path.unlink()
    assert windows[0] is first
    with pytest.raises(InputError, match=r"0\.5-0\.0\.wav"):
        Windows([recording], RATE, RATE)[0]


def test_an_epoch_has_the_shares_of_its_settings() -> None:
    settings = SpotSettings(batch=10, unknown=0.5, silence=0.2, extra=0.1)
    words, unknown, silent, extra = range(100), range(100, 300), range(300, 310), range(310, 400)
    order = SpotOrder([words, unknown, silent, extra], settings, noise=True, seed=3)
    keys = [key for batch in order for key in batch]
    counts = Counter(
        "silence" if index == SILENT else "words" if index < 100 else "unknown" if index < 300
        else "silent" if index < 310 else "extra"
        for index, _ in keys
    )  # fmt: skip
    assert counts == {"words": 100, "unknown": 50, "silent": 10, "silence": 20, "extra": 10}
    assert len(order) == 19
    assert len({seed for _, seed in keys}) == 190


def test_epochs_differ_and_can_be_made_again() -> None:
    groups = [range(40), range(40, 200), (), ()]

    def epoch(number: int) -> list[list[tuple[int, int]]]:
        order = SpotOrder(groups, SpotSettings(batch=8), noise=False, seed=1)
        order.set_epoch(number)
        return list(order)

    assert epoch(2) == epoch(2)
    first, second = ({index for batch in epoch(n) for index, _ in batch} for n in (0, 1))
    assert first != second
    assert set(range(40)) <= first & second


def collator(folder: Path, **options: object) -> Collator:
    windows = Windows([clip(folder, 0.4)], RATE, RATE)
    noise = read_noise([write_noise(folder)], RATE)
    augment = Augment(RATE, STILL, noise)
    return Collator(windows, [2], [5], LogMel(RATE), augment, **options)  # type: ignore[arg-type]


def test_batches_have_features_of_what_was_recorded(tmp_path: Path) -> None:
    make = collator(tmp_path)
    batch = make([(0, 1), (0, 2)])
    expected = LogMel(RATE).log_mel(make.windows[0] / np.float32(32768))
    assert batch.features.shape == (2, 40, 98)
    np.testing.assert_allclose(batch.features[1].numpy(), expected, atol=1e-4)
    assert (batch.labels.tolist(), batch.outputs.tolist()) == ([2, 2], [5, 5])
    assert torch.equal(batch.to(torch.device("cpu")).features, batch.features)


def test_silence_is_cut_out_of_noise(tmp_path: Path) -> None:
    batch = collator(tmp_path, silence=7)([(SILENT, 1), (0, 2), (SILENT, 3)])
    assert batch.labels.tolist() == [7, 2, 7]
    assert batch.outputs.tolist() == [7, 5, 7]
    assert not torch.equal(batch.features[0], batch.features[2])


def test_what_is_left_of_a_cut_word_is_unknown(tmp_path: Path) -> None:
    whole = collator(tmp_path)
    cut = Collator(
        whole.windows, [2], [5], whole.features, whole.augment, cut=1.0, unknown=1, silence=7
    )
    batch = cut([(0, seed) for seed in range(8)])
    assert batch.labels.tolist() == batch.outputs.tolist() == [1] * 8
    loud = (batch.features.amax(dim=1) > 0).sum(dim=1)
    whole_word = int((whole([(0, 0)]).features.amax(dim=1) > 0).sum())
    assert int(loud.max()) < 0.6 * whole_word


def test_noise_is_read_at_the_rate(tmp_path: Path) -> None:
    noise = read_noise([write_noise(tmp_path)], 2 * RATE)
    assert isinstance(noise, Noise)
    assert len(noise.recordings[0]) == pytest.approx(6 * RATE, abs=2)
