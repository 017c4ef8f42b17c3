"""Drawings of networks: which blocks there are, and the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from cnntasks.backbones.arithmetic import build_shapes, describe_network
from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.drawing import Block, blocks_of, check_suffix, draw_network
from cnntasks.errors import InputError, UsageError

SMALL = nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 5)
)


def blocks(name: str, shape: tuple[int, ...]) -> list[Block]:
    network = build_shapes(lambda: create_classifier(name, in_channels=shape[0]))
    return blocks_of(describe_network(network, shape))


def test_a_block_for_each_layer_that_changes_sizes() -> None:
    assert blocks_of(describe_network(SMALL, (3, 8, 8))) == [
        Block("0", "convolution", (8, 6, 6), "3×3"),
        Block("2", "pooling", (8, 3, 3), "2×2 /2"),
        Block("4", "fully connected", (5,), ""),
    ]


def test_lenet5_is_drawn_as_in_the_paper() -> None:
    found = blocks("lenet5", (1, 32, 32))
    assert [block.label for block in found] == ["c1", "s2", "c3", "s4", "c5", "embed", "output"]
    assert [block.kind for block in found] == [
        *("convolution", "pooling", "convolution", "pooling", "convolution"),
        *("fully connected", "fully connected"),
    ]


def test_vgg16_has_its_sixteen_layers_and_five_poolings() -> None:
    kinds = [block.kind for block in blocks("vgg16", (3, 224, 224))]
    assert [kinds.count(k) for k in ("convolution", "pooling", "fully connected")] == [13, 5, 3]


def test_residual_blocks_are_drawn_as_one() -> None:
    found = blocks("resnet50", (3, 224, 224))
    residual = [block for block in found if block.kind == "residual block"]
    assert len(residual) == 3 + 4 + 6 + 3
    assert residual[3] == Block("layer2.0", "residual block", (512, 28, 28), "1×1 3×3 /2")
    assert found[-2].note == "global"


def test_parallel_branches_are_drawn_as_one() -> None:
    found = blocks("googlenet", (3, 224, 224))
    labels = [block.label for block in found if block.kind == "parallel branches"]
    assert labels == [
        f"inception{name}" for name in ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    ]


def test_a_deep_network_is_drawn_coarsely() -> None:
    network = nn.Sequential(*(nn.Sequential(*(nn.Conv1d(1, 1, 1),) * 9) for _ in range(9)))
    rows = describe_network(network, (1, 4))
    assert [block.label for block in blocks_of(rows, most=40)] == [str(n) for n in range(9)]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_file_is_of_its_kind(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"small{suffix}"
    draw_network(describe_network(SMALL, (3, 8, 8)), (3, 8, 8), path, title="small")
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(start)
    assert [it.name for it in path.parent.iterdir()] == [path.name]


def test_each_kind_of_block_has_its_colour(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    draw_network(describe_network(SMALL, (3, 8, 8)), (3, 8, 8), path)
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    colours = {tuple(pixel) for pixel in np.unique(pixels, axis=0).tolist()}
    assert {(0x4C, 0x78, 0xA8), (0xF5, 0x85, 0x18), (0x54, 0xA2, 0x4B)} <= colours
    assert (0x72, 0xB7, 0xB2) not in colours  # there is no residual block


def test_the_text_of_a_drawing_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "small.svg"
    draw_network(describe_network(SMALL, (3, 8, 8)), (3, 8, 8), path, title="a small net")
    drawn = path.read_text(encoding="utf-8")
    assert all(text in drawn for text in ("a small net", "8×6×6", "2×2 /2", "fully connected"))


def test_other_suffixes_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"net\.gif: a drawing must end in \.png, \.svg, \.pdf"):
        check_suffix(Path("net.gif"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written .*choose another place"):
        draw_network(describe_network(SMALL, (3, 8, 8)), (3, 8, 8), tmp_path / "file" / "a.png")
