"""The loopback server and the detectors of the unit tests, and a browser, for the slow ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

_UNIT = Path(__file__).parents[1] / "unit"
sys.path[:0] = [str(_UNIT / "models"), str(_UNIT / "detect"), str(_UNIT / "explore")]

from loopback import cache as cache  # noqa: E402
from loopback import serve as serve  # noqa: E402
from loopback import site as site  # noqa: E402


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The live page of `cnntasks explore`."""
    from cnntasks.cli.root import main

    path = tmp_path_factory.mktemp("explore") / "lenet.html"
    assert main(["explore", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def driver() -> Iterator[Chrome]:
    """One browser for all tests."""
    from browsing import chromium

    with chromium() as opened:
        yield opened


@pytest.fixture
def live(driver: Chrome, page: Path) -> Chrome:
    """The page, newly opened."""
    from browsing import show

    show(driver, page)
    return driver
