"""Results as files: formats, depth, metadata, and what is found wrong before the work."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from cnntasks_style import writing
from cnntasks_style.metadata import Metadata, srgb_profile
from cnntasks_style.writing import (
    beside,
    check_apart,
    check_output,
    side_by_side,
    to_bytes,
    write_picture,
)
from numpy.typing import NDArray
from PIL import ExifTags, Image

from cnntasks import InputError, UsageError

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def smooth(height: int = 24, width: int = 40) -> NDArray[np.float32]:
    """A picture without edges, so that JPEG changes little."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.dstack([x, y, (x + y) / 2]).astype(np.float32)


def described() -> Metadata:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Vincent"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "1889:06:01 00:00:00"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (43.0, 47.0, 20.0)}
    return Metadata(exif.tobytes(), XMP, srgb_profile())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".tif", ".TIFF"])
def test_every_format_holds_picture_and_metadata(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    write_picture(path, smooth(), metadata=described())
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")) / 255
        tolerance = 0.06 if suffix in (".jpg", ".jpeg", ".webp") else 1 / 255
        assert np.abs(pixels - smooth()).max() <= tolerance
        exif = image.getexif()
        assert exif[ExifTags.Base.Artist] == "Vincent"
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        assert inner[ExifTags.Base.DateTimeOriginal] == "1889:06:01 00:00:00"
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[2] == (43.0, 47.0, 20.0)
        assert image.info["xmp"] == XMP
        assert image.info["icc_profile"] == srgb_profile()
    assert [it.name for it in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_opacity_is_kept_where_the_format_has_it(suffix: str, tmp_path: Path) -> None:
    alpha = np.zeros((24, 40), np.uint8)
    alpha[:, 20:] = 200
    write_picture(tmp_path / f"a{suffix}", smooth(), alpha=alpha)
    with Image.open(tmp_path / f"a{suffix}") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGBA"))[..., 3], alpha)


def test_jpeg_lies_over_white(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", np.zeros((16, 16, 3), np.float32),
                  alpha=np.full((16, 16), 51, np.uint8))  # fmt: skip
    with Image.open(tmp_path / "a.jpg") as image:
        assert np.abs(np.asarray(image).astype(int) - 204).max() <= 1


def test_jpeg_keeps_its_full_colour_resolution(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", smooth())
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # type: ignore[attr-defined]


def samples_of(path: Path) -> NDArray[np.uint16]:
    """The samples of a TIFF file of ours, by the words of the standard."""
    with Image.open(path) as image:
        tags = {int(tag): value for tag, value in image.tag_v2.items()}  # type: ignore[attr-defined]
    assert (tags[259], tags[317], tags[284]) == (8, 2, 1)  # deflate, differences, interleaved
    start, length = tags[273][0], tags[279][0]
    data = zlib.decompress(path.read_bytes()[start : start + length])
    shape = (tags[257], tags[256], tags[277])
    differences = np.frombuffer(data, "<u2").reshape(shape)
    return np.cumsum(differences, axis=1, dtype=np.uint16)


@pytest.mark.parametrize("with_alpha", [False, True])
def test_tiff_has_16_bits(with_alpha: bool, tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 1, (9, 7, 3)).astype(np.float32)
    values[0, :2] = (0, 1, 0.5)
    alpha = np.arange(63, dtype=np.uint8).reshape(9, 7) * 4 if with_alpha else None
    write_picture(tmp_path / "a.tif", values, alpha=alpha)
    samples = samples_of(tmp_path / "a.tif")
    np.testing.assert_allclose(samples[..., :3] / 65535, values, atol=0.51 / 65535)
    assert len(np.unique(samples[..., :3] % 257)) > 50  # no 8 bits spread over 16
    if alpha is not None:
        np.testing.assert_array_equal(samples[..., 3], alpha.astype(np.uint16) * 257)


def test_the_same_picture_is_the_same_file(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
        for path in (first, second):
            write_picture(path, smooth(), metadata=described())
        assert first.read_bytes() == second.read_bytes()


def test_values_beyond_the_range_are_cut() -> None:
    assert to_bytes(np.array([-1, 0, 0.5, 1, 7], np.float32)).tolist() == [0, 0, 128, 255, 255]


def test_what_is_wrong_with_an_output_is_found_before(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "dangling.png").symlink_to("nowhere/x.png")
    cases = {
        "none/a.png": (InputError, f"there is no folder {tmp_path / 'none'}; make it first"),
        "file/a.png": (InputError, f"there is no folder {tmp_path / 'file'}"),
        "folder.png": (InputError, "is a folder; name the picture to write"),
        "dangling.png": (InputError, "is no plain file"),
        "a.gif": (UsageError, "cannot write pictures as '.gif'; use one of .png .jpg"),
        "a": (UsageError, "cannot write pictures as ''"),
    }
    for name, (kind, message) in cases.items():
        with pytest.raises(kind) as caught:
            check_output(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert message in str(caught.value)
    before = sorted(tmp_path.iterdir())
    check_output(tmp_path / "a.png", (100_000, 10))
    check_output(tmp_path / "a.jpg", (65_500, 10))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("name", "size"), [("a.jpg", (70_000, 20)), ("a.webp", (20, 16_384))])
def test_a_format_too_small_for_the_result(
    name: str, size: tuple[int, int], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"pixels on a side; use .png or .tif"):
        check_output(tmp_path / name, size)


def test_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    # An administrator, as whom tests may run, may write anywhere.
    monkeypatch.setattr(writing.tempfile, "TemporaryFile", refuse)
    with pytest.raises(InputError, match=r"a\.png: cannot be written \(Permission denied\)"):
        check_output(tmp_path / "a.png")


def test_a_failure_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(InputError, match=r"a\.png: cannot be written \(No space left on device\)"):
        write_picture(tmp_path / "a.png", smooth())
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_long_metadata_fit_into_jpeg_or_are_left_out(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", smooth(), metadata=Metadata(xmp=b" " * 70_000))
    with Image.open(tmp_path / "a.jpg") as image:
        assert "xmp" not in image.info


def test_inputs_are_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_apart([Path("b.png")], [Path("a.png"), Path("c/b.png")])
    with pytest.raises(UsageError, match=r"\./a\.png|a\.png: is an input"):
        check_apart([Path("x/../a.png")], [tmp_path / "a.png"])


def test_names_beside() -> None:
    assert beside(Path("out/castle.style.png"), "compare") == Path("out/castle.style.compare.png")


def test_side_by_side_has_everything_at_one_height() -> None:
    content = np.full((50, 100, 3), 10, np.uint8)
    style = np.full((200, 100, 3), 20, np.uint8)
    result = np.full((128, 256, 3), 0.5, np.float32)
    row = side_by_side(content, [style, style], result)
    assert row.shape == (128, 256 + 64 + 64 + 256 + 3 * 2, 3)
    assert row.dtype == np.float32
    np.testing.assert_allclose(row[0, [0, 255], 0], 10 / 255)
    np.testing.assert_allclose(row[0, [256, 257], 0], 1)
    np.testing.assert_allclose(row[0, 258, 0], 20 / 255)
    np.testing.assert_allclose(row[:, -256:], 0.5)
