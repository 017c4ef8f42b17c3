"""`cnntasks backbones`: listing networks and showing their layers, as a person sees it."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from cnntasks.cli.backbones import backbones
from cnntasks.cli.errors import run_guarded

PLUGIN = """
    from cnntasks import Backbone, Stage, hookimpl

    @hookimpl
    def register_backbones():
        return {"narrow": "fake_nets:narrow"}

    def narrow(in_channels=3, weights=None):
        import torch
        return Backbone([(Stage("only", 5, 2), torch.nn.Conv2d(in_channels, 5, 3, 2, 1))])
"""


def run(*args: str) -> int:
    """`cnntasks backbones ARGS`; returns the exit status."""
    return run_guarded(
        lambda: backbones.main(list(args), "cnntasks backbones", standalone_mode=False),
        debug=False,
    )


def out(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert run(*args) == 0
    return capsys.readouterr().out


def test_it_lists_networks_in_a_pipe_without_cutting_anything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    header, *rows = out(capsys).splitlines()
    assert header.split()[:5] == ["name", "year", "input", "parameters", "multiply-adds"]
    [vgg16] = [row for row in rows if row.startswith("vgg16 ")]
    assert vgg16.split()[:7] == [
        *("vgg16", "2015", "3x224x224", "138,357,544", "15,470.3", "M", "71.592")
    ]
    assert vgg16.rstrip().endswith("Convolutional Networks for Large-Scale Image Recognition")
    assert out(capsys, "list").splitlines()[0] == header


def test_the_list_as_json_csv_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in json.loads(out(capsys, "--format", "json"))}
    assert (rows["lenet5"]["parameters"], rows["lenet5"]["top-1"]) == (60_000, None)
    table = list(csv.DictReader(io.StringIO(out(capsys, "--format", "csv"))))
    assert [row["name"] for row in table] == list(rows)
    assert int(table[0]["multiply-adds"]) == rows[table[0]["name"]]["multiply-adds"]
    lines = out(capsys, "--format", "markdown").splitlines()
    assert lines[0].startswith("| name | year |")
    assert lines[1].startswith("| --- | ---: |")
    assert len(lines) == 2 + len(rows)
    assert {line.count("|") for line in lines} == {9}


def test_a_plugins_backbone_is_listed_and_shown(
    capsys: pytest.CaptureFixture[str], install_plugin
) -> None:
    install_plugin("nets", PLUGIN)
    [row] = [row for row in json.loads(out(capsys, "--format", "json")) if row["name"] == "narrow"]
    assert (row["paper"], row["parameters"]) == ("of a plugin", None)
    shown = out(capsys, "show", "narrow", "--input", "2x8x8", "--classes", "4")
    lines = [line.split() for line in shown.splitlines()]
    assert lines[1][:7] == ["only", "Conv2d", "3×3", "2", "1", "5×4×4", "95"]
    assert ["parameters:", "119", "(119", "trainable)"] in lines


def test_lenet5_has_its_totals(capsys: pytest.CaptureFixture[str]) -> None:
    shown = out(capsys, "show", "lenet5")
    assert shown.splitlines()[-4:-1] == [
        "parameters: 60,000 (60,000 trainable)",
        "multiply-adds: 415,680",
        "connections: 340,908",
    ]
    described = json.loads(out(capsys, "show", "lenet5", "--format", "json"))
    assert described["input"] == [1, 32, 32]
    assert described["totals"]["connections"] == 340_908
    assert described["layers"][0]["receptive_field"] == [5, 5]
    assert described["layers"][0]["name"] == "backbone.parts.c1.0"


def test_layers_as_csv_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    table = csv.DictReader(io.StringIO(out(capsys, "show", "lenet5", "--format", "csv")))
    conv = next(table)
    assert (conv["kernel"], conv["output"], conv["trainable"]) == ("5x5", "6x28x28", "156")
    assert (conv["padding"], conv["jump"]) == ("0+0x0+0", "1x1")
    shown = out(capsys, "show", "lenet5", "--format", "markdown").splitlines()
    assert shown[2].startswith("| c1.0 | Conv2d | 5×5 | 1 |  | 6×28×28 | 156 | 117,600 |")
    assert "connections: 340,908" in shown


def test_uneven_padding_unused_and_repeated_layers(capsys: pytest.CaptureFixture[str]) -> None:
    shown = out(capsys, "show", "efficientnet_lite0", "--input", "3x64x64", "--features-only")
    first = shown.splitlines()[1].split()
    assert first[:6] == ["stem.0", "SameConv2d", "3×3", "2", "0+1", "32×32×32"]
    shown = out(capsys, "show", "googlenet", "--input", "3x64x64", "--classes", "5")
    assert any(line.split()[1] == "unused" for line in shown.splitlines() if " unused " in line)
    assert "unused parameters, not counted above:" in shown
    shown = out(capsys, "show", "resnet18", "--input", "3x64x64")
    assert "layer1.0.relu (2)" in shown
    assert shown.count("layer1.0.add ") == 1


def test_networks_for_text_have_one_axis(capsys: pytest.CaptureFixture[str]) -> None:
    shown = out(capsys, "show", "kim_cnn", "--input", "16x20")
    [row] = [line.split() for line in shown.splitlines() if line.startswith("windows.convs.1")]
    assert row[1:6] == ["Conv1d", "4", "1", "1+2", "100×20"]


def test_features_only_and_classes(capsys: pytest.CaptureFixture[str]) -> None:
    shown = out(capsys, "show", "resnet18", "--input", "1x32x64", "--features-only")
    assert "512×1×2" in shown
    assert "embed" not in shown
    shown = out(capsys, "show", "resnet18", "--input", "1x32x64", "--classes", "7")
    [last] = [line.split() for line in shown.splitlines() if line.startswith("output.1 ")]
    assert last[1:4] == ["Linear", "7", "3,591"]


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (("vgg11", "--input", "3x0x224"), 2, "'3x0x224': every size must be at least 1"),
        (("vgg11", "--input", "abc"), 2, "'abc' is no size; give .* such as 3x224x224"),
        (("vgg11", "--input", "3x-2x4"), 2, "'3x-2x4' is no size"),
        (("vgg11", "--input", "64x64"), 2, "vgg11 takes 3 sizes, .* such as 3x224x224"),
        (("vgg11", "--input", "3x16x16"), 1, "MaxPool2d.* try --input 3x32x32"),
        (("vgg17",), 2, "no backbone 'vgg17'; did you mean vgg1"),
        (("vgg11", "--classes", "0"), 2, "0 is not in the range"),
        (("vgg11", "--classes", "2", "--features-only"), 2, "leave out one of the two"),
        (("vgg11", "--plot", "net.gif"), 2, r"net.gif: a drawing must end in \.png"),
    ],
)
def test_errors_are_one_line_with_a_remedy(
    args: tuple[str, ...], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", *args) == status
    shown = capsys.readouterr()
    [line] = shown.err.splitlines()
    assert re.search(message, line), line
    assert shown.out == ""


def test_a_network_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "lenet5.png"
    assert run("show", "lenet5", "--plot", str(path)) == 0
    shown = capsys.readouterr()
    assert shown.err == f"drawn into {path}\n"
    assert "connections: 340,908" in shown.out
    assert path.read_bytes().startswith(b"\x89PNG")


def test_on_a_terminal_the_table_is_fitted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Console, "is_terminal", True)
    monkeypatch.setenv("TERM", "dumb")  # 80 columns, and no codes for bold letters
    shown = out(capsys, "list").splitlines()
    assert max(map(len, shown)) == 80
    assert any(line.strip().endswith("Image") for line in shown)  # folded, and not cut


def test_help_and_the_list_need_no_torch() -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; "
        "main(['backbones', 'show', '--help']); main(['backbones']); "
        "main(['--help']); print(sorted({'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--features-only" in done.stdout
    assert "List networks, show their layers." in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
