"""`cnntasks doctor`: what it finds, what it remarks on, and its exit status."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnntasks.cli import examination
from cnntasks.cli.examination import CONVOLUTION, probe
from cnntasks.cli.root import main
from cnntasks.models.store import cache_dir

Install = Callable[..., Path]

TASK = """
import cnntasks

@cnntasks.hookimpl
def register_tasks():
    return [cnntasks.TaskSpec("zoom", "Zoom.", "zoom-small", "p:c", "p:P")]
"""
WORKS = {"works": True, "detail": "ONNX Runtime 9", "devices": {}}
TORCH: dict[str, Any] = {
    "works": True,
    "detail": "torch 9",
    "devices": {
        "cpu": {"works": True, "detail": "always there"},
        "cuda:0": {"works": True, "detail": "Big GPU"},
    },
    "fast_cpu": True,
    "gpu_build": True,
}


@pytest.fixture
def machine(
    install_plugin: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A machine on which everything is well, with one task; change what the probes answer."""
    install_plugin("zoom", TASK)
    monkeypatch.setenv("CNNTASKS_PLUGINS", "zoom")
    monkeypatch.setenv("CNNTASKS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    answers: dict[str, Any] = {"onnxruntime": WORKS, "torch": TORCH}
    monkeypatch.setattr(
        examination,
        "probe",
        lambda code, *_: answers["torch" if "torch.ones" in code else "onnxruntime"],
    )
    monkeypatch.setattr(examination, "available_cores", lambda: 8)
    monkeypatch.setattr(examination, "_memory", lambda: 16 * 10**9)
    return answers


def diagnosed(capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    assert main(["doctor", "--format", "json"]) == status
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_a_healthy_machine(
    machine: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = diagnosed(capsys)
    assert report["prediction_works"] is True
    assert report["remarks"] == []
    assert report["tasks"] == {"zoom": "zoom-small"}
    assert report["engines"]["onnx"] == {"works": True, "detail": "ONNX Runtime 9"}
    assert report["devices"]["cuda:0"]["detail"] == "Big GPU"
    assert report["cache"]["folder"] == str(tmp_path / "cache") == str(cache_dir())
    assert (report["cache"]["size_bytes"], report["cache"]["writable"]) == (0, True)
    assert not (tmp_path / "cache").exists()
    assert set(report["packages"]) == set(examination.PACKAGES)
    assert report["packages"]["torch"]


def test_for_people(machine: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    machine["torch"] = {"works": False, "detail": "ImportError: broken"}
    assert main(["doctor"]) == 0
    output = capsys.readouterr()
    lines = [" ".join(line.split()) for line in output.out.splitlines()]
    for line in (
        "memory 16.0 GB",
        "onnx works: ONNX Runtime 9",
        "torch does not work: ImportError: broken",
        "size 0.0 MB",
        "zoom zoom-small",
        "- the torch engine fails: reinstall torch",
        "prediction works here",
    ):
        assert line in lines
    assert "some seconds" in output.err


def test_without_onnxruntime_prediction_does_not_work(
    machine: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    machine["onnxruntime"] = {"works": False, "detail": "it ended with status -4"}
    report = diagnosed(capsys, status=1)
    assert report["remarks"] == ["the onnx engine fails: reinstall onnxruntime"]


def test_a_task_with_an_opener_needs_torch_and_no_onnxruntime(
    machine: dict[str, Any],
    install_plugin: Install,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install_plugin("paint", TASK.replace('"p:P"', 'opener="p:o"').replace("zoom", "paint"))
    monkeypatch.setenv("CNNTASKS_PLUGINS", "paint")
    machine["onnxruntime"] = {"works": False, "detail": "broken"}
    assert diagnosed(capsys)["prediction_works"] is True
    machine["torch"] = {"works": False, "detail": "broken"}
    report = diagnosed(capsys, status=1)
    assert "cnntasks paint needs torch, which does not work here" in report["remarks"]


def test_without_a_task_prediction_does_not_work(
    machine: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNTASKS_DISABLE_PLUGINS", "zoom")
    report = diagnosed(capsys, status=1)
    assert report["remarks"] == ["no task is there: see `cnntasks plugins`"]
    assert main(["doctor"]) == 1
    assert "prediction does NOT work here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"fast_cpu": False}, "neither MKL nor oneDNN"),
        (
            {"devices": {"cpu": {}, "cuda": {"works": False, "detail": "no driver found"}}},
            "is a build for GPUs and finds none",
        ),
    ],
)
def test_remarks_on_torch(
    changes: dict[str, Any],
    remark: str,
    machine: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine["torch"] = TORCH | changes
    (said,) = diagnosed(capsys)["remarks"]
    assert remark in said


@pytest.mark.parametrize(
    ("variable", "value", "remark"),
    [
        ("OMP_NUM_THREADS", "2", "torch uses 2 of 8 cores"),
        ("CNNTASKS_DEBUG", "1", "CNNTASKS_DEBUG is set"),
    ],
)
def test_remarks_on_the_environment(
    variable: str,
    value: str,
    remark: str,
    machine: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    (said,) = diagnosed(capsys)["remarks"]
    assert remark in said


def test_a_plugin_that_failed_is_a_remark(
    machine: dict[str, Any],
    install_plugin: Install,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_plugin("bad", "raise RuntimeError('broken')")
    monkeypatch.setenv("CNNTASKS_PLUGINS", "zoom,bad")
    assert diagnosed(capsys)["remarks"] == ["plugin 'bad' (failed): RuntimeError: broken"]


def test_enough_threads_are_no_remark(
    machine: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert diagnosed(capsys)["remarks"] == []


def test_remarks_on_a_small_machine(
    machine: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "available_cores", lambda: 1)
    monkeypatch.setattr(examination, "_memory", lambda: 10**9)
    cores, memory = diagnosed(capsys)["remarks"]
    assert cores.startswith("one core")
    assert memory.startswith("less than 2 GB of memory")


def test_the_size_of_the_cache(
    machine: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cache" / "models" / "a"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(bytes(1500))
    (folder / "card.json").write_bytes(bytes(500))
    assert diagnosed(capsys)["cache"]["size_bytes"] == 2000


def test_a_cache_that_cannot_be_written(
    machine: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocker = tmp_path / "file"  # a file where the folder's parent should be; root may write all
    blocker.touch()
    monkeypatch.setenv("CNNTASKS_CACHE", str(blocker / "cache"))
    report = diagnosed(capsys)
    assert report["cache"]["writable"] is False
    (remark,) = report["remarks"]
    assert remark.startswith(f"the cache cannot be written ({blocker / 'cache'})")


@pytest.mark.skipif(os.name == "nt", reason="the home folder is found otherwise")
def test_no_place_for_a_cache(
    machine: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("CNNTASKS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    report = diagnosed(capsys)
    assert "folder" not in report["cache"]
    assert "set CNNTASKS_CACHE" in report["remarks"][0]
    assert main(["doctor"]) == 0


def test_the_probe_for_onnx_runtime() -> None:
    found = probe(examination._ONNX_PROBE, CONVOLUTION)
    assert found["works"] is True, found["detail"]
    assert found["detail"].startswith("ONNX Runtime ")


@pytest.mark.slow
def test_the_probe_for_torch() -> None:
    found = probe(examination._TORCH_PROBE)
    assert found["works"] is True, found["detail"]
    assert found["devices"]["cpu"]["works"] is True
    assert {"fast_cpu", "gpu_build"} <= set(found)


def test_the_graph_of_the_probe_is_one_convolution() -> None:
    import onnx

    model = onnx.load_from_string(base64.b64decode(CONVOLUTION))
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Conv"]


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("import surely_missing", "ModuleNotFoundError: No module named 'surely_missing'"),
        ("assert False, 'a convolution gave 3'", "AssertionError: a convolution gave 3"),
        ("import os; os._exit(4)", "it ended with status 4"),
        ("import time; time.sleep(60)", "no answer within 0.5 s"),
    ],
)
def test_a_probe_that_fails(code: str, detail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "sleep" in code:
        monkeypatch.setattr(examination, "_TIMEOUT", 0.5)
    assert probe(code) == {"works": False, "detail": detail}


def test_a_probe_does_not_import_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise RuntimeError('mine')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert probe(examination._ONNX_PROBE, CONVOLUTION)["works"] is True


def test_memory_is_told() -> None:
    memory = examination._memory()
    assert memory is None or memory > 10**7
