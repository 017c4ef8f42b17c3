"""Augmentation changes recordings as it says, and only so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_speech.augment import Augment, Noise, Strength
from recordings import tone
from torch import Tensor

NONE = Strength(speed=0.0, shift_ms=0.0, noise=0.0, gain=(0.0, 0.0), masks=0)
RATE = 16000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def waves(count: int, hertz: float = 500.0) -> Tensor:
    """Tones of 0.3 s in the middle of a second."""
    wave = np.zeros(RATE, np.float32)
    wave[5600:10400] = tone(0.3, RATE, hertz)
    return torch.from_numpy(np.tile(wave, (count, 1)))


def pitch(wave: Tensor) -> float:
    return float(np.abs(np.fft.rfft(wave.numpy())).argmax())


def hiss() -> Noise:
    random = np.random.default_rng(0)
    return Noise((random.integers(-3000, 3000, 40_000).astype(np.int16),))


def test_without_strength_nothing_changes() -> None:
    x = waves(4)
    assert torch.equal(Augment(RATE, NONE, hiss())(x, generator()), x)


def test_the_same_seed_does_the_same() -> None:
    augment = Augment(RATE, noise=hiss())
    first, again, other = (augment(waves(6), generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.abs().max()) <= 1


def test_speed_moves_pitch_and_length() -> None:
    strength = Strength(speed=0.2, shift_ms=0.0, noise=0.0, gain=(0.0, 0.0))
    changed = Augment(RATE, strength)(waves(40), generator(3))
    pitches = {round(pitch(wave) / 500, 2) for wave in changed}
    assert {0.8, 0.9, 1.0, 1.1, 1.2} <= pitches
    assert min(pitches) >= 0.79
    assert max(pitches) <= 1.21
    for wave in changed:
        length = int((wave.abs() > 0.05).sum()) / 4800
        assert length * pitch(wave) / 500 == pytest.approx(0.94, abs=0.08)


def test_shifts_stay_within_bounds() -> None:
    strength = Strength(speed=0.0, shift_ms=100.0, noise=0.0, gain=(0.0, 0.0))
    changed = Augment(RATE, strength)(waves(60), generator())
    starts = [int((wave.abs() > 0.01).nonzero()[0]) for wave in changed]
    assert min(starts) >= 5600 - 1600
    assert max(starts) <= 5600 + 1600 + 20
    assert max(starts) - min(starts) > 2400
    sums = changed.abs().sum(dim=1)
    torch.testing.assert_close(sums, waves(60).abs().sum(dim=1))


def test_noise_has_the_ratio() -> None:
    strength = Strength(speed=0.0, shift_ms=0.0, noise=1.0, snr=(10.0, 10.0), gain=(0.0, 0.0))
    x = waves(3)
    noise = Augment(RATE, strength, hiss())(x, generator()) - x
    ratio = 10 * torch.log10((x**2).sum(dim=1) / (noise**2).sum(dim=1))
    torch.testing.assert_close(ratio, torch.full((3,), 10.0), atol=0.05, rtol=0)


def test_noise_comes_as_often_as_told() -> None:
    strength = Strength(speed=0.0, shift_ms=0.0, noise=0.3, gain=(0.0, 0.0))
    x = waves(200)
    changed = (Augment(RATE, strength, hiss())(x, generator()) != x).any(dim=1)
    assert 35 < int(changed.sum()) < 90


def test_silence_stays_silent_and_finite() -> None:
    strength = Strength(noise=1.0)
    changed = Augment(RATE, strength, hiss())(torch.zeros(3, RATE), generator())
    assert not changed.any()


def test_gain_in_decibels() -> None:
    strength = Strength(speed=0.0, shift_ms=0.0, noise=0.0, gain=(-20.0, -6.0))
    x = waves(50)
    peaks = 20 * torch.log10(Augment(RATE, strength)(x, generator()).abs().amax(dim=1) / 0.5)
    assert -20.01 < float(peaks.min()) < -16
    assert -9 < float(peaks.max()) < -5.99


def test_masks_hide_runs_behind_the_mean() -> None:
    augment = Augment(RATE, Strength(time_mask=20, mel_mask=8, masks=2))
    features = torch.randn(30, 40, 98, generator=generator())
    masked = augment.mask(features, generator(1))
    changed = masked != features
    mean = features.mean(dim=(1, 2), keepdim=True).expand_as(features)
    torch.testing.assert_close(masked[changed], mean[changed])
    whole_frames = changed.all(dim=1).sum(dim=1)
    whole_channels = changed.all(dim=2).sum(dim=1)
    assert 20 < int(whole_frames.max()) <= 38
    assert 8 < int(whole_channels.max()) <= 14
    assert torch.equal(Augment(RATE, NONE).mask(features, generator()), features)


def test_cuts_of_noise() -> None:
    noise = Noise((np.arange(100, dtype=np.int16), np.full(7, 5, np.int16)))
    cuts = [noise.cut(50, generator(seed)) * 32768 for seed in range(20)]
    assert all(len(cut) == 50 for cut in cuts)
    assert any(torch.equal(cut, torch.full((50,), 5.0)) for cut in cuts)
    assert len({float(cut[0]) for cut in cuts}) > 5
    assert not Noise()
