"""The embedded digit classifier: small, whole, the same in both engines, right on drawn digits."""

from __future__ import annotations

import numpy as np
import pytest
from cnntasks_classify.cards import entries
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import cnntasks
from cnntasks.models.folder import folder_size, verify_folder

FOLDER = next(entry.folder for entry in entries() if entry.name == "mnist-lenet5")
#: Strokes on a sheet of 200×200, as a pen draws them.
STROKES = {
    "0": [[(100, 30), (55, 60), (45, 110), (65, 160), (105, 170), (140, 140), (150, 90), (130, 45),
           (100, 30)]],
    "1": [[(110, 30), (95, 170)]],
    "2": [[(55, 65), (75, 35), (115, 32), (138, 60), (125, 95), (60, 165), (150, 160)]],
    "3": [[(60, 45), (100, 30), (135, 55), (100, 95), (140, 120), (125, 160), (60, 165)]],
    "4": [[(70, 30), (50, 105), (145, 100)], [(120, 40), (115, 175)]],
    "7": [[(50, 45), (145, 40), (90, 170)]],
}  # fmt: skip


def drawn(digit: str, ink: int, paper: int) -> NDArray[np.uint8]:
    sheet = Image.new("L", (200, 200), paper)
    pen = ImageDraw.Draw(sheet)
    for stroke in STROKES[digit]:
        pen.line(stroke, fill=ink, width=16, joint="curve")
    return np.asarray(sheet)


@pytest.mark.parametrize(("ink", "paper"), [(20, 250), (255, 0)])
def test_drawn_digits_are_read_light_or_dark(ink: int, paper: int) -> None:
    classifier = cnntasks.load("classify", "mnist-lenet5", offline=True, top=1)
    found = {digit: classifier(drawn(digit, ink, paper)).names[0] for digit in STROKES}
    assert found == {digit: digit for digit in STROKES}


def test_engines_agree() -> None:
    pictures = [drawn(digit, 20, 250) for digit in STROKES]
    scores = []
    for engine in ("onnx", "torch"):
        classifier = cnntasks.load(
            "classify", "mnist-lenet5", engine=engine, offline=True, top=None
        )
        ranked = [classifier(picture) for picture in pictures]
        scores.append(np.array([it.scores[np.argsort(it.labels)] for it in ranked]))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


def test_it_is_whole_and_small_and_says_what_it_measured() -> None:
    assert FOLDER is not None
    assert verify_folder(FOLDER) == []
    assert folder_size(FOLDER) < 300_000
    card = cnntasks.read_card(FOLDER)
    assert card.parameters == 60_000
    assert card.metrics["test_top1"] >= 0.992
    assert {"licence", "training_data", "recipe", "notes"} <= {
        name for name in card.__dataclass_fields__ if getattr(card, name)
    }
