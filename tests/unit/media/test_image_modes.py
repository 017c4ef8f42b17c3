from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from made_pictures import RED, WHITE, Pixels, encode, noise, source_of, value_source
from PIL import ExifTags, Image

from cnntasks.media.images import (
    decode_image,
    read_image,
)


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
