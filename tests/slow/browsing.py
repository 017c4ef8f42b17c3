"""Chromium without a window, driven through WebDriver; what it asked the network for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

#: Strokes from 0 to 1, as a hand might make them: two digits and shapes that differ from the
#: page's own examples in place, size, slant and wobble.
DRAWN = {
    "1": [[(0.3, 0.2), (0.31, 0.5), (0.29, 0.8)]],
    "7": [[(0.1, 0.12), (0.5, 0.1), (0.42, 0.3), (0.3, 0.6)]],
    "4": [[(0.55, 0.4), (0.45, 0.62), (0.72, 0.63)], [(0.66, 0.45), (0.64, 0.9)]],
    "0": [[(0.5, 0.1), (0.2, 0.3), (0.2, 0.6), (0.4, 0.88), (0.65, 0.8), (0.7, 0.4), (0.5, 0.1)]],
    "2": [[(0.3, 0.3), (0.5, 0.15), (0.68, 0.3), (0.5, 0.6), (0.25, 0.85), (0.5, 0.8), (0.8, 0.9)]],
}  # fmt: skip


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A browser; Debian's packages `chromium` and `chromium-driver` provide it."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def show(driver: Chrome, page: Path, width: int = 1440, dark: bool = False) -> None:
    """Open a page from the disk in a window of that width; what was logged before is dropped."""
    for kind in ("performance", "browser"):
        driver.get_log(kind)  # type: ignore[no-untyped-call]
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(page.as_uri())
    wait(driver, "return Boolean(window.explore)")
    settle(driver)


def wait(driver: Chrome, script: str, seconds: float = 10) -> None:
    """Wait until a script returns true; raises `TimeoutException`."""
    WebDriverWait(driver, seconds).until(lambda it: it.execute_script(script))


def settle(driver: Chrome) -> None:
    """Wait until what was asked for is painted."""
    driver.execute_async_script(
        "const done = arguments[0];requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    )


def requests(driver: Chrome) -> list[str]:
    """The addresses that were asked for since the page was opened, the page's own first."""
    entries: list[Any] = driver.get_log("performance")  # type: ignore[no-untyped-call]
    messages = [json.loads(entry["message"])["message"] for entry in entries]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
        and not message["params"]["request"]["url"].startswith("data:")
    ]


def complaints(driver: Chrome) -> list[str]:
    """What the browser's console says."""
    entries: list[Any] = driver.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries]


def press(driver: Chrome, name: str) -> None:
    """Click a button as a script can: it may lie below the window."""
    driver.execute_script("document.getElementById(arguments[0]).click()", name)
    settle(driver)


def text(driver: Chrome, name: str) -> str:
    return str(
        driver.execute_script("return document.getElementById(arguments[0]).innerText", name)
    )


def answer(driver: Chrome) -> str:
    settle(driver)
    return driver.find_element(By.CSS_SELECTOR, "#answer b").text


def draw(driver: Chrome, strokes: list[list[tuple[float, float]]]) -> None:
    """With the mouse, in small steps."""
    pad = driver.find_element(By.ID, "pad")
    side = pad.size["width"]
    for stroke in strokes:
        chain = ActionChains(driver, duration=10)

        def place(point: tuple[float, float], chain: ActionChains = chain) -> ActionChains:
            return chain.move_to_element_with_offset(
                pad, round((point[0] - 0.5) * side), round((point[1] - 0.5) * side)
            )

        place(stroke[0]).click_and_hold()
        for point in stroke[1:]:
            place(point)
        chain.release().perform()
