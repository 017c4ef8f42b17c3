"""Engines: which one a request gets, and what each does with good and bad networks."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import Tensor, nn

from cnntasks.engines import torch as torch_engine
from cnntasks.engines.base import EngineChoice, absent_device, available_cores, choose_engine
from cnntasks.engines.onnx import OnnxEngine
from cnntasks.engines.torch import TorchEngine, load_weights, open_device
from cnntasks.errors import DeviceError, ModelError, UsageError

CPU = EngineChoice("torch", "cpu")


@pytest.mark.parametrize(
    ("engine", "device", "precision", "expected"),
    [
        ("auto", "auto", "float32", ("onnx", "cpu")),
        ("auto", "cpu", "float32", ("onnx", "cpu")),
        ("onnx", "auto", "float32", ("onnx", "cpu")),
        ("onnx", "cpu", "float32", ("onnx", "cpu")),
        ("torch", "auto", "float32", ("torch", "cpu")),
        ("torch", "cpu", "float32", ("torch", "cpu")),
        ("torch", "cpu", "bfloat16", ("torch", "cpu")),
        ("auto", "auto", "bfloat16", ("torch", "cpu")),
        ("auto", "cuda", "float32", ("torch", "cuda:0")),
        ("auto", "cuda", "float16", ("torch", "cuda:0")),
        ("auto", "cuda:0", "bfloat16", ("torch", "cuda:0")),
        ("auto", "cuda:3", "float32", ("torch", "cuda:3")),
        ("torch", "cuda:12", "float16", ("torch", "cuda:12")),
        ("auto", "mps", "float32", ("torch", "mps")),
        ("torch", "mps", "float16", ("torch", "mps")),
    ],
)
def test_what_is_asked_for_is_what_runs(
    engine: str, device: str, precision: str, expected: tuple[str, str]
) -> None:
    assert choose_engine(engine, device, precision) == EngineChoice(*expected, precision)


def test_by_default_it_is_onnx_on_the_cpu() -> None:
    assert choose_engine() == EngineChoice("onnx", "cpu", "float32")


@pytest.mark.parametrize(
    ("engine", "device", "precision", "message"),
    [
        ("tensorrt", "auto", "float32", r"no engine 'tensorrt'; choose one of auto, onnx, torch"),
        ("auto", "gpu", "float32", r"no device 'gpu'; choose auto, cpu, cuda"),
        ("auto", "", "float32", r"no device ''"),
        ("auto", "cuda:x", "float32", r"no device 'cuda:x'"),
        ("auto", "cuda:-1", "float32", r"no device 'cuda:-1'"),
        ("auto", "cuda:", "float32", r"no device 'cuda:'"),
        ("auto", "cuda:²", "float32", r"no device 'cuda:²'"),
        ("auto", "CUDA", "float32", r"no device 'CUDA'"),
        ("auto", "cpu:0", "float32", r"only cuda devices have a number"),
        ("auto", "mps:0", "float32", r"only cuda devices have a number"),
        ("auto", "auto", "int8", r"no precision 'int8'; choose one of float32"),
        ("onnx", "cuda", "float32", r"onnx engine runs on the cpu; for cuda use --engine torch"),
        ("onnx", "mps", "float32", r"onnx engine runs on the cpu; for mps"),
        ("onnx", "cpu", "bfloat16", r"onnx engine runs in float32; for bfloat16"),
        ("onnx", "auto", "float16", r"onnx engine runs in float32; for float16"),
        ("torch", "cpu", "float16", r"float16 needs a GPU; on the cpu use float32 or bfloat16"),
        ("auto", "auto", "float16", r"float16 needs a GPU"),
    ],
)
def test_what_does_not_exist_is_refused(
    engine: str, device: str, precision: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        choose_engine(engine, device, precision)


def test_choosing_imports_no_engine() -> None:
    import subprocess

    code = (
        "import sys; from cnntasks.engines.base import choose_engine, available_cores;"
        "choose_engine('auto', 'cuda'); available_cores();"
        "print({'torch', 'onnxruntime', 'numpy'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_cores_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)
    assert available_cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert available_cores() == 1


def test_an_absent_device_is_an_error_and_never_another_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(
        DeviceError, match=r"'cuda:0' is not available: .* built without CUDA; .*doc"
    ):
        TorchEngine(Doubler(), EngineChoice("torch", "cuda:0"))
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(DeviceError, match="no usable NVIDIA GPU or driver"):
        open_device("cuda:0")
    with pytest.raises(DeviceError, match="Apple silicon"):
        open_device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert open_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match="'cuda:2' is not available: there are 2 CUDA devices"):
        open_device("cuda:2")


def test_the_error_for_an_absent_device_ends_with_status_1() -> None:
    assert absent_device("cuda:7", "gone").exit_status == 1


# ---- ONNX Runtime


def write_graph(path: Path) -> Path:
    """y = 2x, n = number of x's rows; x is B×3 float32."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["y"]),
        helper.make_node("Shape", ["x"], ["n"], end=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])
    outputs = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("n", TensorProto.INT64, [1]),
    ]
    graph = helper.make_graph(nodes, "tiny", [x], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


X = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


@pytest.mark.parametrize("parallel", [False, True])
def test_onnx_gives_outputs_by_name(tmp_path: Path, parallel: bool) -> None:
    engine = OnnxEngine(write_graph(tmp_path / "graph.onnx"), parallel)
    outputs = engine.run({"x": X})
    np.testing.assert_array_equal(outputs["y"], 2 * X)
    np.testing.assert_array_equal(outputs["n"], [2])
    assert engine.run({"x": X[:1]})["n"].tolist() == [1]
    assert engine.concurrency == (available_cores() if parallel else 1)
    assert engine.description.startswith("ONNX Runtime ")
    assert engine.description.endswith(" on cpu")


def test_onnx_runs_in_several_threads_at_once(tmp_path: Path) -> None:
    engine = OnnxEngine(write_graph(tmp_path / "graph.onnx"), parallel=True)
    wrong: list[int] = []

    def work(number: int) -> None:
        feed = np.full((4, 3), number, np.float32)
        wrong.extend(number for _ in range(50) if (engine.run({"x": feed})["y"] != 2 * feed).any())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("content", [b"", b"not a graph", None])
def test_a_broken_graph_is_a_model_error_of_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "graph.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="ONNX Runtime cannot open this model") as caught:
        OnnxEngine(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_graph_is_a_model_error(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "graph.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="cannot open this model"):
        OnnxEngine(path)


@pytest.mark.parametrize(
    "feeds", [{"x": X[:, :2]}, {"x": X.astype(np.float64)}, {"z": X}, {}], ids=str
)
def test_feeds_that_do_not_fit_are_a_model_error(tmp_path: Path, feeds: dict[str, Any]) -> None:
    engine = OnnxEngine(write_graph(tmp_path / "graph.onnx"))
    with pytest.raises(ModelError, match="the network cannot run on this input") as caught:
        engine.run(feeds)
    assert "\n" not in str(caught.value)


# ---- torch


class Doubler(nn.Module):
    """y = 2x by a layer, n = number of rows; notes what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3, bias=False)
        nn.init.eye_(self.layer.weight)
        self.layer.weight.data.mul_(2)
        self.dropout = nn.Dropout(0.9)
        self.seen: list[tuple[torch.dtype, bool]] = []

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.dropout(self.layer(x))
        self.seen.append((y.dtype, torch.is_inference_mode_enabled()))
        return {"y": y, "n": torch.tensor([len(x)])}


def test_torch_gives_the_same_arrays_as_onnx(tmp_path: Path) -> None:
    by_onnx = OnnxEngine(write_graph(tmp_path / "graph.onnx")).run({"x": X})
    network = Doubler()
    engine = TorchEngine(network, CPU)
    by_torch = engine.run({"x": X})
    assert by_torch.keys() == by_onnx.keys()
    for name, value in by_onnx.items():
        assert by_torch[name].dtype == value.dtype
        np.testing.assert_array_equal(by_torch[name], value)
    assert network.seen == [(torch.float32, True)]
    assert not network.training
    assert engine.concurrency == 1
    assert engine.description == f"torch {torch.__version__} on cpu, float32"


def test_bfloat16_runs_in_bfloat16_and_returns_float32() -> None:
    network = Doubler()
    engine = TorchEngine(network, EngineChoice("torch", "cpu", "bfloat16"))
    feed = np.array([[1, 2, 1.001]], np.float32)
    found = engine.run({"x": feed})
    assert network.seen == [(torch.bfloat16, True)]
    assert found["y"].dtype == np.float32
    assert found["n"].dtype == np.int64
    np.testing.assert_allclose(found["y"], 2 * feed, rtol=1e-2)
    assert found["y"][0, 2] == 2.0  # 1.001 has no bfloat16 of its own
    assert engine.description.endswith("on cpu, bfloat16")


def test_arrays_that_torch_cannot_share_are_copied() -> None:
    engine = TorchEngine(Doubler(), CPU)
    backwards = X[:, ::-1]
    np.testing.assert_array_equal(engine.run({"x": backwards})["y"], 2 * backwards)


def test_a_full_device_says_what_to_do() -> None:
    class Greedy(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    with pytest.raises(DeviceError, match="cpu: not enough memory; use a smaller --batch-size"):
        TorchEngine(Greedy(), CPU).run({"x": X})


def test_weights_are_loaded_whatever_precision_they_have(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_file({"layer.weight": torch.full((3, 3), 0.5, dtype=torch.float16)}, file)
    network = Doubler()
    load_weights(network, file)
    assert network.layer.weight.dtype == torch.float32
    assert network.layer.weight.unique().tolist() == [0.5]


@pytest.mark.parametrize(
    "tensors",
    [{"layer.weight": torch.ones(4, 3)}, {"other": torch.ones(3, 3)}, {}],
    ids=["shape", "name", "nothing"],
)
def test_weights_that_do_not_fit_are_a_model_error(
    tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(tensors, file)
    with pytest.raises(ModelError, match="do not fit their card's network") as caught:
        load_weights(Doubler(), file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x08" * 50, None])
def test_weights_that_cannot_be_read_are_a_model_error(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "weights.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.safetensors: cannot read these weights"):
        load_weights(Doubler(), file)


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives() -> None:
    engine = TorchEngine(Doubler(), EngineChoice("torch", "cuda:0"))
    np.testing.assert_allclose(engine.run({"x": X})["y"], 2 * X, rtol=1e-3)
    assert torch_engine.torch.cuda.get_device_name(0) in engine.description
