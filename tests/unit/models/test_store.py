"""From names to folders: the cache's place, the catalog, resolving, importing, listing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from loopback import Site
from model_samples import Arrays

from cnntasks.catalog import CatalogEntry
from cnntasks.errors import ModelError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.folder import verify_folder, write_model_folder
from cnntasks.models.store import (
    cache_dir,
    find,
    folder_listing,
    import_model,
    installed,
    inventory,
    resolve_model,
)


@pytest.fixture
def folder(tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto) -> Path:
    write_model_folder(tmp_path / "mine", card, weights, model.SerializeToString())
    return tmp_path / "mine"


@pytest.fixture
def entries(folder: Path, card: ModelCard, site: Site, cache: Path) -> dict[str, CatalogEntry]:
    published = CatalogEntry(
        name="published",
        card=replace(card, name="published"),
        url=site.url,
        sha256=hashlib.sha256(site.body).hexdigest(),
        size=len(site.body),
        convert="fake_converter:convert",
    )
    return {"tiny": CatalogEntry(name="tiny", folder=folder), "published": published}


def states(entries: dict[str, CatalogEntry]) -> dict[str, str]:
    return {listing.entry.name: listing.state for listing in inventory(entries)}


def test_the_cache_is_where_the_person_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNTASKS_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_dir() == tmp_path / "a"
    monkeypatch.delenv("CNNTASKS_CACHE")
    assert cache_dir() == tmp_path / "b" / "cnntasks"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_dir() == tmp_path / ".cache" / "cnntasks"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_dir() == tmp_path / "Library" / "Caches" / "cnntasks"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "c"))
    assert cache_dir() == tmp_path / "c" / "cnntasks" / "cache"


def test_without_a_home_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("CNNTASKS_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ModelError, match="set CNNTASKS_CACHE"):
        cache_dir()


def test_a_name_is_its_embedded_folder(entries: dict[str, CatalogEntry], folder: Path) -> None:
    assert resolve_model("tiny", "detect", entries, offline=True) == folder


def test_a_folder_is_itself(
    entries: dict[str, CatalogEntry], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve_model(str(folder), "detect", {}) == folder
    monkeypatch.chdir(folder.parent)
    assert resolve_model("mine", "detect", entries) == Path("mine")
    assert resolve_model("./mine/", "detect", entries) == Path("mine")


def test_a_folder_without_a_model_does_not_hide_a_name(
    entries: dict[str, CatalogEntry],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve_model("tiny", "detect", entries) == folder
    with pytest.raises(ModelError, match=r"tiny: not a model folder .*card\.json"):
        resolve_model("./tiny", "detect", entries)


def test_a_strangers_graph_is_checked(folder: Path) -> None:
    graph = folder / "graph.onnx"
    # The same length, so that the file stays a valid message.
    graph.write_bytes(graph.read_bytes().replace(b"weights.safetensors", b"../../../etc/passwd"))
    with pytest.raises(ModelError, match=r"only 'weights\.safetensors' is allowed"):
        resolve_model(str(folder), "detect", {})
    with pytest.raises(ModelError, match=r"not imported: .* is allowed"):
        import_model(folder, {})


def test_an_unknown_name_gets_names_like_it(entries: dict[str, CatalogEntry]) -> None:
    with pytest.raises(ModelError, match=r"'publishd'; did you mean published\? `cnntasks models`"):
        resolve_model("publishd", "detect", entries)
    with pytest.raises(ModelError, match=r"named 'zzz'; `cnntasks models` lists them"):
        resolve_model("zzz", "detect", entries)


@pytest.mark.parametrize("kind", ["path", "embedded", "published"])
def test_a_model_of_another_task_names_its_verb(
    entries: dict[str, CatalogEntry], folder: Path, site: Site, kind: str
) -> None:
    name = {"path": str(folder), "embedded": "tiny", "published": "published"}[kind]
    with pytest.raises(ModelError, match="is a model for `cnntasks detect`, not for `cnntasks st"):
        resolve_model(name, "style", entries)
    assert site.requests == []


def test_a_published_model_is_pulled_unless_offline(
    entries: dict[str, CatalogEntry], site: Site, cache: Path
) -> None:
    with pytest.raises(ModelError, match=r"\(1\.0 MB\); fetch it with `cnntasks models pull publ"):
        resolve_model("published", "detect", entries, offline=True)
    assert site.requests == []
    assert not cache.exists()
    assert states(entries) == {"published": "to download", "tiny": "embedded"}
    lines: list[str] = []
    pulled = resolve_model("published", "detect", entries, log=lines.append)
    assert "licence" in lines[0]
    assert installed(entries["published"]) == pulled == cache / "models" / "published"
    assert states(entries) == {"published": "here", "tiny": "embedded"}
    assert resolve_model("published", "detect", entries, offline=True) == pulled


def test_an_imported_model_is_known_by_its_name(
    entries: dict[str, CatalogEntry], folder: Path, card: ModelCard, cache: Path
) -> None:
    copy = import_model(folder / "card.json", entries, name="my-tiny")
    assert copy == cache / "models" / "my-tiny"
    assert verify_folder(copy) == []
    assert read_card(copy) == replace(card, name="my-tiny")
    assert resolve_model("my-tiny", "detect", entries, offline=True) == copy
    assert states(entries)["my-tiny"] == "imported"
    with pytest.raises(ModelError, match="my-tiny is imported already"):
        import_model(folder, entries, name="my-tiny")
    assert verify_folder(copy) == []


def test_an_import_takes_the_model_and_nothing_else(folder: Path, cache: Path) -> None:
    (folder / "setup.py").write_text("raise SystemExit")
    copy = import_model(folder, {})
    assert copy.name == "tiny"
    assert {path.name for path in copy.iterdir()} == {
        "card.json",
        "weights.safetensors",
        "graph.onnx",
        "SHA256SUMS",
    }


@pytest.mark.parametrize("name", ["../../evil", "a/b", ".hidden", "a\nb"])
def test_an_import_cannot_leave_the_cache(folder: Path, cache: Path, name: str) -> None:
    with pytest.raises(ModelError, match="not a valid model name"):
        import_model(folder, {}, name=name)
    assert not cache.exists()


def test_what_cannot_be_imported_says_why(
    entries: dict[str, CatalogEntry], folder: Path, tmp_path: Path, cache: Path
) -> None:
    with pytest.raises(ModelError, match="a plugin has a model named tiny; choose another"):
        import_model(folder, entries)
    with pytest.raises(ModelError, match="not a model folder"):
        import_model(tmp_path / "absent", entries)
    with pytest.raises(ModelError, match=r"pull NAME --from FILE"):
        import_model(folder / "graph.onnx", entries)
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"not imported: .*truncated"):
        import_model(folder, {})
    assert not cache.exists()


def test_a_broken_card_does_not_hide_the_others(
    entries: dict[str, CatalogEntry], folder: Path
) -> None:
    copy = import_model(folder, entries, name="broken")
    (copy / "card.json").write_text("{")
    assert states(entries) == {
        "published": "to download",
        "tiny": "embedded",
        "broken": "unreadable",
    }
    assert find("broken", entries).folder == copy


def test_a_folder_anywhere_can_be_described(folder: Path) -> None:
    listing = folder_listing(folder)
    assert (listing.state, listing.entry.name, listing.folder) == ("folder", "tiny", folder)
    with pytest.raises(ModelError, match="not a model folder"):
        folder_listing(folder.parent)


def test_resolving_what_is_here_loads_nothing_that_speaks_http(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from cnntasks.catalog import CatalogEntry\n"
        "from cnntasks.models.store import resolve_model\n"
        "resolve_model('tiny', 'detect', {'tiny': CatalogEntry('tiny', Path(sys.argv[1]))})\n"
        "print({'urllib.request', 'http.client', 'numpy', 'onnx', 'rich'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
