from __future__ import annotations

import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from made_pictures import RED, WHITE, encode, noise, source_of, value_source
from PIL import Image

from cnntasks.errors import InputError, UsageError
from cnntasks.media.images import (
    IMAGE_SUFFIXES,
    decode_image,
    read_image,
    resize_image,
    write_image,
)
from cnntasks.task import Source


@pytest.fixture
def no_warning_from_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)


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
