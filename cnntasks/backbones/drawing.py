"""A network drawn as a row of blocks, as in lectures: height is the map's size, width its channels.

Both by their square roots, so that a 7×7 map of 512 channels can be seen beside one of 224×224.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks.atomic import replacing
from cnntasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from cnntasks.backbones.arithmetic import LayerRow

SUFFIXES = (".png", ".svg", ".pdf")
_MOST_BLOCKS = 40
_COLORS = {
    "input": "#bdbdbd",
    "convolution": "#4c78a8",
    "pooling": "#f58518",
    "fully connected": "#54a24b",
    "residual block": "#72b7b2",
    "parallel branches": "#b279a2",
    "other": "#9d9da1",
}
# In units of the drawing, of which an inch has 36 or, for a long network, more.
_PER_INCH, _WIDEST_INCHES = 36.0, 17.0
_CHANNEL, _SIDE, _GAP, _SLANT = 1.0, 8.0, 8.0, 0.22
_TALL, _LARGEST_SCALE = 115.0, 2.5  # small networks are drawn larger
_LETTER_INCHES = 0.078  # of the font below a block


@dataclass(frozen=True, slots=True)
class Block:
    """Layers that are drawn as one.

    Attributes:
        label: what the network calls it.
        kind: a key of the legend.
        output: C×H×W, C×L or C.
        note: kernel and stride of its windows.
    """

    label: str
    kind: str
    output: tuple[int, ...]
    note: str = ""


def check_suffix(path: Path) -> None:
    """Before anything is computed.

    Raises:
        UsageError: a drawing cannot be written into a file of that name.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a drawing must end in {', '.join(SUFFIXES)}")


def draw_network(
    rows: Sequence[LayerRow], input_shape: Sequence[int], path: Path, title: str = ""
) -> None:
    """Draw the layers of `describe_network` into a file.

    Args:
        rows: the layers.
        input_shape: without the batch.
        path: `.png`, `.svg` or `.pdf`; replaced whole.
        title: stands above.

    Raises:
        UsageError: `path` has another suffix.
        InputError: it cannot be written.
    """
    check_suffix(path)
    figure = _figure([Block("input", "input", tuple(input_shape)), *blocks_of(rows)], title)
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, format=path.suffix.lower()[1:], dpi=150)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be written ({reason}); choose another place") from error


def blocks_of(rows: Sequence[LayerRow], most: int = _MOST_BLOCKS) -> list[Block]:
    """The blocks to draw: as fine as the modules nest, but not more than `most`."""
    used = [row for row in rows if row.output is not None]
    deepest = max((row.name.count(".") + 1 for row in used), default=1)
    cuts = (_cut(used, depth) for depth in range(deepest, 0, -1))
    return next((blocks for blocks in cuts if len(blocks) <= most), None) or _cut(used, 1)


def _cut(rows: Sequence[LayerRow], depth: int) -> list[Block]:
    groups: list[tuple[str, list[LayerRow]]] = []
    for row in rows:
        name = ".".join(row.name.split(".")[:depth])
        if not groups or groups[-1][0] != name:
            groups.append((name, []))
        groups[-1][1].append(row)
    blocks = [_block(name, group) for name, group in groups]
    return _short_labels([block for block in blocks if block is not None])


def _block(name: str, rows: Sequence[LayerRow]) -> Block | None:
    """None for what changes no sizes: activations, normalisation, dropout."""
    kinds = {row.category for row in rows}
    joins = {row.kind for row in rows if row.category == "join"}
    if "cat" in joins:
        kind = "parallel branches"
    elif "add" in joins:
        kind = "residual block"
    elif found := [k for k in ("convolution", "linear", "pooling") if k in kinds]:
        kind = "fully connected" if found[0] == "linear" else found[0]
    else:
        return None
    windows = [row for row in rows if row.kernel is not None]
    if kind == "pooling" and windows and all(set(row.kernel or ()) == {1} for row in windows):
        return None  # an adaptive pooling of a map that has its size already
    note = _note([row for row in windows if row.category == "convolution"] or windows)
    output = rows[-1].output
    assert output is not None
    return Block(name, kind, output, note)


def _short_labels(blocks: Sequence[Block]) -> list[Block]:
    """Without what every name begins with, and without numbers that tell nothing apart."""
    labels = [block.label for block in blocks]
    for prefix in ("backbone.", "parts.", "features."):
        labels = [label.removeprefix(prefix) for label in labels]
    for _ in range(2):
        parents = [label.rpartition(".")[0] for label in labels]
        labels = [
            parent if parent and label[len(parent) + 1 :].isdigit() and parents.count(parent) == 1
            else label
            for label, parent in zip(labels, parents, strict=True)
        ]  # fmt: skip
    return [replace(block, label=label) for block, label in zip(blocks, labels, strict=True)]


def _note(rows: Sequence[LayerRow]) -> str:
    """The kernels of a block and, where it has one, its stride."""
    if [row.category for row in rows] == ["pooling"] and rows[0].jump is None:
        return "global"
    kernels = sorted({"×".join(map(str, row.kernel)) for row in rows if row.kernel})
    stride = max((max(row.stride) for row in rows if row.stride), default=1)
    return " ".join(kernels[:3]) + (f" /{stride}" if stride > 1 else "")


@dataclass(frozen=True, slots=True)
class _Solid:
    """The size of a drawn block; `slant` is its side into the page, to the right and up."""

    width: float
    height: float
    slant: float

    @classmethod
    def of(cls, block: Block, scale: float) -> _Solid:
        channels, *sides = block.output
        return cls(
            width=max(scale * _CHANNEL * sqrt(channels), 1.5),
            height=scale * _SIDE * sqrt(sides[0] if sides else 1),
            slant=scale * _SIDE * _SLANT * sqrt(sides[1] if len(sides) > 1 else 1),
        )


def _figure(blocks: Sequence[Block], title: str) -> Any:
    from matplotlib.figure import Figure

    upright = len(blocks) > 12
    tallest = max(_Solid.of(block, 1.0).height for block in blocks)
    scale = min(_TALL / tallest, _LARGEST_SCALE)
    solids = [_Solid.of(block, scale) for block in blocks]
    tallest *= scale
    places, x = [], 0.0
    for solid in solids:
        places.append(x)
        x += max(solid.width + solid.slant + _GAP, 12.0 if upright else 60.0)
    per_inch = max(_PER_INCH, x / _WIDEST_INCHES)
    letters = max(len(_caption(block, "  ")) for block in blocks)
    below = per_inch * (letters * _LETTER_INCHES if upright else 0.4)
    left = 16.0 if upright else 34.0
    top, bottom = tallest * (0.5 + _SLANT) + 0.75 * per_inch, -tallest / 2 - below - 12
    figure = Figure(figsize=((x + left + 8) / per_inch, (top - bottom) / per_inch))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-left, x + 8)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.axis("off")
    for block, solid, place in zip(blocks, solids, places, strict=True):
        _draw_solid(axes, solid, place, _COLORS[block.kind])
        caption = _caption(block, "  " if upright else "\n")
        middle, turn = place + solid.width / 2, 90 if upright else 0
        axes.text(
            middle, -tallest / 2 - 8, caption, rotation=turn, ha="center", va="top", fontsize=9
        )
        middle, above = middle + solid.slant, solid.height / 2 + solid.slant + 3
        axes.text(middle, above, block.note, ha="center", va="bottom", fontsize=7)
    _legend(axes, [block.kind for block in blocks])
    axes.text(8 - left, top - 8, title, va="top", fontsize=13, fontweight="bold")
    return figure


def _caption(block: Block, between: str) -> str:
    return f"{block.label}{between}{'×'.join(map(str, block.output))}"


def _draw_solid(axes: Any, solid: _Solid, x: float, color: str) -> None:
    """Front, top and right side, in three lights."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Polygon

    right, low, high = x + solid.width, -solid.height / 2, solid.height / 2

    def behind(corner: tuple[float, float]) -> tuple[float, float]:
        return corner[0] + solid.slant, corner[1] + solid.slant

    front = [(x, low), (right, low), (right, high), (x, high)]
    faces = (
        (front, 1.0),
        ([front[3], front[2], behind(front[2]), behind(front[3])], 1.25),
        ([front[1], behind(front[1]), behind(front[2]), front[2]], 0.75),
    )
    for corners, light in faces:
        face = tuple(min(1.0, part * light) for part in to_rgb(color))
        axes.add_patch(Polygon(corners, facecolor=face, edgecolor="white", linewidth=0.6))


def _legend(axes: Any, kinds: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    shown = [kind for kind in _COLORS if kind in kinds]
    axes.legend(
        handles=[Patch(facecolor=_COLORS[kind], label=kind) for kind in shown],
        title="height: map size, width: channels, both by their square roots",
        title_fontsize=8,
        loc="upper right",
        ncols=len(shown),
        frameon=False,
        fontsize=8,
    )
