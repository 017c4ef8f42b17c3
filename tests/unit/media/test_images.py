from __future__ import annotations

import contextlib
import io
import random
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from cnntasks.errors import InputError, UsageError
from cnntasks.media import images
from cnntasks.media.files import file_source
from cnntasks.media.images import (
    IMAGE_SUFFIXES,
    decode_image,
    read_image,
    resize_image,
    write_image,
)
from cnntasks.task import Source

Pixels = NDArray[np.uint8]

#: Left half red, right half half-transparent or fully transparent: see each test.
RED, WHITE = (255, 0, 0), (255, 255, 255)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def source_of(path: Path) -> Source:
    return file_source(path, path.name, PurePosixPath(path.name))


def value_source(value: Any) -> Source:
    return Source("array", PurePosixPath("array"), lambda: b"", value=value)


def failure(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_image(data, "bad.jpg")
    message = str(caught.value)
    assert message.startswith("bad.jpg: ")
    assert "\n" not in message
    assert ";" in message, "a remedy follows the cause"
    return message


def noise(height: int, width: int, channels: int = 3) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), np.uint8)


@pytest.fixture
def no_warning_from_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)


class TestModes:
    def check(self, decoded: Pixels) -> Pixels:
        assert decoded.dtype == np.uint8
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3
        assert decoded.flags.c_contiguous
        return decoded

    def test_rgb_is_unchanged(self) -> None:
        pixels = noise(5, 7)
        decoded = self.check(decode_image(encode(Image.fromarray(pixels)), "a.png"))
        np.testing.assert_array_equal(decoded, pixels)

    def test_one_bit(self) -> None:
        image = Image.new("1", (4, 2), 0)
        image.putpixel((1, 0), 1)
        decoded = self.check(decode_image(encode(image), "a.png"))
        assert decoded[0, 1].tolist() == [255] * 3
        assert int(decoded.sum()) == 3 * 255

    def test_grey(self) -> None:
        pixels = noise(3, 4, 1)[:, :, 0]
        decoded = self.check(decode_image(encode(Image.fromarray(pixels)), "a.png"))
        np.testing.assert_array_equal(decoded, np.stack([pixels] * 3, axis=2))

    @pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 40), (128, 147)])
    def test_grey_with_alpha_over_white(self, alpha: int, expected: int) -> None:
        decoded = self.check(decode_image(encode(Image.new("LA", (2, 2), (40, alpha))), "a.png"))
        assert decoded[0, 0].tolist() == pytest.approx([expected] * 3, abs=1)

    @pytest.mark.parametrize(
        ("alpha", "expected"), [(0, WHITE), (255, RED), (128, (255, 127, 127))]
    )
    def test_rgb_with_alpha_over_white(self, alpha: int, expected: tuple[int, int, int]) -> None:
        decoded = self.check(
            decode_image(encode(Image.new("RGBA", (2, 2), (*RED, alpha))), "a.png")
        )
        assert decoded[0, 0].tolist() == pytest.approx(expected, abs=1)

    def palette(self) -> Image.Image:
        image = Image.new("P", (2, 1))
        image.putpalette([*RED, 0, 0, 255])
        image.putpixel((1, 0), 1)
        return image

    def test_palette(self) -> None:
        decoded = self.check(decode_image(encode(self.palette()), "a.png"))
        assert decoded.tolist() == [[[255, 0, 0], [0, 0, 255]]]

    @pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
    def test_palette_with_transparency(self, transparency: int | bytes) -> None:
        data = encode(self.palette(), transparency=transparency)
        decoded = self.check(decode_image(data, "a.png"))
        assert decoded.tolist() == [[[255, 0, 0], [255, 255, 255]]]

    def test_palette_with_alpha(self) -> None:
        image = Image.new("RGBA", (2, 1), (*RED, 255)).convert("PA")
        assert image.mode == "PA"
        assert self.check(read_image(value_source(image))).tolist() == [[[255, 0, 0]] * 2]

    @pytest.mark.parametrize(("mode", "key"), [("RGB", RED), ("L", 76), ("1", 0)])
    def test_one_colour_that_stands_for_transparent(self, mode: str, key: Any) -> None:
        data = encode(Image.new(mode, (2, 2), key), transparency=key)
        assert self.check(decode_image(data, "a.png"))[0, 0].tolist() == [255] * 3

    @pytest.mark.parametrize(("mode", "colour"), [("La", (20, 128)), ("RGBa", (20, 20, 20, 128))])
    def test_premultiplied_alpha(self, mode: str, colour: tuple[int, ...]) -> None:
        decoded = self.check(read_image(value_source(Image.new(mode, (2, 2), colour))))
        assert decoded[0, 0].tolist() == pytest.approx([147] * 3, abs=1)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_16_bit(self, kind: str) -> None:
        pixels = np.array([[0, 257, 32768, 65535]], np.uint16)
        image = Image.fromarray(pixels)
        assert image.mode == "I;16"
        decoded = self.check(decode_image(encode(image, kind), "a"))
        assert decoded[0, :, 0].tolist() == [0, 1, 128, 255]

    def test_16_bit_of_the_other_byte_order(self) -> None:
        data = b"P5 2 1 65535\n" + struct.pack(">2H", 0, 65535)
        assert self.check(decode_image(data, "a.pgm"))[0, :, 1].tolist() == [0, 255]

    def test_integers_beyond_16_bit_are_stretched(self) -> None:
        pixels = np.array([[-1000, 0, 1000]], np.int32)
        decoded = self.check(decode_image(encode(Image.fromarray(pixels), "TIFF"), "a.tif"))
        assert decoded[0, :, 0].tolist() == [0, 128, 255]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0.0, 0.5, 1.0], [0, 128, 255]),
            ([0.0, 2.0, 200.0], [0, 2, 200]),
            ([-1.0, 0.0, 1.0], [0, 128, 255]),
            ([0.0, np.nan, 1.0], [0, 0, 255]),
            ([-np.inf, 0.25, np.inf], [0, 64, 0]),
            ([500.0, 500.0, 500.0], [0, 0, 0]),
            ([np.nan, np.nan, np.nan], [0, 0, 0]),
        ],
    )
    def test_floats(self, values: list[float], expected: list[int]) -> None:
        image = Image.fromarray(np.array([values], np.float32))
        decoded = self.check(decode_image(encode(image, "TIFF"), "a.tif"))
        assert decoded[0, :, 2].tolist() == expected

    def test_cmyk(self) -> None:
        data = encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
        assert self.check(decode_image(data, "a.jpg"))[4, 4].tolist() == pytest.approx(RED, abs=3)

    def test_ycbcr(self) -> None:
        image = Image.new("RGB", (8, 8), RED).convert("YCbCr")
        decoded = self.check(decode_image(encode(image, "TIFF"), "a.tif"))
        assert decoded[4, 4].tolist() == pytest.approx(RED, abs=3)

    def test_lab(self) -> None:
        # Red is L* 54.3, a* 80.8, b* 69.9 (D50), in 8 bits each, a* and b* offset by 128.
        image = Image.new("LAB", (8, 8), (138, 209, 198))
        decoded = self.check(decode_image(encode(image, "TIFF"), "a.tif"))
        assert decoded[4, 4].tolist() == pytest.approx(RED, abs=6)

    def test_hsv(self) -> None:
        image = Image.new("RGB", (2, 2), RED).convert("HSV")
        assert self.check(read_image(value_source(image)))[0, 0].tolist() == pytest.approx(
            RED, abs=3
        )


class TestOrientation:
    #: What each EXIF orientation says of how the sensor's rows and columns lie.
    UPRIGHT = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    STORED: ClassVar[dict[int, Pixels]] = {
        1: UPRIGHT,
        2: UPRIGHT[:, ::-1],
        3: UPRIGHT[::-1, ::-1],
        4: UPRIGHT[::-1],
        5: UPRIGHT.T,
        6: np.rot90(UPRIGHT, 1),
        7: UPRIGHT[::-1, ::-1].T,
        8: np.rot90(UPRIGHT, -1),
    }

    def exif(self, orientation: int) -> Image.Exif:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        return exif

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_each_is_turned_once(self, tmp_path: Path, orientation: int, kind: str) -> None:
        stored = Image.fromarray(np.ascontiguousarray(self.STORED[orientation])).convert("RGB")
        options = {"lossless": True} if kind == "WEBP" else {}
        path = tmp_path / "a.bin"
        path.write_bytes(encode(stored, kind, exif=self.exif(orientation), **options))
        for decoded in (decode_image(path.read_bytes(), "a"), read_image(source_of(path))):
            np.testing.assert_array_equal(decoded[:, :, 0], self.UPRIGHT)

    def test_of_a_jpeg(self) -> None:
        data = encode(Image.new("RGB", (40, 20)), "JPEG", exif=self.exif(6))
        assert decode_image(data, "a.jpg").shape == (40, 20, 3)

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_one_that_does_not_exist_is_no_orientation(self, orientation: int) -> None:
        data = encode(Image.new("RGB", (40, 20)), "JPEG", exif=self.exif(orientation))
        assert decode_image(data, "a.jpg").shape == (20, 40, 3)

    def test_broken_exif_does_not_spoil_the_picture(self) -> None:
        data = encode(Image.new("RGB", (40, 20)), "JPEG", exif=b"Exif\x00\x00garbage, not TIFF")
        assert decode_image(data, "a.jpg").shape == (20, 40, 3)

    def test_a_picture_given_from_python_is_turned_and_left_alone(self) -> None:
        data = encode(Image.new("RGB", (40, 20)), exif=self.exif(6))
        with Image.open(io.BytesIO(data)) as image:
            assert read_image(value_source(image)).shape == (40, 20, 3)
            assert image.size == (40, 20)
            assert image.getexif()[ExifTags.Base.Orientation] == 6


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 3
    assert decode_image(data, "a")[4, 4].tolist() == pytest.approx(RED, abs=3)


@pytest.mark.parametrize("size", [(1, 1), (20000, 100), (100, 20000)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_extreme_shapes(size: tuple[int, int], kind: str) -> None:
    decoded = decode_image(encode(Image.new("RGB", size, RED), kind), "a")
    assert decoded.shape == (size[1], size[0], 3)


def saved_by_pillow() -> list[str]:
    Image.init()
    known = Image.registered_extensions()
    return sorted(suffix for suffix in IMAGE_SUFFIXES if known.get(suffix) in Image.SAVE)


@pytest.mark.parametrize("suffix", saved_by_pillow())
def test_every_format_that_pillow_can_write_here_is_read(tmp_path: Path, suffix: str) -> None:
    kind = Image.registered_extensions()[suffix]
    modes = {"MSP": "1", "XBM": "1", "BLP": "P"}
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (32, 32), WHITE).convert(modes.get(kind, "RGB")).save(path, kind)
    assert read_image(source_of(path))[3, 3].tolist() == pytest.approx(WHITE, abs=2)


class TestSuffixes:
    def test_they_are_what_pillow_decodes_by_itself(self) -> None:
        Image.init()
        # Identified but not decoded without a further program or plugin, or not pictures.
        stubs = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}
        deprecated = {"IM"}
        # `MPO` is opened by the JPEG reader.
        opened = (Image.OPEN.keys() | {"MPO"}) - stubs - deprecated
        expected = {s for s, kind in Image.registered_extensions().items() if kind in opened}
        assert set(IMAGE_SUFFIXES) == expected

    def test_they_are_lower_case_once_and_the_usual_ones_come_first(self) -> None:
        assert len(set(IMAGE_SUFFIXES)) == len(IMAGE_SUFFIXES)
        assert all(s.startswith(".") and s == s.lower() for s in IMAGE_SUFFIXES)
        assert IMAGE_SUFFIXES[:4] == (".jpg", ".jpeg", ".png", ".webp")


class TestBadFiles:
    def test_zero_bytes(self, tmp_path: Path) -> None:
        assert "empty" in failure(b"")
        (tmp_path / "empty.jpg").touch()
        with pytest.raises(InputError, match=r"^empty\.jpg: the file is empty; copy"):
            read_image(source_of(tmp_path / "empty.jpg"))

    @pytest.mark.parametrize("data", [b"x", b"hello world, " * 100, b"%PDF-1.4\n", b"\xff\xd8"])
    def test_not_a_picture(self, tmp_path: Path, data: bytes) -> None:
        failure(data)
        (tmp_path / "a.jpg").write_bytes(data)
        with pytest.raises(InputError, match=r"^a\.jpg: "):
            read_image(source_of(tmp_path / "a.jpg"))

    def test_text_is_told_to_be_no_picture(self) -> None:
        assert "not a picture in a known format" in failure(b"hello world, " * 100)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
    @pytest.mark.parametrize("part", [0.3, 0.9])
    def test_cut_short(self, tmp_path: Path, kind: str, part: float) -> None:
        data = encode(Image.fromarray(noise(64, 64)), kind)
        data = data[: int(len(data) * part)]
        failure(data)
        (tmp_path / "cut.bin").write_bytes(data)
        with pytest.raises(InputError, match=r"^cut\.bin: .*;"):
            read_image(source_of(tmp_path / "cut.bin"))

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "ICO", "TGA"])
    def test_flipped_bytes_never_raise_anything_else(self, kind: str) -> None:
        good = encode(Image.fromarray(noise(16, 16)), kind)
        dice = random.Random(kind)
        for _ in range(60):
            data = bytearray(good)
            for _ in range(dice.randint(1, 8)):
                data[dice.randrange(min(len(data), 200))] = dice.randrange(256)
            with contextlib.suppress(InputError):
                decode_image(bytes(data), "a")

    def test_what_another_program_would_draw_is_refused(self) -> None:
        data = encode(Image.new("RGB", (8, 8)), "EPS")
        assert "not a picture in a known format" in failure(data)

    def test_too_many_pixels_are_refused_before_decoding(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(images, "MAX_PIXELS", 1000)
        monkeypatch.setattr(images, "_load", lambda image: pytest.fail("was decoded"))
        assert "40x30 pixels are more than the limit of 0.001 megapixels" in failure(
            encode(Image.new("RGB", (40, 30)))
        )

    def test_a_decompression_bomb(self) -> None:
        # A small PNG header that announces 30000x30000 pixels.
        data = bytearray(encode(Image.new("1", (8, 8))))
        data[16:24] = struct.pack(">2I", 30000, 30000)
        assert "30000x30000 pixels are more than the limit of 200 megapixels" in failure(
            with_header_checksum(data)
        )

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "WEBP", "JPEG"])
    @pytest.mark.usefixtures("no_warning_from_pillow")
    def test_pillows_own_limit_neither_warns_nor_refuses(self, kind: str) -> None:
        for side in (12, 40):  # Pillow warns above 100 pixels and refuses above 200
            data = encode(Image.new("RGB", (side, side)), kind)
            assert decode_image(data, "a").shape == (side, side, 3)
        assert Image.MAX_IMAGE_PIXELS == 100

    def test_read_errors_of_the_system_are_told_as_such(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(encode(Image.new("RGB", (2, 2)), "JPEG"))
        source = source_of(path)
        path.unlink()
        with pytest.raises(InputError, match=r"^a\.jpg: no such file"):
            read_image(source)
        path.mkdir()
        with pytest.raises(InputError, match=r"^a\.jpg: is a folder"):
            read_image(source)


def with_header_checksum(data: bytearray) -> bytes:
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


class TestReadImage:
    def test_a_path_is_opened_and_the_loader_is_not_asked(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        pixels = noise(3, 4)
        Image.fromarray(pixels).save(path)

        def load() -> bytes:
            raise AssertionError("read twice")

        source = Source("a.png", PurePosixPath("a.png"), load, path=path)
        np.testing.assert_array_equal(read_image(source), pixels)

    def test_without_a_path_the_loader_gives_the_bytes(self) -> None:
        pixels = noise(3, 4)
        data = encode(Image.fromarray(pixels))
        source = Source("-", PurePosixPath("stdin"), lambda: data)
        np.testing.assert_array_equal(read_image(source), pixels)

    def test_arrays(self) -> None:
        rgb, grey = noise(3, 4), noise(3, 4, 1)
        assert read_image(value_source(rgb)) is rgb
        expected = np.repeat(grey, 3, axis=2)
        np.testing.assert_array_equal(read_image(value_source(grey)), expected)
        np.testing.assert_array_equal(read_image(value_source(grey[:, :, 0])), expected)
        clear = np.dstack([rgb, np.zeros((3, 4), np.uint8)])
        assert (read_image(value_source(clear)) == 255).all()

    @pytest.mark.parametrize(
        "value",
        [
            np.zeros((2, 2, 3), np.float32),
            np.zeros((2, 2, 2), np.uint8),
            np.zeros((2, 2, 3, 1), np.uint8),
            np.zeros((0, 2, 3), np.uint8),
            np.zeros(4, np.uint8),
            object(),
        ],
    )
    def test_values_that_are_no_pictures(self, value: Any) -> None:
        with pytest.raises(InputError, match=r"^array: .* is no picture; give"):
            read_image(value_source(value))

    def test_a_picture_whose_file_is_gone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("RGB", (4, 4)).save(path)
        with Image.open(path) as image:
            pass
        with pytest.raises(InputError, match=r"^array: the picture is damaged"):
            read_image(value_source(image))

    @pytest.mark.usefixtures("no_warning_from_pillow")
    def test_many_threads_at_once(self, tmp_path: Path) -> None:
        paths = []
        for number in range(24):
            paths.append(tmp_path / f"{number}.png")
            Image.new("RGB", (20, 20), (number, 0, 0)).save(paths[-1])
        barrier = threading.Barrier(8)

        def decode(number: int) -> int:
            barrier.wait()
            return int(read_image(source_of(paths[number]))[0, 0, 0])

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(decode, range(24))) == list(range(24))
        assert Image.MAX_IMAGE_PIXELS == 100


class TestWriteImage:
    @pytest.mark.parametrize(
        "suffix", ["jpg", "jpeg", "JPG", "png", "webp", "bmp", "tif", "tiff", "gif"]
    )
    def test_the_suffix_is_the_format(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"new/folders/a.{suffix}"
        image = np.full((20, 30, 3), (200, 50, 50), np.uint8)
        write_image(path, image)
        with Image.open(path) as written:
            assert written.format == {"JPG": "JPEG", "TIF": "TIFF"}.get(
                suffix.upper(), suffix.upper()
            )
        assert np.abs(read_image(source_of(path)).astype(int) - image).max() <= 4
        assert [p.name for p in path.parent.iterdir()] == [path.name]

    def test_lossless_formats_keep_every_pixel(self, tmp_path: Path) -> None:
        image = noise(9, 11)
        for suffix in ("png", "bmp", "tif"):
            write_image(tmp_path / f"a.{suffix}", image)
            np.testing.assert_array_equal(read_image(source_of(tmp_path / f"a.{suffix}")), image)

    def test_grey(self, tmp_path: Path) -> None:
        write_image(tmp_path / "a.png", noise(4, 4, 1)[:, :, 0])
        assert read_image(source_of(tmp_path / "a.png")).shape == (4, 4, 3)

    def test_quality(self, tmp_path: Path) -> None:
        image = noise(64, 64)
        write_image(tmp_path / "low.jpg", image, quality=30)
        write_image(tmp_path / "high.jpg", image)
        assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size / 2

    def test_permissions_are_those_of_any_new_file(self, tmp_path: Path) -> None:
        write_image(tmp_path / "a.png", noise(2, 2))
        (tmp_path / "b").touch()
        assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b").stat().st_mode

    @pytest.mark.parametrize("name", ["a.xyz", "a", "a.psd"])
    def test_unknown_suffixes_list_the_known_ones(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(UsageError, match=r"use one of \.jpg \.jpeg \.png \.webp \.bmp"):
            write_image(tmp_path / name, noise(2, 2))
        assert list(tmp_path.iterdir()) == []

    def test_a_failure_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"old")

        def full(self: Image.Image, file: io.BufferedWriter, *args: Any, **options: Any) -> None:
            file.write(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Image.Image, "save", full)
        with pytest.raises(InputError, match=r"a\.png: cannot be written \(No space left"):
            write_image(path, noise(2, 2))
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_of_that_name_and_a_file_for_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").mkdir()
        (tmp_path / "file").touch()
        for path in (tmp_path / "a.png", tmp_path / "file/b.png"):
            with pytest.raises(InputError, match="cannot be written"):
                write_image(path, noise(2, 2))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "file"]

    def test_a_side_that_the_format_cannot_hold(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"a\.webp: cannot be written"):
            write_image(tmp_path / "a.webp", np.zeros((1, 17000, 3), np.uint8))
        assert list(tmp_path.iterdir()) == []


class TestResize:
    def test_shape_and_type(self) -> None:
        resized = resize_image(noise(40, 60), 13, 17)
        assert resized.shape == (13, 17, 3)
        assert resized.dtype == np.uint8

    def test_the_same_size_is_not_touched(self) -> None:
        image = noise(4, 5)
        assert resize_image(image, 4, 5) is image

    def test_shrinking_averages_instead_of_skipping(self) -> None:
        stripes = np.zeros((64, 64, 3), np.uint8)
        stripes[:, ::2] = 255
        assert np.abs(resize_image(stripes, 8, 8).astype(int) - 128).max() <= 8

    def test_growing_interpolates(self) -> None:
        step = np.zeros((1, 2, 3), np.uint8)
        step[:, 1] = 200
        assert resize_image(step, 1, 4)[0, :, 0].tolist() == [0, 50, 150, 200]


def test_the_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, cnntasks.media.images, cnntasks.media.sources; "
        "print(sorted({'torch', 'matplotlib', 'onnxruntime', 'urllib.request'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_finding_sources_needs_no_arrays() -> None:
    code = "import sys, cnntasks.media.sources; print({'numpy', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
