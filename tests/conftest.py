"""Fixtures that several rooms share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from cnntasks import plugins

InstallPlugin = Callable[..., Path]


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPlugin]:
    """Install a fake distribution with one plugin module into a folder on `sys.path`.

    `install_plugin(name, code, module=None, distribution=None, version="1.0", value=None)` returns
    that folder: a subprocess sees the plugin with the folder on PYTHONPATH.
    """
    site = tmp_path / "site"
    site.mkdir()
    modules_before = set(sys.modules)
    path_before = list(sys.path)
    monkeypatch.syspath_prepend(str(site))
    for variable in ("PLUGINS", "DISABLE_PLUGINS", "PLUGINS_DIR", "DEBUG"):
        # Set and deleted, so that what a command line test sets is undone as well.
        monkeypatch.setenv(f"CNNTASKS_{variable}", "")
        monkeypatch.delenv(f"CNNTASKS_{variable}")

    def install(
        name: str,
        code: str,
        *,
        module: str | None = None,
        distribution: str | None = None,
        version: str = "1.0",
        value: str | None = None,
    ) -> Path:
        module = module or f"fake_{name.replace('-', '_')}"
        distribution = distribution or f"{name}-dist"
        (site / f"{module}.py").write_text(dedent(code), encoding="utf-8")
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
        )
        points = info / "entry_points.txt"
        before = points.read_text(encoding="utf-8") if points.exists() else "[cnntasks]\n"
        points.write_text(f"{before}{name} = {value or module}\n", encoding="utf-8")
        plugins.reset()
        return site

    plugins.reset()
    yield install
    plugins.reset()
    sys.path[:] = path_before
    for name in set(sys.modules) - modules_before:
        module_file = getattr(sys.modules[name], "__file__", None)
        if module_file and Path(module_file).is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture(scope="session")
def tiny_detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a detector with random weights: what it finds means nothing.

    Its classes are `cat`, `dog` and `traffic light`; it looks at pictures with 128 pixels on the
    longer side. Making it takes most of a minute, hence once for all tests.
    """
    import torch
    from cnntasks_detect.learner import graph_spec
    from cnntasks_detect.network import build
    from cnntasks_detect.settings import Settings

    import cnntasks

    settings = Settings(
        backbone="resnet18",
        levels=("layer2", "layer3"),
        pyramid=16,
        anchor_sizes=((16.0,), (40.0,), (90.0,)),
        rpn_candidates=20,
        proposals=10,
        roi_size=3,
        head=(16,),
        detections=20,
    )
    card = cnntasks.ModelCard(
        name="tiny",
        task="detect",
        network=settings.to_dict(),
        classes=("cat", "dog", "traffic light"),
        preprocessing={"size": 128, "multiple": 32, "fill": [127, 127, 127]},
        defaults={"threshold": 0.3, "iou": 0.5},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(22)  # one that finds several things in the samples
        network = build(card)
    with torch.no_grad():
        # Far apart, so that no two scores are so near each other that engines may rank them
        # differently.
        network.rpn_head.cls_logits.weight.mul_(100)
        network.box_predictor.cls_score.weight.mul_(20)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    cnntasks.write_model(network, graph_spec(32), card, folder)
    return folder
