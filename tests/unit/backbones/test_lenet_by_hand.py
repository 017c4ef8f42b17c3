"""samples/lenet_by_hand.py learns, and its two halves are one network."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cnntasks.errors import InputError

SAMPLE = Path(__file__).parents[3] / "samples" / "lenet_by_hand.py"


@pytest.fixture(scope="module")
def sample() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lenet_by_hand", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars: upright (0), lying (1) or a square frame (2), each somewhere, in some noise."""
    folder = tmp_path_factory.mktemp("digits")
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 30)):
        labels = np.arange(count) % 3
        pixels = rng.integers(0, 40, (count, 28, 28))
        for picture, label in zip(pixels, labels, strict=True):
            top, left = rng.integers(2, 8, 2)
            if label == 0:
                picture[top : top + 18, left + 6 : left + 9] = 255
            elif label == 1:
                picture[top + 6 : top + 9, left : left + 18] = 255
            else:
                picture[top : top + 18, left : left + 18] = 255
                picture[top + 3 : top + 15, left + 3 : left + 15] = 0
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pixels)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_it_learns_and_tells(
    sample: ModuleType, digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sample.main([str(digits), "--epochs", "6"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    losses = [float(line.split("loss ")[1].split()[0]) for line in lines]
    assert losses[-1] < 0.2 < 0.9 < losses[0]
    assert "test error 0.00% (0)" in lines[-1]


def test_numpy_and_torch_stay_together(
    sample: ModuleType, digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [str(digits), "--train", "30", "--epochs", "1", "--torch", "--seed", "3"]
    net, twin = sample.train(sample.parse(options))  # three batches, hence three steps

    start = sample.reference.lenet5(seed=3).parameters
    assert list(twin) == list(start)
    for name, value in net.parameters.items():
        np.testing.assert_allclose(value, twin[name].detach().numpy(), rtol=0, atol=1e-8)
        assert not np.array_equal(value, start[name]), f"{name} was not trained"

    numpys, torchs, apart = capsys.readouterr().out.splitlines()
    assert numpys.split("NumPy")[1].split("  ")[1:3] == torchs.split("torch")[1].split("  ")[1:3]
    assert float(apart.rsplit(": ")[1]) < 1e-8


def test_pictures_get_a_margin_and_lecuns_grey_values(sample: ModuleType, digits: Path) -> None:
    pictures, labels = sample.read_digits(digits, "train", 5)
    assert pictures.shape == (5, 1, 32, 32)
    assert labels.tolist() == [0, 1, 2, 0, 1]
    assert np.allclose(pictures[:, :, :2], -0.1)
    assert pictures.max() == pytest.approx(1.175)


def test_bad_files_and_options_are_one_line(
    sample: ModuleType, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sample.main([str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "train-images-idx3-ubyte.gz: cannot be read" in message
    assert message.count("\n") == 1

    good = (digits / "t10k-labels-idx1-ubyte.gz").read_bytes()
    bad = tmp_path / "bad.gz"
    for content in (b"no gzip", good[:-9], gzip.compress(b""), gzip.compress(b"\0\0\x08\x03\0")):
        bad.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.gz"):
            sample.read_idx(bad)
    bad.write_bytes(gzip.compress(b"\0\0\x0d\x01\0\0\0\0"))
    with pytest.raises(InputError, match="not an IDX file of bytes"):
        sample.read_idx(bad)

    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((4, 20, 20)))
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(4))
    with pytest.raises(InputError, match=r"train has pictures \(4, 20, 20\) for 4 labels"):
        sample.read_digits(tmp_path, "train", 9)

    with pytest.raises(SystemExit) as caught:
        sample.main([str(digits), "--batch", "0"])
    assert caught.value.code == 2
    assert "--batch must be at least 1" in capsys.readouterr().err
