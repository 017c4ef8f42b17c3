"""Pulling published models: verified, converted, put into the cache whole or not at all."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Site

from cnntasks.catalog import CatalogEntry
from cnntasks.errors import CnntasksError, ModelError, PluginError
from cnntasks.models.card import ModelCard
from cnntasks.models.download import ATTEMPTS
from cnntasks.models.folder import read_weights, verify_folder
from cnntasks.models.lock import file_lock
from cnntasks.models.pull import pull


@pytest.fixture
def entry(site: Site, card: ModelCard) -> CatalogEntry:
    """As torchvision publishes: eight digits of the SHA-256 in the file's name."""
    return CatalogEntry(
        name="tiny",
        card=replace(card, licence="BSD-3-Clause"),
        url=site.url,
        sha256=hashlib.sha256(site.body).hexdigest()[:8],
        size=len(site.body),
        convert="fake_converter:convert",
    )


def files(cache: Path) -> set[str]:
    """Every file below the cache but the locks."""
    paths = (path.relative_to(cache) for path in cache.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if path.parts[0] != "locks"}


WHOLE = {f"models/tiny/{name}" for name in ("card.json", "weights.safetensors", "SHA256SUMS")}


def test_a_published_model_is_pulled(entry: CatalogEntry, site: Site, cache: Path) -> None:
    lines: list[str] = []
    seen: list[tuple[int, int]] = []
    folder = pull(entry, log=lines.append, progress=lambda *now: seen.append(now))
    assert folder == cache / "models" / "tiny"
    assert verify_folder(folder) == []
    assert read_weights(folder)["bytes"].tobytes() == site.body
    assert files(cache) == WHOLE
    assert lines[0] == f"downloading tiny (1.0 MB, licence: BSD-3-Clause) from {site.url}"
    assert seen[-1] == (len(site.body), len(site.body))


def test_a_model_that_is_here_is_not_fetched_again(
    entry: CatalogEntry, site: Site, cache: Path
) -> None:
    assert pull(entry) == pull(entry)
    assert len(site.requests) == 1


def test_an_embedded_model_is_its_folder(tmp_path: Path, cache: Path) -> None:
    assert pull(CatalogEntry(name="tiny", folder=tmp_path)) == tmp_path
    assert not cache.exists()


def test_a_wrong_hash_leaves_nothing(entry: CatalogEntry, site: Site, cache: Path) -> None:
    digest = hashlib.sha256(site.body).hexdigest()
    with pytest.raises(ModelError, match=f"SHA-256 {digest}, but 12345678 is published"):
        pull(replace(entry, sha256="12345678"))
    assert files(cache) == set()
    assert pull(replace(entry, sha256=digest.upper())).is_dir()


def test_a_cut_download_is_resumed_by_the_next_pull(
    entry: CatalogEntry, site: Site, cache: Path
) -> None:
    site.cuts = [200_000] * ATTEMPTS
    with pytest.raises(ModelError, match="cut 4 times"):
        pull(entry)
    assert files(cache) == {"downloads/tiny.part", "downloads/tiny.part.origin"}
    assert verify_folder(pull(entry)) == []
    assert site.requests[-1]["range"] == "bytes=800000-"
    assert files(cache) == WHOLE


def test_a_given_file_needs_no_network(
    entry: CatalogEntry, site: Site, cache: Path, tmp_path: Path
) -> None:
    file = tmp_path / "published.pth"
    file.write_bytes(site.body)
    assert verify_folder(pull(entry, source_file=file)) == []
    assert site.requests == []
    assert file.read_bytes() == site.body
    assert files(cache) == WHOLE


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"short", "has 5 bytes, but the published file of tiny has 1024000"),
        (bytes(1_024_000), "has the SHA-256 .* is published for tiny; fetch it from http"),
        (None, "cannot be read .No such file"),
    ],
)
def test_a_given_file_is_verified_and_left_alone(
    entry: CatalogEntry, cache: Path, tmp_path: Path, content: bytes | None, expected: str
) -> None:
    file = tmp_path / "published.pth"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match=expected):
        pull(entry, source_file=file)
    assert file.exists() == (content is not None)
    assert files(cache) == set()


@pytest.mark.parametrize(
    ("convert", "error", "expected"),
    [
        ("fail", ModelError, "tiny: converting .*tiny.part failed .*backbone.conv1.weight"),
        ("write_nothing", ModelError, "converting .* failed: .*not a model folder"),
        ("rename", PluginError, "wrote a model of another name or task .other, detect"),
        ("absent", PluginError, "has no attribute 'absent'"),
    ],
)
def test_a_failed_conversion_keeps_the_download_and_nothing_else(
    entry: CatalogEntry,
    site: Site,
    cache: Path,
    convert: str,
    error: type[CnntasksError],
    expected: str,
) -> None:
    with pytest.raises(error, match=expected):
        pull(replace(entry, convert=f"fake_converter:{convert}"))
    assert files(cache) == {"downloads/tiny.part", "downloads/tiny.part.origin"}
    pull(entry)
    assert len(site.requests) == 1
    assert files(cache) == WHOLE


@pytest.mark.parametrize("missing", ["card", "url", "sha256", "convert"])
def test_an_incomplete_entry_blames_the_plugin(entry: CatalogEntry, missing: str) -> None:
    with pytest.raises(PluginError, match="must give card, url, sha256 and convert"):
        pull(replace(entry, **{missing: None}))


def test_what_a_killed_process_left_is_cleared(entry: CatalogEntry, cache: Path) -> None:
    for leftover in ("staging/tiny/tiny/weights.safetensors", "models/tiny/graph.onnx"):
        (cache / leftover).parent.mkdir(parents=True)
        (cache / leftover).write_text("half")
    assert verify_folder(pull(entry)) == []
    assert files(cache) == WHOLE


def test_a_cache_that_cannot_be_made_is_one_line(
    entry: CatalogEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNTASKS_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="cannot be written"):
        pull(entry)


def test_a_full_disk_at_conversion_leaves_the_download(
    entry: CatalogEntry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", no_space)
        with pytest.raises(ModelError, match="disk is full"):
            pull(entry)
    assert files(cache) == {"downloads/tiny.part", "downloads/tiny.part.origin"}
    assert verify_folder(pull(entry)) == []


PULL = """
import sys
from cnntasks.models.card import ModelCard
from cnntasks.catalog import CatalogEntry
from cnntasks.models.pull import pull
url, sha256, size = sys.argv[1:]
card = ModelCard(name="tiny", task="detect", network={"name": "tiny"})
entry = CatalogEntry("tiny", None, card, url, sha256, int(size), "fake_converter:convert")
print(pull(entry, log=lambda line: print(line, file=sys.stderr)))
"""


def test_two_processes_pull_one_model_once(
    entry: CatalogEntry, site: Site, cache: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),
        "FAKE_CONVERTER_TRACE": str(trace),
    }
    command = [sys.executable, "-c", PULL, site.url, entry.sha256 or "", str(entry.size)]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert [out.strip() for out, _ in outputs] == [str(cache / "models" / "tiny")] * 2
    assert len(site.requests) == 1
    assert len(trace.read_text().splitlines()) == 1
    assert sum("another process is pulling tiny" in err for _, err in outputs) <= 1
    assert verify_folder(cache / "models" / "tiny") == []
    assert files(cache) == WHOLE


HOLD = """
import sys, time
from pathlib import Path
from cnntasks.models.lock import file_lock
with file_lock(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_waited_for_and_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    waits: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        def kill_holder() -> None:
            waits.append(time.monotonic())
            holder.kill()

        with file_lock(path, kill_holder):
            pass
    assert len(waits) == 1
    with file_lock(path, lambda: pytest.fail("nobody holds the lock")):
        pass


def test_a_size_that_is_only_about_right_is_not_checked(
    entry: CatalogEntry, site: Site, cache: Path, tmp_path: Path
) -> None:
    about = replace(entry, size=len(site.body) + 999, rounded=True)
    assert verify_folder(pull(about)) == []
    file = tmp_path / "given.pth"
    file.write_bytes(site.body)
    again = replace(about, name="other", card=replace(entry.card, name="other"))  # type: ignore[type-var]
    assert verify_folder(pull(again, source_file=file)) == []


@pytest.fixture
def local(entry: CatalogEntry, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The published file, in a package that is installed; returns its path."""
    (tmp_path / "fake_package.py").write_text(
        "from pathlib import Path\n"
        "from cnntasks import ModelError\n"
        "def find():\n"
        "    path = Path(__file__).with_name('published.pth')\n"
        "    if not path.exists():\n"
        "        raise ModelError('tiny: run: pip install fake-package')\n"
        "    return path\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "fake_package", raising=False)
    path = tmp_path / "published.pth"
    path.write_bytes(site.body)
    return path


def test_a_file_that_came_with_a_package_is_prepared_without_a_network(
    entry: CatalogEntry, site: Site, local: Path, cache: Path
) -> None:
    lines: list[str] = []
    packed = replace(entry, url=None, local="fake_package:find")
    folder = pull(packed, log=lines.append)
    assert verify_folder(folder) == []
    assert lines == ["preparing tiny for the fast engine: once, kept in the cache ..."]
    assert site.requests == []
    assert files(cache) == WHOLE
    assert local.exists()
    assert pull(packed, log=lines.append) == folder
    assert len(lines) == 1


def test_a_package_that_is_missing_or_holds_another_file_names_the_remedy(
    entry: CatalogEntry, local: Path, cache: Path
) -> None:
    packed = replace(entry, url=None, local="fake_package:find")
    local.write_bytes(b"x" * local.stat().st_size)
    with pytest.raises(ModelError, match=r"has the SHA-256 .*; install its package again"):
        pull(packed)
    local.unlink()
    with pytest.raises(ModelError, match="pip install fake-package"):
        pull(packed)
    assert files(cache) == set()
