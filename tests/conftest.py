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
