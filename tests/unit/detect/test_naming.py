"""One name for one picture, inside the folder that it is written to."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from cnntasks_detect.exports import YoloWriter
from cnntasks_detect.naming import Names


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.jpg", "a"),
        ("holiday/a.b.jpg", "holiday/a.b"),
        ("no-suffix", "no-suffix"),
        ("../../a.jpg", "a"),
        ("/a.jpg", "a"),
        ("x/../a.jpg", "x/a"),
    ],
)
def test_a_stem_lies_inside_the_folder(name: str, stem: str) -> None:
    assert Names().stem(name) == Names().stem(PurePosixPath(name)) == stem


def test_no_other_picture_gets_a_name_that_was_given() -> None:
    names = Names()
    given = ["a.jpg", "a.png", "b/a.jpg", "a.jpg"]
    assert [names.stem(name) for name in given] == ["a", "a.png", "b/a", "a"]


def test_label_files_have_the_names_of_the_pictures(tmp_path: Path) -> None:
    writer, names = YoloWriter(tmp_path, ["cat"]), Names()
    nothing = np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)
    for name in ("a.jpg", "a.png", "../b/c.jpg"):
        writer.write(name, 10, 10, *nothing)
        assert (tmp_path / "labels" / f"{names.stem(name)}.txt").read_text() == ""
