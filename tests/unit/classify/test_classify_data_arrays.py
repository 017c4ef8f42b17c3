from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from classification_folders import (
    noise,
    write_cifar10,
    write_idx,
    write_mnist,
    write_records,
    write_table,
)
from cnntasks_classify.data import available_splits, read_classification_data

from cnntasks import InputError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reads_mnist(tmp_path: Path, suffix: str) -> None:
    root = write_mnist(tmp_path / "digits", suffix)
    assert available_splits(root) == ["train", "test"]
    data = read_classification_data(root, "test")
    assert (data.name, data.format, data.split) == ("digits", "idx", "test")
    assert data.classes == tuple("0123456789")
    first, second = data.examples
    assert (first.label, second.label, first.path) == (3, 1, None)
    assert second.name == f"t10k-images-idx3-ubyte{suffix}[1]"
    np.testing.assert_array_equal(second.pixels, noise(2, 8, 9, seed=1)[1])
    assert len(read_classification_data(root).examples) == 12


def test_examples_are_views_and_load_as_rgb(tmp_path: Path) -> None:
    first, second, *_ = read_classification_data(write_mnist(tmp_path)).examples
    assert first.pixels is not None
    assert second.pixels is not None
    assert first.pixels.base is not None
    assert first.pixels.base is second.pixels.base
    np.testing.assert_array_equal(first.load(), np.stack([first.pixels] * 3, axis=2))


def test_one_file_stands_for_its_data_set(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    assert len(read_classification_data(root / f"{IMAGES}.gz").examples) == 12
    assert len(read_classification_data(Path(f"{root / IMAGES}.gz:test")).examples) == 2


def test_unpacked_files_are_preferred(tmp_path: Path) -> None:
    root = write_mnist(write_mnist(tmp_path, ".gz"), "")
    assert read_classification_data(root).examples[0].name == f"{IMAGES}[0]"


def test_names_with_a_dot_before_the_format(tmp_path: Path) -> None:
    root = write_mnist(tmp_path, "")
    for file in list(root.iterdir()):
        file.rename(file.with_name(file.name.replace("-idx", ".idx")))
    assert len(read_classification_data(root, "train").examples) == 10


def test_emnist_pictures_are_put_upright(tmp_path: Path) -> None:
    root = write_mnist(tmp_path, prefix="emnist-letters-", test="test")
    assert available_splits(root) == ["train", "test"]
    example = read_classification_data(root, "test").examples[1]
    assert example.name == "emnist-letters-test-images-idx3-ubyte.gz[1]"
    np.testing.assert_array_equal(example.pixels, noise(2, 8, 9, seed=1)[1].T)


def test_several_data_sets_are_not_guessed_between(tmp_path: Path) -> None:
    write_mnist(tmp_path, prefix="emnist-letters-", test="test")
    root = write_mnist(tmp_path, prefix="emnist-digits-", test="test")
    with pytest.raises(InputError, match=r"several data sets; name a file .*digits-test.*letters"):
        read_classification_data(root)
    file = root / "emnist-letters-train-images-idx3-ubyte.gz"
    assert len(read_classification_data(file).examples) == 12


def test_class_names_beside_the_files(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    names = [f"name {number}" for number in range(10)]
    file = write_table(root / "classes.txt", *names, "")
    assert read_classification_data(root).classes == tuple(names)
    write_table(file, *names[:8])
    with pytest.raises(
        InputError, match=r"gz\[8\]: the label 8 is beyond the 8 classes \(so are 2 of 10 labels"
    ):
        read_classification_data(root)
    write_table(file, "one", "one")
    with pytest.raises(InputError, match=r"classes\.txt:2: the class name 'one' is there twice"):
        read_classification_data(root)
    write_table(file, "one", "", "two")
    with pytest.raises(InputError, match=r"classes\.txt:2: this line names no class"):
        read_classification_data(root)


def test_labels_beyond_the_digits_need_names(tmp_path: Path) -> None:
    root = write_mnist(tmp_path, "")
    write_idx(root / LABELS, np.arange(17, 27, dtype=np.uint8))
    with pytest.raises(InputError, match=r"label 17 is beyond the 10 classes.*name every class in"):
        read_classification_data(root)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "10x8x9 values were announced but fewer are there"),
        (lambda data: data + b"x", "10x8x9 values were announced but more are there"),
        (lambda data: data[:7], "not an IDX file of unsigned bytes in 3 dimensions"),
        (lambda data: b"", "not an IDX file"),
        (lambda data: b"\0\0\x0d\x03" + data[4:], "it begins with 00 00 0d 03, not 00 00 08 03"),
        (lambda data: data[:3] + b"\x01" + data[4:], "it begins with 00 00 08 01"),
        (lambda data: data[:4] + b"\xff" * 12 + data[16:], "were announced but fewer are there"),
    ],
)
def test_broken_idx_files_are_named(
    tmp_path: Path, suffix: str, damage: object, message: str
) -> None:
    root = write_mnist(tmp_path, suffix)
    file = root / f"{IMAGES}{suffix}"
    assert callable(damage)
    data = damage(gzip.decompress(file.read_bytes()) if suffix else file.read_bytes())
    file.write_bytes(gzip.compress(data) if suffix else data)
    with pytest.raises(InputError, match=message) as caught:
        read_classification_data(root, "train")
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize("damage", ["cut", "flipped", "plain", "checksum"])
def test_broken_gzip_files_are_named(tmp_path: Path, damage: str) -> None:
    root = write_mnist(tmp_path)
    file = root / f"{IMAGES}.gz"
    data = bytearray(file.read_bytes())
    if damage == "flipped":
        data[10] ^= 0xFF
    elif damage == "checksum":
        data[-8] ^= 0xFF
    changed = {"cut": data[:200], "plain": b"no gzip file"}.get(damage, data)
    file.write_bytes(bytes(changed))
    with pytest.raises(InputError, match=r"damaged or cut short .*download it again") as caught:
        read_classification_data(root)
    assert str(caught.value).startswith(f"{file}: ")


def test_labels_that_are_missing_or_too_few(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    file = root / f"{LABELS}.gz"
    write_idx(file, np.zeros(9, np.uint8))
    with pytest.raises(InputError, match=r"labels.*: 9 labels for the 10 pictures in train-images"):
        read_classification_data(root)
    file.unlink()
    with pytest.raises(InputError, match=rf"{LABELS}\.gz: the labels of {IMAGES}\.gz are missing"):
        read_classification_data(root)


def test_reads_cifar10_in_the_order_of_its_files(tmp_path: Path) -> None:
    root = write_cifar10(tmp_path)
    assert available_splits(root) == ["train", "test"]
    train = read_classification_data(root, "train")
    assert (train.format, train.classes) == ("cifar", ("cat", "dog"))
    assert [it.label for it in train.examples] == [0, 1, 0, 1, 0]
    assert train.examples[4].name == "data_batch_5.bin[0]"
    assert [it.label for it in read_classification_data(root, "test").examples] == [1, 0]


def test_cifar_pixels_are_stored_plane_by_plane(tmp_path: Path) -> None:
    root = write_cifar10(tmp_path)
    planes = np.frombuffer((root / "test_batch.bin").read_bytes()[3074:], np.uint8)
    example = read_classification_data(root, "test").examples[1]
    loaded = example.load()
    assert loaded.shape == (32, 32, 3)
    np.testing.assert_array_equal(loaded[:, :, 1].ravel(), planes[1024:2048])
    np.testing.assert_array_equal(loaded[2, 3], planes[[67, 67 + 1024, 67 + 2048]])


def test_reads_the_fine_labels_of_cifar100(tmp_path: Path) -> None:
    write_records(tmp_path / "train.bin", [(1, 0), (0, 2)])
    write_records(tmp_path / "test.bin", [(1, 1)])
    write_table(tmp_path / "fine_label_names.txt", "apple", "bear", "chair")
    write_table(tmp_path / "coarse_label_names.txt", "animal", "thing")
    data = read_classification_data(tmp_path, "train")
    assert data.classes == ("apple", "bear", "chair")
    assert [it.label for it in data.examples] == [0, 2]


def test_broken_cifar_files_are_named(tmp_path: Path) -> None:
    root = write_cifar10(tmp_path)
    file = root / "data_batch_2.bin"
    for data in (file.read_bytes()[:-1], b""):
        file.write_bytes(data)
        with pytest.raises(InputError, match=r"data_batch_2\.bin: \d+ bytes are no whole number"):
            read_classification_data(root, "train")
    write_records(file, [(0,), (7,)])
    with pytest.raises(InputError, match=r"data_batch_2\.bin\[1\]: the label 7 is beyond the 2 cl"):
        read_classification_data(root, "train")
    (root / "batches.meta.txt").unlink()
    with pytest.raises(InputError, match=r"batches\.meta\.txt: the class names .* are missing"):
        read_classification_data(root)
