"""The recorded page of `cnntasks explore` in Chromium, for a network with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsing import complaints, press, requests, settle, show, text
from cnntasks_visualize.explore.page import assemble
from cnntasks_visualize.explore.recording import recorded_payload
from explorable import opened, picture
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def payload() -> dict[str, Any]:
    return recorded_payload(opened("resnet18", 96), picture(110, 96), "noise.png")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, payload: dict[str, Any]) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "noise.html"
    path.write_text(assemble(payload, "noise"), encoding="utf-8")
    return path


def index_of(payload: dict[str, Any], name: str) -> int:
    return [layer["name"] for layer in payload["layers"]].index(name)


def point_at(driver: Chrome, number: int, map_: int, row: int, col: int) -> dict[str, Any]:
    """Move the mouse over a unit of a sheet; returns what is shown then."""
    sheet = driver.find_element(By.CSS_SELECTOR, f"[data-layer='{number}'] .sheet canvas")
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", sheet)
    settle(driver)
    layer = driver.execute_script("return explore.recording.payload.layers[arguments[0]]", number)
    places = sheet.size["width"], sheet.get_property("width")
    # The canvas has one pixel for each unit, and a gap between maps.
    cell = places[0] / int(str(places[1]))
    across = 8 if layer["cols"] > 20 else 12
    gap = 2 if layer["cols"] > 16 else 1
    x = (map_ % across) * (layer["cols"] + gap) + col + 0.5
    y = (map_ // across) * (layer["rows"] + gap) + row + 0.5
    ActionChains(driver, duration=0).move_to_element_with_offset(
        sheet, round(x * cell - sheet.size["width"] / 2), round(y * cell - sheet.size["height"] / 2)
    ).perform()
    settle(driver)
    shown: dict[str, Any] = driver.execute_script("return explore.shown()")
    return shown


@pytest.mark.parametrize(
    ("name", "map_", "row", "col"),
    [("layer1.0.add", 3, 12, 15), ("layer2.0.add", 14, 0, 11), ("layer3.1.add", 2, 3, 2)],
)
def test_pointing_shows_what_a_unit_looks_at(
    driver: Chrome,
    recorded: Path,
    payload: dict[str, Any],
    name: str,
    map_: int,
    row: int,
    col: int,
) -> None:
    """Against the pixels for which torch gives the unit a gradient; its number, too."""
    show(driver, recorded)
    number = index_of(payload, name)
    shown = point_at(driver, number, map_, row, col)
    unit = {key: shown["unit"][key] for key in ("layer", "map", "row", "col")}
    assert unit == {"layer": number, "map": map_, "row": row, "col": col}
    model = opened("resnet18", 96)
    stage, block, _ = name.split(".")
    trunk = model.network.classifier.backbone
    feeds = model.feeds([picture(110, 96)])
    x = (feeds["pixels"].permute(0, 3, 1, 2) - model.network.mean) / model.network.std
    x.requires_grad_()
    before = f"layer{int(stage[-1]) - 1}" if stage != "layer1" else "stem"
    maps = trunk(x, [before])[before]
    for number_of_block in range(int(block) + 1):
        maps = trunk.parts[stage][number_of_block](maps)
    channel = payload["layers"][number]["channels"][map_]
    (gradient,) = torch.autograd.grad(maps[0, :, row, col].sum(), x)
    seen = gradient[0].abs().sum(0).numpy() > 0
    field = shown["field"]
    frame = np.zeros((96, 96), bool)
    top, left = max(field["top"], 0), max(field["left"], 0)
    frame[top : field["bottom"] + 1, left : field["right"] + 1] = True
    assert not (seen & ~frame).any()
    assert (seen & frame).sum() > 0.5 * frame.sum()
    value = driver.execute_script(
        "const { unit } = explore.shown(); const layer = explore.recording.layers[unit.layer];"
        "return explore.recording.value(layer, unit.map, unit.row * layer.cols + unit.col)"
    )
    own = maps[0, channel].detach()
    step = (own.max() - own.min()).item() / 255
    assert value == pytest.approx(own[row, col].item(), abs=0.51 * step + 1e-3)
    assert text(driver, "unit-name").startswith(f"{name}\nmap {channel}, row {row}, column {col}")


def test_what_a_unit_depends_on_and_what_depends_on_it(
    driver: Chrome, recorded: Path, payload: dict[str, Any]
) -> None:
    """In a chain of 3×3 windows: one unit more on each side for each convolution between."""
    show(driver, recorded)
    at = {name: index_of(payload, f"layer1.0.{name}") for name in ("conv1", "conv2")}
    windows = driver.execute_script(
        "const { recording } = explore; const [from, to] = arguments;"
        "const one = { top: 9, left: 5, bottom: 9, right: 5 };"
        "const sight = (k) => recording.sight(recording.layers[k], one);"
        "return [recording.within(recording.layers[from], sight(to)),"
        "        recording.beyond(recording.layers[to], sight(from))]",
        at["conv1"],
        at["conv2"],
    )
    expected = {"top": 8, "left": 4, "bottom": 10, "right": 6}
    assert windows == [expected, expected]


def test_the_first_layer_adds_up(driver: Chrome, recorded: Path, payload: dict[str, Any]) -> None:
    """Against torch: at a corner, where the window lies half in the padding, and in the middle."""
    show(driver, recorded)
    model = opened("resnet18", 96)
    feeds = model.feeds([picture(110, 96)])
    x = (feeds["pixels"].permute(0, 3, 1, 2) - model.network.mean) / model.network.std
    conv, norm = model.network.classifier.backbone.parts["stem"][:2]
    sums = conv(x)[0]
    normalised = norm(conv(x))[0]
    for map_, row, col in ((0, 0, 0), (5, 20, 31), (9, 47, 47)):
        channel = payload["layers"][0]["channels"][map_]
        driver.execute_script(
            "explore.hold({ layer: 0, map: arguments[0], row: arguments[1], col: arguments[2] })",
            map_,
            row,
            col,
        )
        assert text(driver, "step-count") == "147 of 147 terms"
        shown = [part.replace("−", "-") for part in text(driver, "formula").split("\n")]
        assert float(shown[0].split()[-1]) == pytest.approx(
            sums[channel, row, col].item(), abs=0.002
        )
        after = normalised[channel, row, col].item()
        assert float(shown[1].split()[-1]) == pytest.approx(after, abs=0.002)
        assert float(shown[2].removeprefix("ReLU: ")) == pytest.approx(max(after, 0), abs=0.05)
    driver.execute_script("explore.hold({ layer: 1, map: 0, row: 0, col: 0 })")
    assert driver.execute_script("return document.getElementById('sum-part').hidden")


def test_classes_and_why(driver: Chrome, recorded: Path, payload: dict[str, Any]) -> None:
    show(driver, recorded)
    rows = driver.find_elements(By.CSS_SELECTOR, "#classes > div")
    assert [row.text.split("\n")[0] for row in rows] == [it["class"] for it in payload["classes"]]
    shown = text(driver, "why-sum").replace("−", "-")
    assert float(shown.split()[-1]) == pytest.approx(payload["evidence"][0]["logit"], abs=0.006)
    assert len(driver.find_elements(By.CSS_SELECTOR, "#why-terms > div")) == 8 + 2
    # A feature is the mean of a map of the last block, and leads there.
    links = driver.find_elements(By.CSS_SELECTOR, "#why-terms .link")
    kept = payload["layers"][index_of(payload, "layer4.1.add")]["channels"]
    features = [it["feature"] for it in payload["evidence"][0]["features"]]
    assert [int(it.text.split()[1]) for it in links] == [it for it in features if it in kept]
    driver.execute_script("arguments[0].click()", links[0])
    settle(driver)
    assert text(driver, "unit-name").startswith(f"layer4.1.add\nmap {links[0].text.split()[1]},")


def test_it_is_walked_with_keys(driver: Chrome, recorded: Path, payload: dict[str, Any]) -> None:
    show(driver, recorded)
    number = index_of(payload, "layer2.0.add")
    driver.execute_script(
        "explore.hold({ layer: arguments[0], map: 0, row: 5, col: 5 });"
        "document.querySelector(`[data-layer='${arguments[0]}'] .sheet`).focus()",
        number,
    )
    ActionChains(driver).send_keys(Keys.ARROW_DOWN, Keys.ARROW_LEFT, "]").perform()
    unit = driver.execute_script("return explore.shown().unit")
    assert (unit["map"], unit["row"], unit["col"]) == (1, 6, 4)
    ActionChains(driver).send_keys(Keys.PAGE_DOWN).perform()
    assert driver.execute_script("return explore.shown().unit.layer") == number + 1
    press(driver, "layer-back")
    assert driver.execute_script("return explore.shown().unit.layer") == number
    # A map that is not among those shown first comes into view.
    driver.execute_script("explore.hold({ layer: arguments[0], map: 60, row: 0, col: 0 })", number)
    button = driver.find_element(By.CSS_SELECTOR, f"[data-layer='{number}'] .reveal")
    assert button.text == "the 24 strongest only"


@pytest.mark.parametrize("width", [360, 820, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_says_nothing_to_the_network(
    driver: Chrome, recorded: Path, width: int, dark: bool
) -> None:
    show(driver, recorded, width, dark)
    press(driver, "fold")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert requests(driver) == [recorded.as_uri()]
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert complaints(driver) == []
