"""What plugins add beside verbs: formats of records, addresses, and being told of events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import cnntasks
from cnntasks import plugins
from cnntasks.cli.root import main

Install = Callable[..., Path]

XML = """
import cnntasks

@cnntasks.hookimpl
def register_writers():
    return {"xml": (".xml", "fake_xml:XmlWriter")}

class XmlWriter:
    def __init__(self, stream, columns):
        self.stream, self.columns = stream, columns
        stream.write("<results>\\n")
    def write(self, outcome):
        for row in outcome.result.to_rows():
            self.stream.write(f"<row source='{outcome.source.name}' label='{row['label']}'/>\\n")
    def close(self):
        self.stream.write("</results>\\n")
"""
BUCKET = """
import cnntasks
from pathlib import Path, PurePosixPath

@cnntasks.hookimpl
def register_sources():
    return {"bucket": "fake_bucket:expand"}

def expand(address):
    name = address.partition("://")[2]
    if name == "broken":
        raise ValueError("no connection")
    if name == "none":
        raise cnntasks.InputError(f"{address}: there is no such bucket")
    for number in range(2):
        path = PurePosixPath(f"{name}-{number}.webp")
        yield cnntasks.Source(f"{address}/{number}", path, Path(SAMPLE).read_bytes)
"""
LISTENER = """
import cnntasks
heard = []

@cnntasks.hookimpl
def on_result(outcome, task):
    heard.append((task, outcome.source.name, outcome.error is None))

@cnntasks.hookimpl
def on_fit_end(folder, card):
    heard.append((folder.name, card.name, card.metrics["validation_accuracy"] > 0))
"""
TEXTS = ("text", "--model", "questions", "-q")


def test_a_format_of_a_plugin_is_one_of_every_verb(
    install_plugin: Install, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    install_plugin("xml", XML)
    assert main([*TEXTS, "who is he?", "where is it?", "--format", "xml"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "<results>"
    assert lines[-1] == "</results>"
    assert [line.partition(" label=")[2][:4] for line in lines[1:-1]] == ["'hum", "'loc"]
    assert main(["detect", "--help"]) == 0
    assert "|xml]" in "".join(capfd.readouterr().out.split())


def test_a_file_of_that_suffix_means_the_format(install_plugin: Install, tmp_path: Path) -> None:
    install_plugin("xml", XML)
    out = tmp_path / "out.xml"
    assert main([*TEXTS, "who is he?", "-o", str(out)]) == 0
    assert out.read_text().count("<row") == 1
    assert not list(tmp_path.glob("*.partial"))


def test_addresses_of_a_plugin_stand_for_any_number_of_inputs(
    install_plugin: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    sample = Path(__file__).parents[2] / "samples" / "dog.webp"
    install_plugin("bucket", f"SAMPLE = {str(sample)!r}\n" + BUCKET)
    verb = ("classify", "--model", "mnist-lenet5", "--format", "json", "-q")
    assert main([*verb, "bucket://dogs"]) == 0
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [record["source"] for record in records] == ["bucket://dogs/0", "bucket://dogs/1"]
    assert main([*verb, "bucket://broken", "bucket://none", "ftp://x", str(sample)]) == 1
    shown = capfd.readouterr()
    assert len(shown.out.splitlines()) == 1
    errors = shown.err.splitlines()
    assert "bucket://broken: the plugin for it failed (ValueError: no connection)" in errors[0]
    assert "bucket://none: there is no such bucket" in errors[1]
    assert "no plugin reads ftp addresses; these can be read: bucket, http, https" in errors[2]
    assert main([*verb, "--offline", "bucket://dogs"]) == 1
    assert "not read because of --offline" in capfd.readouterr().err


def test_a_plugin_is_told_of_results_and_of_models(
    install_plugin: Install, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    install_plugin("listener", LISTENER)
    assert main([*TEXTS, "who is he?", " "]) == 1
    table = tmp_path / "texts.csv"
    rows = [
        f"{'good' if n % 2 else 'bad'},{'lovely' if n % 2 else 'awful'} film" for n in range(20)
    ]
    table.write_text("label,text\n" + "\n".join(rows) + "\n")
    command = ["train", "text", str(table), "-o", str(tmp_path / "mine"), "--epochs", "1",
               "--dimensions", "8", "--texts-per-epoch", "20", "--device", "cpu", "-q"]  # fmt: skip
    assert main(command) == 0
    import fake_listener  # type: ignore[import-not-found]

    assert [it[::2] for it in fake_listener.heard] == [
        ("text", True),
        ("text", False),
        ("mine", True),
    ]
    assert fake_listener.heard[2][1] == cnntasks.read_card(tmp_path / "mine").name


def test_a_listener_that_fails_is_reported_once_and_stops_nothing(
    install_plugin: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    install_plugin("listener", LISTENER.replace("heard.append((task", "raise OSError((task"))
    assert main([*TEXTS, "who is he?", "where is it?", "why?", "--format", "json"]) == 0
    shown = capfd.readouterr()
    assert len(shown.out.splitlines()) == 3
    [line] = [line for line in shown.err.splitlines() if "listener" in line]
    assert "failed: on_result: OSError" in line


@pytest.mark.parametrize(
    ("hook", "value", "message"),
    [
        ("register_writers", {"XML": (".xml", "a:b")}, "is not a valid format"),
        ("register_writers", {"xml": "a:b"}, "a tuple (suffix, reference) is expected"),
        ("register_writers", {"xml": ("xml", "a:b")}, "the suffix is 'xml'"),
        ("register_writers", {"xml": (".xml", "a.b")}, "'package.module:attribute' is expected"),
        ("register_sources", {"S3": "a:b"}, "is not a valid scheme"),
        ("register_sources", {"s3": "a"}, "'package.module:attribute' is expected"),
        ("register_sources", ["s3"], "returned a list; a dict is expected"),
    ],
)
def test_a_wrong_registration_is_named(
    hook: str, value: object, message: str, install_plugin: Install
) -> None:
    code = f"import cnntasks\n@cnntasks.hookimpl\ndef {hook}():\n    return {value!r}\n"
    install_plugin("wrong", code)
    [found] = [info for info in plugins.registry().plugins if info.name == "wrong"]
    assert found.status == "failed"
    assert message in (found.error or "")


@pytest.mark.parametrize(
    ("hook", "value", "kind"),
    [
        ("register_writers", {"json": (".js", "a:b")}, "format 'json'"),
        ("register_sources", {"https": "a:b"}, "scheme 'https'"),
    ],
)
def test_what_is_the_cores_own_stays_so(
    hook: str, value: object, kind: str, install_plugin: Install
) -> None:
    code = f"import cnntasks\n@cnntasks.hookimpl\ndef {hook}():\n    return {value!r}\n"
    install_plugin("taker", code)
    [found] = [info for info in plugins.registry().plugins if info.name == "taker"]
    assert found.status == "blocked"
    assert f"the {kind} is registered by cnntasks itself" in (found.error or "")
    assert not plugins.registry().writers
    assert "https" not in plugins.registry().sources
