"""Draw a data set to try segmentation with: discs, boxes and triangles on a noisy ground.

    python make_shapes.py shapes --pictures 60 --size 160

writes `shapes/train`, `shapes/val` and `shapes/test` with images/, masks/ and classes.txt.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("ground", "disc", "box", "triangle")
IGNORED = 255


def draw(random: np.random.Generator, size: int) -> tuple[Image.Image, Image.Image]:
    """One picture and its mask; the outline of every shape belongs to no class."""
    ground = random.integers(60, 200, 3)
    noise = random.normal(0, 12, (size, size, 3))
    picture = Image.fromarray((ground + noise).clip(0, 255).astype(np.uint8))
    mask = Image.new("L", (size, size), 0)
    for _ in range(random.integers(1, 4)):
        number = int(random.integers(1, len(CLASSES)))
        side = int(random.integers(size // 4, size // 2))
        left, top = (int(it) for it in random.integers(0, size - side, 2))
        color = tuple(int(it) for it in random.integers(0, 256, 3))
        box = (left, top, left + side, top + side)
        corners = [(left, top + side), (left + side, top + side), (left + side // 2, top)]
        for image, fill, edge in ((picture, color, color), (mask, number, IGNORED)):
            pen = ImageDraw.Draw(image)
            if CLASSES[number] == "disc":
                pen.ellipse(box, fill, edge)
            elif CLASSES[number] == "box":
                pen.rectangle(box, fill, edge)
            else:
                pen.polygon(corners, fill, edge)
    return picture, mask


def write(folder: Path, pictures: int, size: int, seed: int = 0) -> None:
    """Write a whole data set: `pictures` to learn from, a quarter of that in val and in test."""
    random = np.random.default_rng(seed)
    for split, count in (("train", pictures), ("val", pictures // 4), ("test", pictures // 4)):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
        for number in range(max(count, 1)):
            picture, mask = draw(random, size)
            picture.save(folder / split / "images" / f"{number:03}.png")
            mask.save(folder / split / "masks" / f"{number:03}.png")
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write(given.folder, given.pictures, given.size, given.seed)
