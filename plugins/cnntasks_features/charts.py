"""The picture of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnntasks_features.machines import Measured

_COLORS = ("#9aa5b1", "#4c78a8", "#e4572e")


def draw_comparison(measured: Sequence[Measured], title: str, path: Path) -> None:
    """Error, time and size of each classifier as bars, written as PNG.

    Errors stand beside each other from 0; times and sizes on logarithmic scales.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.2), layout="constrained", dpi=110)
    figure.suptitle(title, fontsize="medium", parse_math=False)
    panels = (
        (
            "test error, %",
            [100 * (1 - it.accuracy) for it in measured],
            False,
            "{:.2f}",
        ),
        ("training, seconds", [it.train_seconds for it in measured], True, "{:.1f}"),
        ("one picture, milliseconds", [it.picture_ms for it in measured], True, "{:.2f}"),
        ("model, kB", [it.kilobytes for it in measured], True, "{:.0f}"),
    )
    names = [it.method for it in measured]
    places = range(len(measured))
    for number, (label, values, logarithmic, style) in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), number)
        colors = [_COLORS[place % len(_COLORS)] for place in places]
        axes.bar(places, values, color=colors, width=0.65)
        if logarithmic:
            axes.set_yscale("log")
            least, most = min(values), max(values)
            axes.set_ylim(max(least, 1e-6) / 4, max(most, 1e-6) * 3)
        else:
            axes.set_ylim(0, max(max(values) * 1.2, 1e-3))
        for place, value in zip(places, values, strict=True):
            axes.annotate(style.format(value), (place, value), (0, 3), ha="center",
                          textcoords="offset points", fontsize="small")  # fmt: skip
        axes.set_title(label, fontsize="small")
        axes.set_xticks(places, names, rotation=30, ha="right", fontsize="small", parse_math=False)
        axes.tick_params(axis="y", labelsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png")
