"""Projects that `cnntasks plugins new` writes, made importable without installing them."""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from cnntasks import plugins


def register(project: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `pip install -e PROJECT` does: its packages on the path, and its entry points.

    Processes that are started from here see them as well.
    """
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    told = settings["project"]
    source = project / settings["tool"]["hatch"]["build"]["dev-mode-dirs"][0]
    info = site / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    )
    points = told["entry-points"]["cnntasks"]
    (info / "entry_points.txt").write_text(
        "[cnntasks]\n" + "".join(f"{name} = {module}\n" for name, module in points.items())
    )
    for folder in (site, source, project / "tests"):
        monkeypatch.syspath_prepend(str(folder))
    before = os.environ.get("PYTHONPATH", "")
    paths = os.pathsep.join(str(it) for it in (site, source, before) if str(it))
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


def keep_contract(file: Path, name: str, work: Path, leave_out: Sequence[str]) -> list[str]:
    """Run the checks of the contract test `name` in `file`; returns their names."""
    contract = getattr(import_file(file), name)()
    names = [it for it in dir(contract) if it.startswith("test_") and it not in leave_out]
    for number, each in enumerate(names):
        check = getattr(contract, each)
        code = check.__code__
        if "tmp_path" in code.co_varnames[: code.co_argcount]:
            folder = work / str(number)
            folder.mkdir(parents=True)
            check(tmp_path=folder)
        else:
            check()
    return names
