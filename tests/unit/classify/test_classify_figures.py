"""A sheet of mistakes shows every one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from classification_folders import noise
from cnntasks_classify import figures
from cnntasks_classify.data import Example
from cnntasks_classify.figures import mistakes_sheet
from numpy.typing import NDArray
from PIL import Image

from cnntasks import Mistake


def drawn(draw: object, path: Path) -> NDArray[np.uint8]:
    assert callable(draw)
    draw(path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def mistakes(count: int) -> list[Mistake]:
    return [Mistake(n, f"{n}.png", "hen-of-the-woods", "dog", 0.9) for n in range(count)]


@pytest.mark.parametrize(("count", "size"), [(1, (28, 28)), (7, (300, 200)), (3, (1, 1))])
def test_a_sheet_shows_every_mistake(count: int, size: tuple[int, int], tmp_path: Path) -> None:
    examples = [Example(f"{n}.png", 0, None, np.full((*size, 3), 80, np.uint8)) for n in range(20)]
    sheet = drawn(mistakes_sheet(mistakes(count), examples), tmp_path / "sheet.png")
    shown = (sheet == 80).all(2).sum()
    side = figures._TILE
    assert shown / count == pytest.approx(side * side * min(size) / max(size), rel=0.02)


def test_small_pictures_are_enlarged_in_whole_multiples() -> None:
    picture = noise(28, 20, 3)
    large = figures._enlarged(picture)
    assert large.shape == (224, 160, 3)
    np.testing.assert_array_equal(large[::8, ::8], picture)
    assert figures._enlarged(noise(300, 20, 3)).shape == (300, 20, 3)
