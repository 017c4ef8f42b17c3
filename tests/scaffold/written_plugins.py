"""Projects that `cnntasks plugins new` writes, made importable without installing them."""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from cnntasks import plugins


def register(project: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `pip install -e PROJECT` does: its packages on the path, and its entry points.

    Processes that are started from here see them as well.
    """
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    )
    points = told["entry-points"]["cnntasks"]
    (info / "entry_points.txt").write_text(
        "[cnntasks]\n" + "".join(f"{name} = {module}\n" for name, module in points.items())
    )
    for folder in (site, project / "src", project / "tests"):
        monkeypatch.syspath_prepend(str(folder))
    before = os.environ.get("PYTHONPATH", "")
    paths = os.pathsep.join(str(it) for it in (site, project / "src", before) if str(it))
    monkeypatch.setenv("PYTHONPATH", paths)
    plugins.reset()


def forget(folder: Path) -> None:
    """Forget all modules that were imported from below `folder`, and the plugins."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(folder):
            del sys.modules[name]
    plugins.reset()


def import_file(path: Path) -> ModuleType:
    """Import a file by a name of its own: those of test files are no modules of ours."""
    name = f"written_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
