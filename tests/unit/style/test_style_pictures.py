"""Reading content and style pictures of every kind, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cnntasks_style.metadata import read_metadata, srgb_profile
from cnntasks_style.pictures import read_picture, result_size, scaled_size
from PIL import ExifTags, Image, ImageCms

from cnntasks import InputError

ORIENTATION = ExifTags.Base.Orientation


def gradient(width: int = 40, height: int = 24) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.dstack([x, y, np.full_like(x, 60)]).round().astype(np.uint8))


def test_a_file_is_read_with_its_checksum(tmp_path: Path) -> None:
    gradient().save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png")
    assert found.name == str(tmp_path / "a.png")
    assert found.size == (40, 24)
    assert found.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    np.testing.assert_array_equal(found.pixels, np.asarray(gradient()))
    np.testing.assert_allclose(found.values * 255, found.pixels, atol=1e-4)
    assert found.alpha is None
    assert read_picture(found) is found


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_a_turned_picture_is_upright(suffix: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90 degrees clockwise
    gradient().save(tmp_path / f"a.{suffix}", exif=exif, lossless=True)
    found = read_picture(tmp_path / f"a.{suffix}")
    assert found.size == (24, 40)
    np.testing.assert_array_equal(found.pixels, np.rot90(np.asarray(gradient()), -1))


def test_transparency_lies_over_white_and_is_kept(tmp_path: Path) -> None:
    rgba = np.asarray(gradient().convert("RGBA")).copy()
    rgba[:, :20, 3] = 0
    rgba[:, 20:30, 3] = 128
    exif = Image.Exif()
    exif[ORIENTATION] = 3  # upside down
    Image.fromarray(rgba).save(tmp_path / "a.png", exif=exif)
    found = read_picture(tmp_path / "a.png")
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, rgba[::-1, ::-1, 3])
    assert (found.pixels[:, 20:] == 255).all()
    mixed = rgba[::-1, ::-1, :3] * (128 / 255) + 255 * (1 - 128 / 255)
    np.testing.assert_allclose(found.pixels[:, 10:20], mixed[:, 10:20], atol=1)
    half = found.resized(20, 12)
    assert half.alpha is not None
    assert half.alpha.shape == (12, 20)


def test_an_opaque_alpha_channel_is_none(tmp_path: Path) -> None:
    gradient().convert("RGBA").save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").alpha is None


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    grey = gradient().convert("L")
    image = (
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        if mode == "I;16"
        else grey.convert(mode)
    )
    image.save(tmp_path / "a.tif")
    found = read_picture(tmp_path / "a.tif").pixels
    assert found.shape == (24, 40, 3)
    tolerance = 255 if mode == "1" else 2  # dithered
    np.testing.assert_allclose(found[..., 1].astype(int), np.asarray(grey), atol=tolerance)


def wide_profile() -> bytes:
    """sRGB's profile with its red and green primaries exchanged: a space that differs visibly."""
    data = bytearray(srgb_profile())
    tags = {}
    for index in range(int.from_bytes(data[128:132], "big")):
        entry = 132 + 12 * index
        tags[bytes(data[entry : entry + 4])] = entry + 4
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_icc_profile_is_converted_to_srgb(mode: str, tmp_path: Path) -> None:
    image = Image.new(mode, (20, 20), (200, 30, 30, 100)[: len(mode)])
    image.save(tmp_path / "a.png", icc_profile=wide_profile())
    found = read_picture(tmp_path / "a.png")
    # What the file calls red is green there.
    assert found.pixels[0, 0, 1] > found.pixels[0, 0, 0]
    assert found.metadata.profile == srgb_profile()
    if mode == "RGBA":
        assert found.alpha is not None
        assert (found.alpha == 100).all()
    gradient().save(tmp_path / "b.png", icc_profile=srgb_profile())
    same = read_picture(tmp_path / "b.png").pixels.astype(int)
    np.testing.assert_allclose(same, np.asarray(gradient()), atol=1)


def test_a_broken_profile_is_passed_over(tmp_path: Path) -> None:
    gradient().save(tmp_path / "a.png", icc_profile=b"no profile at all")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, np.asarray(gradient()))


def test_the_profile_is_srgb() -> None:
    import io

    profile = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    assert "sRGB" in ImageCms.getProfileName(profile)


@pytest.mark.parametrize(
    "value",
    [
        np.asarray(gradient()),
        np.asarray(gradient(), np.float32) / 255,
        np.asarray(gradient(), np.float64) / 255,
        gradient(),
    ],
    ids=["uint8", "float32", "float64", "pillow"],
)
def test_values_from_memory(value: Any) -> None:
    found = read_picture(value)
    np.testing.assert_array_equal(found.pixels, np.asarray(gradient()))
    assert found.sha256 == ""


def test_arrays_with_an_alpha_channel_and_bytes(tmp_path: Path) -> None:
    rgba = np.asarray(gradient().convert("RGBA")).copy()
    rgba[0, 0, 3] = 0
    found = read_picture(rgba)
    assert found.alpha is not None
    assert tuple(found.pixels[0, 0]) == (255, 255, 255)
    gradient().save(tmp_path / "a.png")
    read = read_picture((tmp_path / "a.png").read_bytes())
    np.testing.assert_array_equal(read.pixels, np.asarray(gradient()))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.full((20, 20, 3), 1.5), "floats outside 0 to 1"),
        (np.full((20, 20, 3), np.nan), "floats outside 0 to 1"),
        (np.zeros((20, 20, 2), np.uint8), "array of shape 20x20x2 is no picture"),
        (np.zeros((20, 20), np.int64), "int64 is no picture"),
        (3, "int is no picture"),
        (b"", "the file is empty"),
        (np.zeros((1, 1, 3), np.uint8), "1x1 pixels are too few"),
    ],
    ids=str,
)
def test_values_that_are_no_picture(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_picture(value)


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    gradient().save(tmp_path / "cut.png")
    cut = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(cut[: len(cut) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    for name, message in {
        "cut.png": "damaged or cut short",
        "text.jpg": "not a picture",
        "empty.jpg": "the file is empty",
        "missing.jpg": "no such file; check the spelling",
        "dot.png": "1x1 pixels are too few for a style transfer, which needs 16 on each side",
        ".": "is a folder; name one picture in it",
        "a\0b.png": "cannot be read",
    }.items():
        with pytest.raises(InputError) as caught:
            read_picture(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_the_result_has_the_contents_shape() -> None:
    content = read_picture(np.zeros((683, 1024, 3), np.uint8))
    assert result_size(content, 512) == (512, 342)
    assert result_size(content, 2048) == (2048, 1366)  # enlarged
    assert content.resized(512, 342).size == (512, 342)
    assert content.resized(1024, 683) is content
    assert scaled_size(3, 1000, 10) == (1, 10)


def test_an_extreme_shape_is_refused_with_a_size_that_would_do() -> None:
    strip = read_picture(np.zeros((20, 900, 3), np.uint8))
    with pytest.raises(InputError, match=r"array: 900x20 pixels would become 512x11.*--size 720"):
        result_size(strip, 512)
    assert min(result_size(strip, 720)) == 16
    with pytest.raises(InputError, match=r"256x6.*--size 1440"):
        result_size(strip, 512, 0.5)
    assert min(result_size(strip, 1440, 0.5)) == 16


def test_broken_exif_data_cost_no_picture(tmp_path: Path) -> None:
    gradient().save(tmp_path / "a.webp", exif=b"Exif\0\0MM\0*\0\0\0\xff nothing", lossless=True)
    found = read_picture(tmp_path / "a.webp")
    assert found.size == (40, 24)
    assert found.metadata.exif == b""


def test_metadata_without_what_describes_the_old_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    exif[ExifTags.Base.ImageWidth] = 40
    exif[ExifTags.Base.Artist] = "Vincent"
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: "1889:06:01 00:00:00",
        ExifTags.Base.ExifImageWidth: 40,
        ExifTags.Base.MakerNote: b"offsets",
    }
    xmp = b'<rdf:Description tiff:Orientation="8"/>'
    gradient().save(tmp_path / "a.jpg", exif=exif, xmp=xmp)
    with Image.open(tmp_path / "a.jpg") as image:
        found = read_metadata(image)
    kept = Image.Exif()
    kept.load(found.exif)
    assert kept[ExifTags.Base.Artist] == "Vincent"
    assert ORIENTATION not in kept
    assert ExifTags.Base.ImageWidth not in kept
    inner = kept.get_ifd(ExifTags.IFD.Exif)
    assert inner == {ExifTags.Base.DateTimeOriginal: "1889:06:01 00:00:00"}
    assert found.xmp == b'<rdf:Description tiff:Orientation="1"/>'
    assert found.profile == b""
