"""A network drawn as a row of blocks, as in lectures: height is the map's size, width its channels.

Both by their square roots, so that a 7×7 map of 512 channels can be seen beside one of 224×224.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
# In units of the drawing, of which one inch has 36.
_PER_INCH = 36.0
_CHANNEL, _SIDE, _GAP, _SLANT = 1.1, 7.0, 9.0, 0.22


@dataclass(frozen=True, slots=True)
class Block:
    """Layers that are drawn as one.

    Attributes:
        label: what the network calls it.
        kind: a key of the legend.
        output: C×H×W, C×L or C.
        note: kernel and stride, where one window makes it.
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
    return [block for block in blocks if block is not None]


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
    note = _window_text(windows[0]) if len(windows) == 1 else ""
    output = rows[-1].output
    assert output is not None
    return Block(_label(name), kind, output, note)


def _label(name: str) -> str:
    """Without what every layer's name begins with, and the numbers in which no-one is interested."""
    for prefix in ("backbone.", "parts.", "features."):
        name = name.removeprefix(prefix)
    return name


def _window_text(row: LayerRow) -> str:
    assert row.kernel is not None
    assert row.stride is not None
    size = "×".join(map(str, row.kernel))
    return f"{size} /{max(row.stride)}" if max(row.stride) > 1 else size


def _figure(blocks: Sequence[Block], title: str) -> Any:
    from matplotlib.figure import Figure

    upright = len(blocks) > 12
    places: list[float] = []
    x = 0.0
    for block in blocks:
        places.append(x)
        x += max(_thickness(block) + _slant(block) + _GAP, 18.0 if upright else 62.0)
    tallest = max(_height(block) for block in blocks)
    below = 110.0 if upright else 60.0
    top, bottom = tallest * (0.5 + _SLANT) + 46.0, -tallest / 2 - below
    figure = Figure(figsize=((x + 24) / _PER_INCH, (top - bottom) / _PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-16, x + 8)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.axis("off")
    for block, place in zip(blocks, places, strict=True):
        _draw_block(axes, block, place, -tallest / 2 - 8, upright)
    _legend(axes, blocks, title, top)
    return figure


def _thickness(block: Block) -> float:
    return max(_CHANNEL * float(block.output[0]) ** 0.5, 1.5)


def _height(block: Block) -> float:
    return _SIDE * float(block.output[1] if len(block.output) > 1 else 1) ** 0.5


def _slant(block: Block) -> float:
    """Of the side that goes into the page; none for signals and vectors."""
    return _SIDE * _SLANT * float(block.output[2] if len(block.output) > 2 else 1) ** 0.5


def _draw_block(axes: Any, block: Block, x: float, floor: float, upright: bool) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Polygon

    width, height, slant = _thickness(block), _height(block), _slant(block)
    low, high = -height / 2, height / 2
    color = to_rgb(_COLORS[block.kind])
    faces = (
        ([(x, low), (x + width, low), (x + width, high), (x, high)], 1.0),
        ([(x, high), (x + width, high), (x + width + slant, high + slant), (x + slant, high + slant)], 1.25),
        ([(x + width, low), (x + width + slant, low + slant), (x + width + slant, high + slant), (x + width, high)], 0.75),
    )
    for corners, light in faces:
        face = tuple(min(1.0, part * light) for part in color)
        axes.add_patch(Polygon(corners, facecolor=face, edgecolor="white", linewidth=0.6))
    middle = x + width / 2
    shape = "×".join(map(str, block.output))
    if upright:
        axes.text(middle, floor, f"{block.label}  {shape}", rotation=90, ha="center", va="top", fontsize=8)
    else:
        axes.text(middle, floor, f"{block.label}\n{shape}", ha="center", va="top", fontsize=9)
    if block.note:
        axes.text(middle + slant, high + slant + 3, block.note, ha="center", va="bottom", fontsize=7)


def _legend(axes: Any, blocks: Sequence[Block], title: str, top: float) -> None:
    from matplotlib.patches import Patch

    shown = [kind for kind in _COLORS if any(block.kind == kind for block in blocks)]
    axes.legend(
        handles=[Patch(facecolor=_COLORS[kind], label=kind) for kind in shown],
        loc="upper right",
        ncols=len(shown),
        frameon=False,
        fontsize=8,
    )
    axes.text(-8, top - 8, title, ha="left", va="top", fontsize=13, fontweight="bold")
