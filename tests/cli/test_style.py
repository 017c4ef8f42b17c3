"""`cnntasks style` around a toy transfer: files in, files out, settings and their record."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from detect_runs import SAMPLES, files
from PIL import Image
from style_runs import GIVEN, Style, size_of


def test_a_picture_and_the_record_of_it(style: Style) -> None:
    shown = style("castle.png", "night.png", "--size", "48")
    assert (shown.status, shown.out) == (0, "")
    said, wrote = shown.err.splitlines()
    assert said == (
        "style-toy on cpu: castle.png (96x64) in the style of night.png; iterations: 5 at 24x16, "
        "5 at 48x32; about 2 MB of memory, 5 s"
    )
    assert wrote.startswith("picture: castle.style.png (48x32, 10 iterations in ")
    assert wrote.endswith("; settings and losses: castle.style.json")
    assert files(style.folder) == sorted([*GIVEN, "castle.style.json", "castle.style.png"])
    with Image.open("castle.style.png") as image:
        assert image.size == (48, 32)
        # The sky is blue now.
        assert np.asarray(image)[..., 2].mean() > 140
    assert style.toy.loaded == {"task": "style", "model": None, "device": "auto", "offline": False}


def test_the_record_tells_everything(style: Style) -> None:
    assert style("castle.png", "night.png", "--size", "48", "--style-weight", "7").status == 0
    record = json.loads(Path("castle.style.json").read_text())
    assert record["settings"]["style_weight"] == 7
    assert record["settings"]["tv_weight"] == 0.5  # the card's
    assert record["settings"]["style_layers"] == ["stem", "b2"]
    assert record["model"] == "style-toy"
    assert [it["name"] for it in (*record["content"], *record["styles"])] == GIVEN[:2]
    assert all(len(it["sha256"]) == 64 for it in (*record["content"], *record["styles"]))
    assert record["picture"] == {"name": "castle.style.png", "width": 48, "height": 32}
    assert (record["iterations_done"], record["interrupted"]) == (10, False)
    assert len(record["losses"]) == 10
    assert record["losses"][-1] == {
        "iteration": 10,
        "scale": [48, 32],
        "losses": {"style": 1.0, "content": 0.1},
    }
    assert {"cnntasks", "torch", "numpy", "pillow", "python"} <= record["versions"].keys()


def test_every_option_reaches_the_transfer(style: Style) -> None:
    options = {
        "size": ("64", 64),
        "iterations": ("4", 4),
        "style-weight": ("2.5", 2.5),
        "content-weight": ("3", 3.0),
        "tv-weight": ("0", 0.0),
        "style-layers": ("stem, b0", ("stem", "b0")),
        "content-layers": ("b0", ("b0",)),
        "layer-weights": ("1,0.5", (1.0, 0.5)),
        "style-blend": ("3,1", (0.75, 0.25)),
        "style-scale": ("0.5", 0.5),
        "init": ("noise", "noise"),
        "optimizer": ("adam", "adam"),
        "preserve-color": ("histogram", "histogram"),
        "seed": ("11", 11),
        "preview-every": ("0", 0),
    }
    words = [word for name, (text, _) in options.items() for word in (f"--{name}", text)]
    shown = style("castle.png", "night.png", "castle.png", "-o", "a.png", *words,
                  "--model", "vgg19", "--device", "cuda", "--offline")  # fmt: skip
    assert shown.status == 0, shown.err
    for name, (_, value) in options.items():
        assert style.toy.asked[name.replace("-", "_")] == value
    assert style.toy.asked["content"].shape == (43, 64, 3)
    assert [it.shape for it in style.toy.asked["style"]] == [(60, 80, 3), (64, 96, 3)]
    assert style.toy.loaded == {
        "task": "style", "model": "vgg19", "device": "cuda", "offline": True}  # fmt: skip


def test_settings_make_the_same_picture_again(style: Style) -> None:
    assert style("castle.png", "night.png", "--size", "48", "--seed", "5", "-o", "a.png",
                 "--iterations", "4").status == 0  # fmt: skip
    shown = style("--settings", "a.json", "-o", "b.png")
    assert shown.status == 0
    assert "the same picture as recorded, pixel for pixel" in shown.err
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    first, second = (json.loads(Path(f"{it}.json").read_text()) for it in "ab")
    changing = ("picture", "seconds")
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in second.items() if k not in changing
    }


def test_options_override_settings(style: Style) -> None:
    assert (
        style("castle.png", "night.png", "--size", "48", "--seed", "5", "-o", "a.png").status == 0
    )
    shown = style("--settings", "a.json", "--seed", "6", "-o", "b.png")
    assert shown.status == 0
    assert "not pixel for pixel the picture that was recorded" in shown.err
    record = json.loads(Path("b.json").read_text())
    assert (record["settings"]["seed"], record["settings"]["size"]) == (6, 48)


def test_settings_warn_of_other_inputs(style: Style) -> None:
    assert style("castle.png", "night.png", "--size", "48", "-o", "a.png").status == 0
    Image.new("RGB", (80, 60), (200, 40, 0)).save("night.png")
    shown = style("--settings", "a.json", "-o", "b.png", "-q")
    assert shown.status == 0
    [line] = shown.err.splitlines()
    assert line.startswith("warning: night.png: is not the file that was recorded")
    other = style("castle.png", "castle.png", "--settings", "a.json", "-o", "c.png", "-q")
    assert "warning: castle.png: is not the file" in other.err


def test_masks_reach_the_transfer(style: Style) -> None:
    masks = ("--content-mask", "sky.png", "--style-mask", "swirl.png")
    assert style("castle.png", "night.png", "--size", "48", *masks, "-o", "a.png").status == 0
    [content_mask], [style_mask] = (
        style.toy.asked["content_masks"],
        style.toy.asked["style_masks"],
    )
    assert (content_mask.shape, style_mask.shape) == ((64, 96), (60, 80))
    assert content_mask[:32].min() == 1
    assert content_mask[32:].max() == 0
    record = json.loads(Path("a.json").read_text())
    assert [it["name"] for it in record["content_masks"] + record["style_masks"]] == GIVEN[2:]
    assert style("--settings", "a.json", "-o", "b.png").status == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_each_of_several_styles_has_its_masks(style: Style) -> None:
    Image.new("L", (160, 120), 255).save("all.png")
    masks = ("--content-mask", "sky.png", "--content-mask", "all.png",
             "--style-mask", "all.png", "--style-mask", "sky.png")  # fmt: skip
    shown = style("castle.png", "night.png", "castle.png", *masks, "-o", "a.png", "--size", "48")
    assert shown.status == 1
    # The first content mask and the second style mask fit; a mask of 4:3 is none for 3:2.
    assert "all.png: a mask of 160x120 pixels does not fit castle.png" in shown.err
    Image.new("L", (192, 128), 255).save("whole.png")
    masks = ("--content-mask", "sky.png", "--content-mask", "whole.png",
             "--style-mask", "all.png", "--style-mask", "sky.png")  # fmt: skip
    shown = style("castle.png", "night.png", "castle.png", *masks, "-o", "a.png", "--size", "48")
    assert shown.status == 0, shown.err
    assert [it.shape for it in style.toy.asked["style_masks"]] == [(120, 160), (64, 96)]


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_a_transparent_content_gives_a_transparent_result(suffix: str, style: Style) -> None:
    rgba = np.asarray(Image.open("castle.png").convert("RGBA")).copy()
    rgba[:, :48, 3] = 0
    Image.fromarray(rgba).save("cut.png")
    shown = style("cut.png", "night.png", "--size", "96", "-o", f"a.{suffix}")
    assert shown.status == 0
    with Image.open(f"a.{suffix}") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGBA"))[..., 3], rgba[..., 3])


def test_jpeg_says_that_it_has_no_transparency(style: Style) -> None:
    Image.new("RGBA", (40, 40), (0, 0, 0, 9)).save("cut.png")
    shown = style("cut.png", "night.png", "--size", "40", "-o", "a.jpg")
    assert "a.jpg: JPEG has no transparency; it lies over white" in shown.err


def test_a_grey_picture_of_16_bits_and_a_webp(style: Style) -> None:
    grey = np.linspace(0, 65535, 64 * 40).reshape(40, 64).astype(np.uint16)
    Image.fromarray(grey).save("grey.png")
    shown = style("grey.png", SAMPLES / "cat.webp", "--size", "40", "-o", "a.tif")
    assert shown.status == 0, shown.err
    assert size_of("a.tif") == (40, 25)


def test_metadata_go_along(style: Style) -> None:
    exif = Image.Exif()
    exif[274], exif[315] = 6, "Vincent"
    Image.open("castle.png").save("turned.jpg", exif=exif)
    assert style("turned.jpg", "night.png", "--size", "48").status == 0
    with Image.open("turned.style.png") as image:
        assert image.size == (32, 48)
        assert image.getexif()[315] == "Vincent"
        assert image.getexif().get(274, 1) == 1


def test_previews_and_the_comparison(style: Style) -> None:
    words = ("--size", "48", "--preview-every", "3", "--compare", "-o", "a.png")
    shown = style("castle.png", "night.png", *words)
    assert shown.status == 0
    assert "picture: a.png, a.compare.png (48x32" in shown.err
    wanted = ["a.0003.png", "a.0006.png", "a.0009.png", "a.compare.png", "a.json", "a.png"]
    assert files(style.folder) == sorted([*GIVEN, *wanted])
    assert size_of("a.0003.png") == (24, 16)
    assert size_of("a.0006.png") == (48, 32)
    assert size_of("a.compare.png") == (48 + 43 + 48 + 4, 32)


def test_a_preview_that_cannot_be_written_ends_nothing(style: Style) -> None:
    Path("a.0005.png").mkdir()
    shown = style("castle.png", "night.png", "--size", "48", "--preview-every", "5", "-o", "a.png")
    assert shown.status == 0
    assert "warning: a.0005.png: is a folder" in shown.err
    assert size_of("a.png") == (48, 32)


def test_no_file_name_steers_the_terminal(style: Style) -> None:
    Path("castle.png").rename("\x1b[2Jcastle.png")
    shown = style("\x1b[2Jcastle.png", "night.png", "--size", "48")
    assert shown.status == 0
    assert "\x1b" not in shown.err
    assert "castle.style.png" in shown.err


def test_quiet_says_nothing(style: Style) -> None:
    shown = style("castle.png", "night.png", "--size", "48", "-q")
    assert (shown.status, shown.out, shown.err) == (0, "", "")


def test_a_second_run_replaces_the_first(style: Style) -> None:
    for seed in ("1", "2"):
        assert style("castle.png", "night.png", "--size", "48", "--seed", seed).status == 0
    assert json.loads(Path("castle.style.json").read_text())["settings"]["seed"] == 2
