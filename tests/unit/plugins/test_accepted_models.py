"""`TaskSpec.accepts`: a verb that can use the models of other verbs as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnntasks
from cnntasks import CatalogEntry, ModelCard, ModelError, plugins
from cnntasks.models.store import resolve_model
from cnntasks.pipeline import find_model

CODE = """
import click
import cnntasks

class Opened:
    def __init__(self, card, folder, choice):
        self.card = card

    def __call__(self):
        return self.card.name

def spec(name, **more):
    return cnntasks.TaskSpec(
        name, "A verb.", "default", "fake_verbs:command", opener="fake_verbs:Opened", **more)

command = click.Command("verb")

@cnntasks.hookimpl
def register_tasks():
    return [spec("sort"), spec("paint", accepts=ACCEPTS), spec("other")]
"""
Install = Callable[..., Path]


def write(folder: Path, task: str) -> Path:
    cnntasks.write_model_folder(folder, ModelCard(folder.name, task, {"name": task}), {}, None)
    return folder


@pytest.fixture
def verbs(install_plugin: Install, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`verbs(ACCEPTS)` installs the plugin above, where `paint` accepts that."""

    def install(accepts: str) -> None:
        install_plugin("verbs", CODE.replace("ACCEPTS", accepts))
        monkeypatch.setenv("CNNTASKS_PLUGINS", "verbs")
        plugins.reset()

    return install


def test_a_folder_of_an_accepted_task(verbs: Callable[[str], None], tmp_path: Path) -> None:
    verbs('("sort",)')
    sorter, painter = write(tmp_path / "sorter", "sort"), write(tmp_path / "painter", "paint")
    for folder in (sorter, painter):
        opened: Any = cnntasks.load("paint", folder)
        assert opened() == folder.name
        assert find_model("paint", folder) == folder


def test_it_does_not_work_the_other_way_round(verbs: Callable[[str], None], tmp_path: Path) -> None:
    verbs('("sort",)')
    painter, other = write(tmp_path / "painter", "paint"), write(tmp_path / "other", "other")
    with pytest.raises(ModelError, match="a model for `cnntasks paint`, not for `cnntasks sort`"):
        cnntasks.load("sort", painter)
    with pytest.raises(ModelError, match="a model for `cnntasks other`, not for `cnntasks paint`"):
        cnntasks.load("paint", other)


def test_nothing_else_is_accepted_unless_said(verbs: Callable[[str], None], tmp_path: Path) -> None:
    verbs("()")
    with pytest.raises(ModelError, match="a model for `cnntasks sort`, not for `cnntasks paint`"):
        cnntasks.load("paint", write(tmp_path / "sorter", "sort"))


@pytest.mark.parametrize("accepts", ['"sort"', '["sort"]', "(1,)", "None", '("sort", None)'])
def test_anything_but_a_tuple_of_names_is_refused(
    accepts: str, verbs: Callable[[str], None]
) -> None:
    verbs(accepts)
    (plugin,) = [it for it in plugins.registry().plugins if it.name == "verbs"]
    assert plugin.status == "failed"
    assert "accepts of 'paint' is" in str(plugin.error)
    assert "a tuple of tasks is expected" in str(plugin.error)


def test_by_name_and_before_a_download(tmp_path: Path) -> None:
    sorter = write(tmp_path / "sorter", "sort")
    published = ModelCard("far", "sort", {"name": "sort"})
    catalog = {
        "sorter": CatalogEntry("sorter", folder=sorter),
        "far": CatalogEntry("far", url="http://localhost:9/far", card=published),
    }
    assert resolve_model("sorter", "paint", catalog, also=("sort",)) == sorter
    for name in catalog:
        with pytest.raises(ModelError, match=f"{name}: is a model for `cnntasks sort`, not for"):
            resolve_model(name, "paint", catalog)
    with pytest.raises(ModelError, match="far: is not on this machine, and --offline forbids"):
        resolve_model("far", "paint", catalog, also=("sort",), offline=True)
