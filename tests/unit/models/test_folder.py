"""Model folders: written whole, read back, and safe against what a stranger puts in them."""

from __future__ import annotations

import errno
import os
import pickle
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from model_samples import Arrays

from cnntasks.errors import ModelError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.folder import (
    check_target,
    folder_size,
    graph_path,
    read_weights,
    verify_folder,
    write_model_folder,
)


@pytest.fixture
def folder(tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto) -> Path:
    write_model_folder(tmp_path / "tiny", card, weights, model.SerializeToString())
    return tmp_path / "tiny"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def flip_last_byte(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_a_folder_comes_back_as_it_was_written(
    folder: Path, card: ModelCard, weights: Arrays
) -> None:
    assert names(folder) == {"card.json", "weights.safetensors", "graph.onnx", "SHA256SUMS"}
    assert names(folder.parent) == {"tiny"}
    assert read_card(folder) == card
    assert verify_folder(folder) == []
    assert folder_size(folder) == sum(path.stat().st_size for path in folder.iterdir())
    read = read_weights(folder)
    assert read.keys() == weights.keys()
    for name, array in weights.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        if array.size <= 1000:
            np.testing.assert_array_equal(read[name], array)
        else:
            np.testing.assert_array_equal(read[name], array.astype(np.float16))


def test_half_precision_halves_the_file_and_can_be_declined(
    folder: Path, card: ModelCard, weights: Arrays
) -> None:
    full = folder.with_name("full")
    write_model_folder(full, card, weights, None, half=False)
    for name, array in read_weights(full).items():
        np.testing.assert_array_equal(array, weights[name])
    sizes = [(each / "weights.safetensors").stat().st_size for each in (folder, full)]
    assert sizes[0] < 0.6 * sizes[1]


def test_a_tensor_beyond_the_range_of_half_precision_stays_whole(
    tmp_path: Path, card: ModelCard
) -> None:
    large = np.linspace(-1, 1, 2000, dtype=np.float32)
    large[3] = 1e5
    infinite = np.linspace(-1, 1, 2000, dtype=np.float32)
    infinite[3] = np.inf
    written = {"large": large, "infinite": infinite}
    write_model_folder(tmp_path / "m", card, written, None)
    read = read_weights(tmp_path / "m")
    np.testing.assert_array_equal(read["large"], large)
    np.testing.assert_array_equal(read["infinite"], infinite.astype(np.float16))


def test_views_and_doubles_are_written_by_value(tmp_path: Path, card: ModelCard) -> None:
    matrix = np.arange(12, dtype=np.float64).reshape(3, 4)
    write_model_folder(tmp_path / "m", card, {"a": matrix.T, "b": matrix[:, ::2]}, None)
    read = read_weights(tmp_path / "m")
    np.testing.assert_array_equal(read["a"], matrix.T)
    np.testing.assert_array_equal(read["b"], matrix[:, ::2])
    assert read["a"].dtype == np.float32


def test_without_a_graph_the_error_names_the_way_out(tmp_path: Path, card: ModelCard) -> None:
    write_model_folder(tmp_path / "m", card, {}, None)
    assert verify_folder(tmp_path / "m") == []
    with pytest.raises(ModelError, match="--engine torch"):
        graph_path(tmp_path / "m")


def test_a_new_folder_has_ordinary_permissions(folder: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~umask


def test_a_model_is_replaced_and_a_persons_files_are_kept(
    folder: Path, card: ModelCard, weights: Arrays
) -> None:
    (folder / "logs").mkdir()
    (folder / "logs" / "metrics.csv").write_text("1\n")
    write_model_folder(folder, replace(card, summary="second"), weights, None)
    assert read_card(folder).summary == "second"
    assert names(folder) == {"card.json", "weights.safetensors", "SHA256SUMS", "logs"}
    assert (folder / "logs" / "metrics.csv").read_text() == "1\n"
    assert names(folder.parent) == {"tiny"}


def test_a_link_to_a_folder_is_followed(folder: Path, card: ModelCard, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(folder, target_is_directory=True)
    write_model_folder(link, replace(card, summary="second"), {}, None)
    assert link.is_symlink()
    assert read_card(folder).summary == "second"


def test_an_empty_folder_is_filled(tmp_path: Path, card: ModelCard) -> None:
    (tmp_path / "m").mkdir()
    write_model_folder(tmp_path / "m", card, {}, None)
    assert verify_folder(tmp_path / "m") == []


@pytest.mark.parametrize("content", ["thesis.tex", "card.json"])
def test_something_else_is_never_replaced(tmp_path: Path, card: ModelCard, content: str) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / content).write_text("{}")
    with pytest.raises(ModelError, match="something other than a model"):
        write_model_folder(folder, card, {}, None)
    assert names(tmp_path) == {"m"}
    assert names(folder) == {content}
    with pytest.raises(ModelError, match="is not a folder"):
        check_target(folder / content)


def test_the_old_model_survives_a_failing_rename(
    folder: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail_for_the_new(self: Path, target: Path) -> Path:
        if ".new-" in self.name:
            raise PermissionError(errno.EACCES, "denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(ModelError, match="denied"):
        write_model_folder(folder, replace(card, summary="second"), {}, None)
    assert read_card(folder) == card
    assert verify_folder(folder) == []
    assert names(folder.parent) == {"tiny"}


def test_a_full_disk_leaves_the_old_model(
    folder: Path, card: ModelCard, weights: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(ModelError, match=r"disk is full; 14\.1 kB are needed"):
        write_model_folder(folder, replace(card, summary="second"), weights, None)
    assert verify_folder(folder) == []
    assert names(folder.parent) == {"tiny"}


@pytest.mark.parametrize("keep", [0, 4, 8, 100, -1])
def test_truncated_weights_are_an_error_and_a_problem(folder: Path, keep: int) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match="truncated"):
        read_weights(folder)
    assert any("truncated" in problem for problem in verify_folder(folder))


def test_missing_weights_are_an_error_and_a_problem(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match="incomplete"):
        read_weights(folder)
    assert any("is missing" in problem for problem in verify_folder(folder))


def test_a_type_that_numpy_lacks_is_an_error(folder: Path) -> None:
    header = b'{"w":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}'
    data = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        read_weights(folder)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("boom",))


def test_a_pickle_in_the_place_of_weights_runs_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    for name in ("weights.safetensors", "graph.onnx", "card.json", "SHA256SUMS"):
        (folder / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError):
        read_weights(folder)
    assert len(verify_folder(folder)) >= 4
    assert not Path("boom").exists()


def test_one_flipped_bit_is_a_problem(folder: Path) -> None:
    flip_last_byte(folder / "weights.safetensors")
    [problem] = verify_folder(folder)
    assert "weights.safetensors: has the SHA-256" in problem


def test_the_checksums_are_those_of_sha256sum(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert [line[64:] for line in lines] == ["  weights.safetensors", "  graph.onnx"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("card.json", "{", "not a model card"),
        ("graph.onnx", "\x00rubbish", "not an ONNX model"),
        ("graph.onnx", "", "not an ONNX model"),
        ("graph.onnx", None, r"graph\.onnx: is missing"),
        ("SHA256SUMS", None, "SHA256SUMS: cannot be read"),
        ("SHA256SUMS", "", r"SHA256SUMS: has no checksum of weights\.safetensors"),
    ],
)
def test_each_file_is_verified(folder: Path, name: str, content: str | None, expected: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    assert re.search(expected, "\n".join(verify_folder(folder)))
