"""The page as text: whole, and with nothing in it that a browser would have to fetch."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from cnntasks_visualize.explore.lenet import live_payload
from cnntasks_visualize.explore.page import assemble, script_json
from cnntasks_visualize.explore.recording import recorded_payload
from explorable import LENET, opened, picture

import cnntasks


class Outline(HTMLParser):
    """The tags of a page with their attributes, and the texts of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """A live and a recorded page; a class of the latter is named `</script><b>`."""
    live = live_payload(cnntasks.read_card(LENET), LENET)
    recorded = recorded_payload(opened("resnet18", 40), picture(), "noise.png")
    return {"live": assemble(live, "A <title>"), "recorded": assemble(recorded, "B & C")}


@pytest.mark.parametrize("kind", ["live", "recorded"])
def test_nothing_is_fetched(pages: dict[str, str], kind: str) -> None:
    outline = Outline(pages[kind])
    policy = next(at["content"] for tag, at in outline.tags if "http-equiv" in at)
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    addresses = [
        value or ""
        for tag, attributes in outline.tags
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data", "poster")
    ]
    assert addresses == ["data:,"]
    code = pages[kind].replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.findall(r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest|sendBeacon", code)


@pytest.mark.parametrize("kind", ["live", "recorded"])
def test_the_payload_comes_through_whatever_a_class_is_named(
    pages: dict[str, str], kind: str
) -> None:
    data, code = Outline(pages[kind]).scripts
    payload = json.loads(data)
    assert payload["mode"] == kind
    assert '"use strict"' in code
    if kind == "recorded":
        assert "</script><b>" in [row["class"] for row in payload["evidence"]]
        assert "<b>" not in data


def test_titles_are_text(pages: dict[str, str]) -> None:
    assert "<title>A &lt;title&gt;</title>" in pages["live"]
    assert "<title>B &amp; C</title>" in pages["recorded"]


@pytest.mark.parametrize("kind", ["live", "recorded"])
def test_every_part_of_the_page_that_the_script_asks_for_exists(
    pages: dict[str, str], kind: str
) -> None:
    outline = Outline(pages[kind])
    named = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(named) == len(set(named))
    asked = set(re.findall(r'(?:byId|press)\("([\w-]+)"', outline.scripts[-1]))
    assert asked
    assert asked <= {*named, "payload"}


@pytest.mark.parametrize("kind", ["live", "recorded"])
def test_whatever_can_be_pressed_has_a_name(pages: dict[str, str], kind: str) -> None:
    buttons = re.findall(r"<button([^>]*)>([^<]*)</button>", pages[kind])
    assert len(buttons) > 9
    for attributes, text in buttons:
        assert re.search(r"[a-z]", text, re.IGNORECASE) or "aria-label=" in attributes
    for tag, attributes in Outline(pages[kind]).tags:
        if tag == "canvas":
            assert attributes.get("role") in ("img", "application")


def test_every_asset_is_part_of_a_page_and_short(pages: dict[str, str]) -> None:
    assets = list(files("cnntasks_visualize.explore").joinpath("assets").iterdir())
    assert len(assets) > 15
    whole = "".join(pages.values())
    shared = files("cnntasks_visualize.explore").joinpath("assets", "sum.html").read_text("utf-8")
    for asset in assets:
        text = asset.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 400, asset.name
        if asset.name != "page.html":
            text = text.replace("<!-- sum -->\n", shared)
            assert text in whole, f"{asset.name} is in no page"


def test_json_for_a_script_cannot_end_it() -> None:
    text = script_json({"name": "</script><!--"})
    assert "<" not in text
    assert json.loads(text) == {"name": "</script><!--"}
