"""Data sets: which folders are recognised, what a mask may hold, and what checking finds."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from cnntasks_segment.check import check_masks
from cnntasks_segment.data import FORMATS, hold_out, read_mask
from PIL import Image
from segment_shapes import write_shapes

import cnntasks


def write_flat(folder: Path, names: str = "a b c", classes: str = "sky\nland\n") -> Path:
    """Pictures and masks without splits; the mask of each has a third of each class and none."""
    for place, name in enumerate(names.split()):
        cnntasks.write_image(folder / "images" / f"{name}.png", np.full((6, 9, 3), place, np.uint8))
        mask = np.repeat([0, 1, 255], 3).astype(np.uint8)
        cnntasks.write_image(folder / "masks" / f"{name}.png", np.tile(mask, (6, 1)))
    (folder / "classes.txt").write_text(classes)
    return folder


def test_folders_of_splits_and_of_everything(tmp_path: Path) -> None:
    shapes = write_shapes(tmp_path / "shapes")
    assert FORMATS.available_splits(shapes) == ["train", "val", "test"]
    [part] = FORMATS.read(shapes, "train")
    assert part.classes == ("ground", "disc", "box", "triangle")
    assert [it.name for it in part.examples] == ["000.png", "001.png", "002.png", "003.png"]
    flat = write_flat(tmp_path / "flat")
    assert FORMATS.available_splits(flat) == ["all"]
    inner = tmp_path / "inner"
    for split in ("training", "validation"):
        for kind in ("images", "masks"):
            (inner / kind / split).mkdir(parents=True)
            shutil.copy(flat / kind / "a.png", inner / kind / split)
    (inner / "classes.txt").write_text("sky\nland\n")
    assert FORMATS.available_splits(inner) == ["train", "val"]


def test_what_is_no_data_set_is_told_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(cnntasks.InputError, match=r"images/ and masks/"):
        FORMATS.read(tmp_path)
    (tmp_path / "masks").mkdir()
    with pytest.raises(cnntasks.InputError, match=r"classes.txt: cannot be read"):
        FORMATS.read(tmp_path)


@pytest.mark.parametrize(
    ("classes", "message"),
    [("sky\n", "it has 1 classes"), ("sky\nland\nsky\n", "'sky' is there twice")],
)
def test_the_names_of_classes_are_checked(classes: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(cnntasks.InputError, match=message):
        FORMATS.read(write_flat(tmp_path, classes=classes))


def test_masks_are_numbers_however_a_png_holds_them(tmp_path: Path) -> None:
    numbers = np.array([[0, 1], [2, 255]], np.uint8)
    grey, palette, deep = (tmp_path / f"{name}.png" for name in ("grey", "palette", "deep"))
    Image.fromarray(numbers).save(grey)
    indexed = Image.fromarray(numbers).convert("P")
    indexed.putpalette([level for number in range(256) for level in (number, 0, 255)])
    indexed.save(palette)
    Image.fromarray(numbers.astype(np.uint16)).save(deep)
    for path in (grey, palette, deep):
        np.testing.assert_array_equal(read_mask(path), numbers, err_msg=path.name)
    Image.new("RGB", (2, 2)).save(grey)
    with pytest.raises(cnntasks.InputError, match="picture of mode RGB"):
        read_mask(grey)
    Image.fromarray(np.full((2, 2), 300, np.uint16)).save(deep)
    with pytest.raises(cnntasks.InputError, match="numbers up to 300"):
        read_mask(deep)
    deep.write_bytes(b"nothing")
    with pytest.raises(cnntasks.InputError, match="cannot be read"):
        read_mask(deep)


def test_a_number_that_is_no_class_is_refused(tmp_path: Path) -> None:
    [part] = FORMATS.read(write_flat(tmp_path))
    path = part.examples[0].mask
    Image.fromarray(np.full((6, 9), 7, np.uint8)).save(path)
    with pytest.raises(cnntasks.InputError, match=r"class numbers 7, but .* has 2 classes"):
        part.examples[0].load_mask(2)


def test_holding_out_is_the_same_for_a_seed(tmp_path: Path) -> None:
    [part] = FORMATS.read(write_flat(tmp_path, "a b c d e f g h"))
    kept, held = hold_out(part.examples, 0.25, 3)
    assert (len(kept), len(held)) == (6, 2)
    assert not {it.name for it in kept} & {it.name for it in held}
    assert hold_out(part.examples, 0.25, 3) == (kept, held)
    assert hold_out(part.examples, 0.25, 4) != (kept, held)


def test_checking_finds_what_is_wrong(tmp_path: Path) -> None:
    folder = write_flat(tmp_path / "set", "a b c d")
    (folder / "masks" / "a.png").unlink()
    (folder / "images" / "b.png").unlink()
    cnntasks.write_image(folder / "images" / "c.png", np.zeros((7, 9, 3), np.uint8))
    report = check_masks(folder)
    told = [(it.severity, Path(it.where).name, it.message[:22]) for it in report.findings]
    assert told == [
        ("error", "c.png", "it has 9x6 pixels, its"),
        ("warning", "a.png", "it has no mask of its "),
        ("warning", "b.png", "it has no picture of i"),
    ]
    assert report.summary["pictures"] == 2
    assert report.table[0] == {"class": "sky", "split": "all", "pictures": 2, "share": 0.5}


def test_checking_finds_masks_without_classes_and_classes_without_masks(tmp_path: Path) -> None:
    folder = write_flat(tmp_path / "set", "a b", "sky\nland\nsea\n")
    Image.fromarray(np.full((6, 9), 255, np.uint8)).save(folder / "masks" / "b.png")
    (folder / "images" / "a.png").write_bytes(b"nothing")
    told = {Path(it.where).name: it.message for it in check_masks(folder).findings}
    assert "not a picture in a known format" in told["a.png"]
    assert "none of its pixels belongs to a class" in told["b.png"]
    assert "no pixel belongs to the class" in told["set:all"]
