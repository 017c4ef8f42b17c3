"""One HTML file that needs nothing but itself: no network, no server, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

#: The parts of each kind of page, in the order in which they have to be read.
_SCRIPTS = {
    "live": (
        *("payload", "colors", "ink", "digits", "lenet", "connections"),
        *("grids", "arithmetic", "pad", "view", "links", "inspector", "tour", "live"),
    ),
    "recorded": (
        *("payload", "colors", "grids", "arithmetic", "recording", "sheet", "filters"),
        *("furniture", "recorded"),
    ),
}
_STYLES = {"live": ("base", "panel", "live"), "recorded": ("base", "panel", "recorded")}


def assemble(payload: Mapping[str, Any], title: str) -> str:
    """The page for a payload of `live_payload` or `recorded_payload`.

    Its policy forbids it to load anything, so that it works from a disk, and cannot tell anyone
    what was drawn.

    Args:
        payload: plain JSON types; `mode` says which page it is.
        title: of the window.
    """
    mode = payload["mode"]
    return Template(_asset("page.html")).substitute(
        title=escape(title),
        style="\n".join(_asset(f"{name}.css") for name in _STYLES[mode]),
        body=_asset(f"{mode}.html").replace("<!-- sum -->\n", _asset("sum.html")),
        payload=script_json(payload),
        script="\n".join(_asset(f"{name}.js") for name in _SCRIPTS[mode]),
    )


def script_json(value: Any) -> str:
    """JSON that can stand in a `<script>`: no text of a model's card can end it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")
