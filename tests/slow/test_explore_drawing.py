"""Drawing on the live page of `cnntasks explore`: mouse, finger, keyboard, pictures."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browsing import DRAWN, answer, draw, press, show
from PIL import Image, ImageDraw
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

import cnntasks
from cnntasks.cli.root import main

pytestmark = pytest.mark.slow


def test_drawings_are_prepared_as_mnist_was(live: Chrome) -> None:
    """Within 20×20 pixels and centred by mass in the 28×28 that 32×32 surround."""
    for strokes in [*DRAWN.values(), [[(0.9, 0.9), (0.97, 0.95)]]]:
        ink = np.array(live.execute_script("return explore.ink(arguments[0])", strokes))
        picture = ink.reshape(32, 32)
        assert picture[[0, 1, 30, 31]].max() == picture[:, [0, 1, 30, 31]].max() == 0
        y, x = np.mgrid[:32, :32] + 0.5
        assert abs((picture * x).sum() / picture.sum() - 16) < 0.1
        assert abs((picture * y).sum() / picture.sum() - 16) < 0.1
        rows, cols = picture.any(axis=1).nonzero()[0], picture.any(axis=0).nonzero()[0]
        assert max(np.ptp(rows), np.ptp(cols)) + 1 <= 22  # a grey edge on either side
        assert picture.max() == 255


def test_where_and_how_large_a_digit_is_drawn_matters_little(live: Chrome) -> None:
    script = """
        const [size, x, y] = arguments;
        return explore.examples.map((strokes) => {
          const moved = strokes.map((s) => s.map(([a, b]) => [a * size + x, b * size + y]));
          const { probabilities } = explore.run(explore.ink(moved));
          return probabilities.indexOf(Math.max(...probabilities));
        });
    """
    for placed in ((1, 0, 0), (0.4, 0.05, 0.5), (0.3, 0.7, 0.02)):
        assert live.execute_script(script, *placed) == list(range(10))


@pytest.mark.parametrize("digit", DRAWN)
def test_drawing_changes_the_answer(live: Chrome, digit: str) -> None:
    assert answer(live) == "5"
    before = live.execute_script("return Array.from(explore.net.layer('c1').out)")
    draw(live, DRAWN[digit])
    assert answer(live) == digit
    assert live.execute_script("return Array.from(explore.net.layer('c1').out)") != before
    winner = live.find_element(By.CSS_SELECTOR, ".bars .winner")
    assert winner.text.split()[0] == digit
    press(live, "clear")
    assert answer(live) == "–"


def test_a_lenet_of_other_classes_has_a_page_too(driver: Chrome, tmp_path: Path) -> None:
    """Its codes are random ones, and no example is a digit of its."""
    from explorable import LENET

    folder = tmp_path / "kinds"
    shutil.copytree(LENET, folder)
    card = cnntasks.read_card(folder)
    names = ("T-shirt", "ankle boot", *(f"kind {number}" for number in range(8)))
    cnntasks.update_card(folder, replace(card, name="kinds", classes=names))
    path = tmp_path / "kinds.html"
    assert main(["explore", "--model", str(folder), "-o", str(path)]) == 0
    show(driver, path, 360)
    assert answer(driver) == "–"
    assert not driver.find_element(By.ID, "examples").is_displayed()
    draw(driver, DRAWN["1"])
    assert answer(driver) == "ankle boot"
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 360


def test_undo_takes_the_last_stroke_away(live: Chrome) -> None:
    draw(live, DRAWN["4"])
    assert answer(live) == "4"
    press(live, "undo")
    assert live.execute_script("return explore.pad.strokes.length") == 1


def test_a_finger_draws_as_well(live: Chrome) -> None:
    box = live.execute_script(
        "const box = document.getElementById('pad').getBoundingClientRect();"
        "return [box.left, box.top, box.width]"
    )

    def touch(kind: str, point: tuple[float, float] | None = None) -> None:
        points = [] if point is None else [
            {"x": box[0] + point[0] * box[2], "y": box[1] + point[1] * box[2]}
        ]  # fmt: skip
        live.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.5, 0.2))
    for step in range(1, 11):
        touch("touchMove", (0.5, 0.2 + 0.06 * step))
    touch("touchEnd")
    assert answer(live) == "1"


def test_a_keyboard_draws_as_well(live: Chrome) -> None:
    live.execute_script("document.getElementById('pad').focus()")
    keys = ActionChains(live).send_keys(Keys.SPACE)
    for _ in range(12):
        keys = keys.send_keys(Keys.ARROW_DOWN)
    keys.send_keys(Keys.SPACE).perform()
    assert answer(live) == "1"
    assert live.execute_script("return explore.pad.strokes.map((it) => it.length)") == [13]
    ActionChains(live).send_keys(Keys.DELETE).perform()
    assert answer(live) == "–"


def test_a_picture_to_begin_with_is_shown(driver: Chrome, tmp_path: Path) -> None:
    image = Image.new("L", (112, 112), 255)
    ImageDraw.Draw(image).line([(32, 28), (80, 26), (52, 88)], fill=0, width=10, joint="curve")
    image.save(tmp_path / "seven.png")
    path = tmp_path / "seven.html"
    assert main(["explore", str(tmp_path / "seven.png"), "-o", str(path)]) == 0
    show(driver, path)
    assert answer(driver) == "7"
    expected = cnntasks.load("classify", "mnist-lenet5", offline=True)(tmp_path / "seven.png")
    assert expected.names[0] == "7"
    found = driver.execute_script("return Array.from(explore.net.probabilities)")
    assert found[7] == pytest.approx(expected.scores[0], abs=1e-4)
    draw(driver, DRAWN["1"])
    assert answer(driver) == "1"
