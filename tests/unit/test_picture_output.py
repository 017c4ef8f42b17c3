"""Pictures that a verb makes: where they go, and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from cnntasks import MadePicture, PictureOutput, Source, UsageError

MADE = MadePicture(
    np.full((2, 3, 3), 7, np.uint8),
    {"answers": np.zeros((4, 5))},
    {"method": "sobel", "sizes": [1, 2], "best": {"name": "cat", "score": 0.5},
     "classes": [{"name": "a"}, {"name": "b"}], "masks": [[0]]},
)  # fmt: skip


def test_a_picture_lies_beside_its_arrays_in_the_subfolder_of_its_input(tmp_path: Path) -> None:
    output = PictureOutput(tmp_path, save_array=True)
    source = Source("in/animals/cat.jpg", PurePosixPath("animals/cat.jpg"), bytes)
    path = output.path("sobel.features.png", source)
    assert path == tmp_path / "animals" / "cat.sobel.features.png"
    output.write(path, MADE)
    with Image.open(path) as picture:
        assert picture.size == (3, 2)
    with np.load(path.with_suffix(".npz")) as arrays:
        assert arrays["answers"].shape == (4, 5)


def test_without_an_input_the_name_is_given() -> None:
    assert PictureOutput(None).path("cam.png", None, "resnet18") == Path("resnet18.cam.png")


def test_one_file_is_for_one_picture(tmp_path: Path) -> None:
    output = PictureOutput(tmp_path / "one.PNG")
    output.check(1)
    assert output.path("cam.png", None, "net") == tmp_path / "one.PNG"
    with pytest.raises(UsageError, match=r"one.PNG is one picture; for several name a folder"):
        output.check(2)
    PictureOutput(tmp_path / "folder").check(2)


def test_text_tells_all_but_what_is_for_json_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    PictureOutput(None).write(path, MADE, left_out=("masks",))
    assert capsys.readouterr().out.splitlines() == [
        "method: sobel",
        "sizes: 1 2",
        "best: name cat score 0.5",
        "classes: ",
        "  name a",
        "  name b",
        f"picture: {path}",
    ]
    assert not path.with_suffix(".npz").exists()


def test_json_is_a_line_with_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.png"
    PictureOutput(None, style="json").write(path, MADE, left_out=("masks",))
    assert json.loads(capsys.readouterr().out) == {
        **MADE.summary,
        "arrays": {"answers": [4, 5]},
        "picture": str(path),
    }
