"""Training pictures: how they are found, parted, cut and distorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cnntasks_style.parts import read_parts
from cnntasks_style.textures import Textures, grain
from PIL import Image
from small_transfers import style, write_pictures

from cnntasks import InputError


def test_samples_are_decided_by_index_and_seed(tmp_path: Path) -> None:
    textures = Textures(write_pictures(tmp_path, 3), 32)
    assert len(textures) == 3
    one, again = textures.sample(1, 5), textures.sample(1, 5)
    assert one.shape == (32, 32, 3)
    assert one.dtype == np.float32
    assert np.array_equal(one, again)
    assert not np.array_equal(one, textures.sample(1, 6))
    assert not np.array_equal(one, textures.sample(2, 5))


def test_samples_are_of_one_size_and_finite(tmp_path: Path) -> None:
    files = write_pictures(tmp_path, 2, side=20)  # smaller than the samples
    Image.fromarray(style(7, 90, 24)).save(tmp_path / "wide.png")
    textures = Textures([*files, tmp_path / "wide.png"], 32)
    found = np.stack([textures.sample(index % 3, index) for index in range(60)])
    assert found.shape == (60, 32, 32, 3)
    assert np.isfinite(found).all()
    outside = ((found < 0) | (found > 1)).any(axis=(1, 2, 3)).mean()
    assert 0.02 < outside < 0.4  # some, as an optimisation goes there
    assert 0.2 < found.mean() < 0.8
    assert np.abs(found).max() < 5


def test_without_augmentation_it_is_the_middle(tmp_path: Path) -> None:
    pixels = style(3, 64, 32)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    textures = Textures([tmp_path / "wide.png"], 32, augment=False)
    np.testing.assert_array_equal(textures.sample(0, 1), pixels[:, 16:48] / np.float32(255))
    assert np.array_equal(textures.sample(0, 1), textures.sample(0, 2))


def test_grain() -> None:
    found = [grain(32, np.random.default_rng(seed)) for seed in range(20)]
    assert all(it.shape == (32, 32, 3) for it in found)
    assert all(abs(it.mean()) < 0.3 for it in found)
    assert all(0.4 < it.std() < 1.6 for it in found)
    # Some of it is rough and some smooth: neighbours differ by the square root of 2 in white noise.
    steps = [np.diff(it, axis=0).std() / it.std() for it in found]
    assert max(steps) > 1.2
    assert min(steps) < 0.9


def test_pictures_are_found_in_files_and_folders(tmp_path: Path) -> None:
    files = write_pictures(tmp_path / "deep" / "er", 4)
    (tmp_path / "deep" / "note.txt").write_text("no picture")
    (single,) = write_pictures(tmp_path / "single", 1)
    parts = read_parts([str(tmp_path / "deep"), str(single), str(single)], 2, seed=0)
    assert sorted([*parts.train, *parts.validation]) == sorted([*files, single])  # none twice
    assert len(parts.validation) == 2
    assert parts == read_parts([str(tmp_path / "deep"), str(single)], 2, seed=0)
    others = [read_parts([str(tmp_path / "deep")], 2, seed=seed).validation for seed in range(6)]
    assert any(it != others[0] for it in others)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "few", 3)
    (tmp_path / "empty").mkdir()
    for place, message in (
        ("absent", r"absent: there is no such file or folder"),
        ("empty", r"empty: no pictures in this folder"),
        ("few", r"few: 3 pictures are too few to validate on 3; give more, or a smaller --valid"),
    ):
        with pytest.raises(InputError, match=message):
            read_parts([str(tmp_path / place)], 3, seed=0)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken\.png"):
        Textures([tmp_path / "broken.png"], 32).sample(0, 0)
