"""A transfer without torch, for tests of `cnntasks style`: it fades the content to the style."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_style.settings import StyleSettings
from detect_runs import Shown
from numpy.typing import NDArray
from PIL import Image

from cnntasks import ModelCard, UsageError
from cnntasks.cli.root import main

#: Where the fixture `style` puts its pictures and masks.
GIVEN = ["castle.png", "night.png", "sky.png", "swirl.png"]
LAYERS = ("stem", "b0", "b2")
CARD = ModelCard(
    name="style-toy",
    task="style",
    network={"name": "toy"},
    defaults={
        "iterations": 10,
        "style_weight": 30.0,
        "content_weight": 1.0,
        "tv_weight": 0.5,
        "style_layers": ["stem", "b2"],
        "content_layers": ["b2"],
        "init": "content",
        "optimizer": "lbfgs",
    },
)


@dataclass
class Step:
    """As the real transfer yields them."""

    iteration: int
    total: int
    scale_size: tuple[int, int]
    losses: dict[str, float]
    picture: Callable[[], NDArray[np.float32]]


@dataclass
class Plan:
    """As the real transfer returns it."""

    sizes: list[tuple[int, int]]
    iterations: list[int]
    bytes: int
    seconds: float | None


@dataclass
class ToyTransfer:
    """Two scales; after the last iteration a mixture of content, mean style colour and noise.

    Attributes:
        during: called with each iteration's number before it is over.
        bytes_per_pixel: that `plan` reckons with.
        loaded: how `cnntasks.load` was called.
        asked: how `iterate` was called.
    """

    card: ModelCard = CARD
    during: Callable[[int], None] = lambda number: None
    bytes_per_pixel: float = 1000.0
    loaded: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)

    def plan(
        self, width: int, height: int, styles: list[tuple[int, int]], settings: StyleSettings
    ) -> Plan:
        for name in (*(settings.style_layers or ()), *(settings.content_layers or ())):
            if name not in LAYERS:
                raise UsageError(f"no layer {name!r}; the layers are {', '.join(LAYERS)}")
        total = settings.iterations
        assert total is not None
        need = round(self.bytes_per_pixel * width * height)
        sizes = [(width // 2, height // 2), (width, height)]
        return Plan(sizes, [total // 2, total - total // 2], need, total * 0.5)

    def iterate(self, content: Any, style: Any, **options: Any) -> Iterator[Step]:
        self.asked = {"content": content, "style": style, **options}
        masks = options.pop("content_masks"), options.pop("style_masks")
        settings = StyleSettings(**options)
        height, width = content.shape[:2]
        plan = self.plan(width, height, [it.shape[1::-1] for it in style], settings)
        noise = np.random.default_rng(settings.seed).uniform(-0.1, 0.1, content.shape)
        colour = np.mean([it.reshape(-1, 3).mean(axis=0) for it in style], axis=0) / 255
        amount = masks[0][0].mean() if masks[0] else 1.0
        number, total = 0, sum(plan.iterations)
        for size, count in zip(plan.sizes, plan.iterations, strict=True):
            for _ in range(count):
                number += 1
                self.during(number)
                part = amount * number / total

                def picture(size: tuple[int, int] = size, part: float = part) -> Any:
                    whole = np.clip((1 - part) * content / 255 + part * (colour + noise), 0, 1)
                    image = Image.fromarray(np.rint(whole * 255).astype(np.uint8)).resize(size)
                    return np.asarray(image, np.float32) / 255

                losses = {"style": 10.0 / number, "content": number / 100}
                yield Step(number, total, size, losses, picture)


class Style:
    """`style(*args)` runs `cnntasks style ARGS` with the toy `toy` in the folder `folder`."""

    def __init__(self, folder: Path, toy: ToyTransfer, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.toy, self._capfd = folder, toy, capfd

    def __call__(self, *args: str | Path) -> Shown:
        self._capfd.readouterr()
        status = main(["style", *map(str, args)])
        shown = self._capfd.readouterr()
        return Shown(status, shown.out, shown.err)


def write_given() -> None:
    """Write the pictures and masks into the current folder; a mask is white in its upper half."""
    x, y = np.meshgrid(np.linspace(0, 255, 96), np.linspace(0, 255, 64))
    Image.fromarray(np.dstack([x, y, x]).astype(np.uint8)).save("castle.png")
    Image.new("RGB", (80, 60), (20, 40, 160)).save("night.png")
    for name, (width, height) in (("sky.png", (96, 64)), ("swirl.png", (80, 60))):
        mask = np.zeros((height, width), np.uint8)
        mask[: height // 2] = 255
        Image.fromarray(mask).save(name)


def size_of(path: str) -> tuple[int, int]:
    """Width and height of a picture file."""
    with Image.open(path) as image:
        return image.size
