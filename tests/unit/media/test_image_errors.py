from __future__ import annotations

import contextlib
import random
import struct
import zlib
from pathlib import Path

import pytest
from made_pictures import encode, noise, source_of
from PIL import Image

from cnntasks.errors import InputError
from cnntasks.media import images
from cnntasks.media.images import (
    decode_image,
    read_image,
)


def failure(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_image(data, "bad.jpg")
    message = str(caught.value)
    assert message.startswith("bad.jpg: ")
    assert "\n" not in message
    assert ";" in message, "a remedy follows the cause"
    return message


@pytest.fixture
def no_warning_from_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)


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
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)
