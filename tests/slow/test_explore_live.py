"""The live page of `cnntasks explore` in Chromium: its numbers, pointing, stepping, no network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsing import DRAWN, answer, complaints, draw, press, requests, settle, show, text, wait
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

import cnntasks

pytestmark = pytest.mark.slow

LAYERS = ("c1", "s2", "c3", "s4", "c5", "f6", "output")


@pytest.fixture(scope="module")
def network() -> Any:
    """The model in torch, in double precision."""
    folder = cnntasks.find_model("explore", offline=True)
    return cnntasks.open_network(folder).network.double()


def layers_in_torch(network: Any, pixels: np.ndarray[Any, Any]) -> dict[str, torch.Tensor]:
    """Every layer for 32×32 pixels; the output layer's distances are negative logits."""
    x = torch.from_numpy(pixels.reshape(1, 1, 32, 32)).double()
    classifier = network.classifier
    found = dict(classifier.backbone((x - network.mean) / network.std, list(LAYERS[:5])))
    found["f6"] = classifier.embed(found["c5"])
    found["output"] = -classifier.output(found["f6"])
    found["probabilities"] = (-found["output"]).softmax(dim=1)
    return found


def test_every_layer_is_that_of_the_model(live: Chrome, network: Any) -> None:
    """Digits as drawn, and noise, which is far from all digits."""
    digits = live.execute_script("return explore.examples.map((strokes) => explore.ink(strokes))")
    noise = np.random.default_rng(1).integers(0, 256, (3, 1024)).tolist()
    for pixels in [*digits, *noise]:
        found = live.execute_script("return explore.run(arguments[0])", pixels)
        expected = layers_in_torch(network, np.array(pixels))
        for layer, values in expected.items():
            np.testing.assert_allclose(
                found[layer], values.flatten().numpy(), rtol=0, atol=1e-4, err_msg=layer
            )


def point_at(driver: Chrome, layer: str, number: int, row: int, col: int, rows: int) -> None:
    """Move the mouse over a unit of a map."""
    canvas = driver.find_elements(By.CSS_SELECTOR, f"[data-layer={layer}] canvas")[number]
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", canvas)
    side = canvas.size["width"]
    across, down = (round(((place + 0.5) / rows - 0.5) * side) for place in (col, row))
    ActionChains(driver, duration=0).move_to_element_with_offset(canvas, across, down).perform()
    settle(driver)


@pytest.mark.parametrize(
    ("layer", "rows", "number", "row", "col"),
    [("c1", 28, 3, 4, 20), ("s2", 14, 0, 13, 7), ("c3", 10, 9, 2, 6), ("s4", 5, 15, 4, 1)],
)
def test_pointing_shows_what_a_unit_looks_at(
    live: Chrome, network: Any, layer: str, rows: int, number: int, row: int, col: int
) -> None:
    """Against the pixels for which torch gives the unit a gradient."""
    point_at(live, layer, number, row, col, rows)
    shown = live.execute_script("return explore.shown()")
    unit = {key: shown["unit"][key] for key in ("map", "row", "col")}
    assert unit == {"map": number, "row": row, "col": col}
    x = torch.rand(1, 1, 32, 32, dtype=torch.double, requires_grad=True)
    maps = network.classifier.backbone(x, [layer])[layer]
    (gradient,) = torch.autograd.grad(maps[0, number, row, col], x)
    seen_rows, seen_cols = (gradient[0, 0] != 0).nonzero(as_tuple=True)
    expected = [seen_rows.min(), seen_rows.max(), seen_cols.min(), seen_cols.max()]
    top, bottom, left, right = (int(it) for it in expected)
    field = shown["field"]
    assert [field[key] for key in ("top", "bottom", "left", "right")] == [top, bottom, left, right]
    words = f"rows {top}–{bottom}, columns {left}–{right}."
    assert text(live, "sight-text").endswith(words)
    frame = live.execute_script(
        "const links = (kind) => document.querySelector(`#links rect.${kind}`);"
        "const frame = (links('field') || links('reads')).getBBox();"
        "const home = document.querySelector('.maps.input canvas').getBoundingClientRect();"
        "const all = document.getElementById('links').getBoundingClientRect();"
        "const cell = home.width / 32;"
        "return [(frame.y + all.top - home.top) / cell, (frame.x + all.left - home.left) / cell,"
        "        frame.height / cell, frame.width / cell]"
    )
    size = bottom - top + 1
    np.testing.assert_allclose(frame, [top, left, size, size], atol=0.15)
    title = text(live, "unit-name")
    assert title.startswith(f"{layer.upper()}, map {number}, row {row}, column {col}")


def number_in(words: str) -> float:
    return float(re.sub("−", "-", words))


@pytest.mark.parametrize("layer", LAYERS)
def test_the_sum_is_stepped_through_term_by_term(live: Chrome, layer: str) -> None:
    """The products that are shown one after the other add up to what the network has."""
    live.execute_script(
        "const layer = explore.net.layer(arguments[0]);"
        "explore.hold({ layer: layer.index, map: 4, row: layer.rows >> 1, col: layer.cols >> 1 })",
        layer,
    )
    press(live, "step-first")
    assert text(live, "step-text").startswith("Nothing is added yet")
    script = """
        const lines = [];
        while (lines.length < 500) {
          document.getElementById("step-next").click();
          lines.push(document.getElementById("step-text").textContent);
          const [at, , all] = document.getElementById("step-count").textContent.split(" ");
          if (at === all) return lines;
        }
    """
    lines = live.execute_script(script)
    sees = {"c1": 25, "s2": 4, "c3": 75, "s4": 4, "c5": 400, "f6": 120, "output": 84}
    assert len(lines) == sees[layer]
    total = 0.0
    for line in lines:
        product, shown = re.fullmatch(r".* = (\S+)   sum so far (\S+)", line).groups()  # type: ignore[union-attr]
        total += number_in(product)
        assert number_in(shown) == pytest.approx(total, abs=0.0006 * len(lines))
    unit = live.execute_script(
        "const { unit } = explore.shown(); const layer = explore.net.layers[unit.layer];"
        "const at = explore.net.at(unit);"
        "return [layer.sum[at] - (layer.bias ? layer.bias[unit.map] : 0), layer.out[at]]"
    )
    assert total == pytest.approx(unit[0], abs=0.0006 * len(lines))
    shown_value = text(live, "unit-name").split()[-1]
    assert number_in(shown_value) == pytest.approx(unit[1], abs=0.0006)
    press(live, "step-last")
    formula = text(live, "formula")
    assert formula.split()[-1] == shown_value if layer != "output" else shown_value in formula


def test_where_an_output_goes_is_what_reads_it(live: Chrome) -> None:
    """Each target's own terms contain the unit, with the same product."""
    wrong = live.execute_script("""
        const { net } = explore;
        let [checked, wrong] = [0, 0];
        const fed = (unit) => targetsOf(net, unit);
        for (const [id, map, row, col] of [
          ["input", 0, 0, 0], ["input", 0, 13, 14], ["c1", 5, 27, 3], ["s2", 2, 0, 13],
          ["s2", 4, 6, 7], ["c3", 15, 9, 9], ["s4", 3, 2, 2], ["c5", 77, 0, 0], ["f6", 12, 0, 0],
        ]) {
          const unit = { layer: net.layer(id).index, map, row, col };
          for (const target of fed(unit)) {
            const { groups } = termsOf(net, target.unit);
            const own = groups.flatMap((it) => it.units.map((from, k) => [from, it.products[k]]));
            const same = own.filter(([it]) => it.map === map && it.row === row && it.col === col);
            checked += 1;
            if (same.length !== 1 || same[0][1] !== target.product) wrong += 1;
          }
        }
        return [checked, wrong, fed({ layer: 2, map: 0, row: 6, col: 6 }).length];
    """)
    assert wrong[1:] == [0, 10 * 25]
    assert wrong[0] > 500


def test_the_network_is_walked_with_keys(live: Chrome) -> None:
    maps = live.find_element(By.CSS_SELECTOR, "[data-layer=c3] .maps")
    maps.click()

    def unit() -> tuple[int, ...]:
        shown = live.execute_script("return explore.shown().unit")
        return tuple(shown[key] for key in ("layer", "map", "row", "col"))

    live.execute_script("document.activeElement.blur(); arguments[0].focus()", maps)
    live.execute_script("explore.hold({ layer: 3, map: 15, row: 4, col: 4 })")
    ActionChains(live).send_keys(Keys.ARROW_UP, Keys.ARROW_LEFT, Keys.ARROW_LEFT, "]").perform()
    assert unit() == (3, 0, 3, 2)
    ActionChains(live).send_keys(Keys.PAGE_DOWN).perform()
    assert unit()[0] == 4
    ActionChains(live).send_keys(Keys.ESCAPE).perform()
    assert unit() == (7, 5, 0, 0)
    ActionChains(live).send_keys("3").perform()
    assert answer(live) == "3"


def test_the_tour_visits_every_layer(live: Chrome) -> None:
    press(live, "tour-start")
    visited = []
    while live.execute_script("return !document.getElementById('tour').hidden"):
        visited.append(live.execute_script("return explore.shown().unit.layer"))
        press(live, "tour-next")
    assert sorted(set(visited)) == list(range(8))
    assert visited == sorted(visited)


def test_a_sum_plays_and_a_window_slides_by_themselves(live: Chrome) -> None:
    live.execute_script("explore.hold({ layer: 4, map: 0, row: 0, col: 0 })")
    press(live, "step-play")
    wait(live, "return document.getElementById('step-count').textContent === '4 of 4 terms'")
    wait(live, "return document.getElementById('step-play').textContent === 'Play'")
    press(live, "slide")
    wait(live, "return explore.shown().unit.row === 4 && explore.shown().unit.col === 4", 15)


@pytest.mark.parametrize("width", [360, 820, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_says_nothing_to_the_network(
    driver: Chrome, page: Path, width: int, dark: bool
) -> None:
    show(driver, page, width, dark)
    draw(driver, DRAWN["7"])
    press(driver, "tour-start")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert requests(driver) == [page.as_uri()]
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert complaints(driver) == []
    ground = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", ground)[0])
    assert (red < 60) == dark


def test_the_policy_stops_what_would_be_fetched(live: Chrome) -> None:
    """Were a script to ask for anything, the browser would refuse."""
    refused = live.execute_async_script(
        "const done = arguments[0];"
        "fetch('https://example.org/').then(() => done(false), () => done(true))"
    )
    assert refused
    assert any("Content Security Policy" in line for line in complaints(live))
    assert len(requests(live)) == 1
