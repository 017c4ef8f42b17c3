"""The tests of these projects within those of cnntasks: as if each project were installed.

Installed for real, a project's own tests run without this file: `pip install -e . && pytest`.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnntasks import plugins

HERE = Path(__file__).parent
# Importable, and so no plugins yet: those need an entry point.
sys.path[:0] = [str(path.parent) for path in sorted(HERE.glob("*/pyproject.toml"))]


@pytest.fixture(scope="module", autouse=True)
def _installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The entry points of the project that the test module lies in are found."""
    project = HERE / request.path.relative_to(HERE).parts[0]
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = tmp_path_factory.mktemp("site")
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
    )
    points = [f"{name} = {module}" for name, module in about["entry-points"]["cnntasks"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[cnntasks]", *points, ""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        for folder in (project, site):
            patch.setenv("PYTHONPATH", str(folder), prepend=":")
        plugins.reset()
        yield
    plugins.reset()
