"""A network drawn as a row of blocks, as in lectures: height is the map's size, width its channels.

Both by their square roots, so that a 7×7 map of 512 channels can be seen beside one of 224×224.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    if kind == "pooling" and all(set(row.kernel or ()) == {1} for row in windows):
        return None  # an adaptive pooling of a map that has its size already
    sizes = sorted({_window_text(row) for row in windows if row.category == "convolution"})
    note = _window_text(windows[0]) if len(windows) == 1 else " ".join(sizes[:3])
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


def _window_text(row: LayerRow) -> str:
    assert row.kernel is not None
    assert row.stride is not None
    if row.category == "pooling" and row.jump is None:
        return "global"
    size = "×".join(map(str, row.kernel))
    return f"{size} /{max(row.stride)}" if max(row.stride) > 1 else size


def _figure(blocks: Sequence[Block], title: str) -> Any:
    from matplotlib.figure import Figure

    upright = len(blocks) > 12
    places: list[float] = []
    x = 0.0
    for block in blocks:
        places.append(x)
        x += max(_thickness(block) + _slant(block) + _GAP, 12.0 if upright else 60.0)
    per_inch = max(_PER_INCH, x / _WIDEST_INCHES)
    letters = max(len(_caption(block, "  ")) for block in blocks)
    below = per_inch * (letters * _LETTER_INCHES if upright else 0.5)
    tallest = max(_height(block) for block in blocks)
    top, bottom = tallest * (0.5 + _SLANT) + 0.75 * per_inch, -tallest / 2 - below - 12
    figure = Figure(figsize=((x + 24) / per_inch, (top - bottom) / per_inch))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-16, x + 8)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.axis("off")
    for block, place in zip(blocks, places, strict=True):
        _draw_block(axes, block, place, -tallest / 2 - 8, upright)
    _legend(axes, blocks, title, top)
    return figure


def _caption(block: Block, between: str) -> str:
    return f"{block.label}{between}{'×'.join(map(str, block.output))}"


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
    right, back = x + width, slant
    faces = (
        ([(x, low), (right, low), (right, high), (x, high)], 1.0),
        ([(x, high), (right, high), (right + back, high + back), (x + back, high + back)], 1.25),
        ([(right, low), (right + back, low + back), (right + back, high + back), (right, high)], 0.75),
    )  # fmt: skip
    for corners, light in faces:
        face = tuple(min(1.0, part * light) for part in color)
        axes.add_patch(Polygon(corners, facecolor=face, edgecolor="white", linewidth=0.6))
    middle = x + width / 2
    caption = _caption(block, "  " if upright else "\n")
    turn = 90 if upright else 0
    axes.text(middle, floor, caption, rotation=turn, ha="center", va="top", fontsize=9)
    if block.note:
        axes.text(
            middle + slant, high + slant + 3, block.note, ha="center", va="bottom", fontsize=7
        )


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
