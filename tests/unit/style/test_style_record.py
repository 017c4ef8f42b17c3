"""OUT.json: written whole or not at all, and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cnntasks_style import record
from cnntasks_style.record import Input, Record, check_record_place, read_record, write_record
from cnntasks_style.settings import StyleSettings

from cnntasks import InputError, UsageError

MADE = Record(
    "vgg19",
    "cpu",
    StyleSettings(size=64, style_layers=("a", "b"), layer_weights=(1, 0.1), style_blend=(1, 2)),
    {
        "content": (Input("caf\udce9.jpg", "0" * 64),),
        "styles": (Input("a.png", "1" * 64), Input("b.png", "2" * 64)),
        "content_masks": (),
        "style_masks": (),
    },
    "3" * 64,
)
LOSSES: list[dict[str, Any]] = [
    {"iteration": it, "scale": [64, 43], "losses": {"style": 1 / it}} for it in (1, 2, 3)
]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", MADE, {"seconds": 1.5}, LOSSES)
    assert read_record(tmp_path / "a.json") == MADE
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    values = json.loads(text)
    assert values["seconds"] == 1.5
    assert values["losses"] == LOSSES
    assert sum('"iteration"' in line for line in text.splitlines()) == 3  # a line each
    write_record(tmp_path / "a.json", MADE, {}, [])
    assert json.loads((tmp_path / "a.json").read_text())["losses"] == []


def test_a_failure_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(tmp_path / "a.json", MADE, {}, LOSSES)
    before = (tmp_path / "a.json").read_text()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match=r"a\.json: cannot be written \(No space left"):
        write_record(tmp_path / "a.json", MADE, {"seconds": 2}, LOSSES)
    assert (tmp_path / "a.json").read_text() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_only_records_are_replaced(tmp_path: Path) -> None:
    check_record_place(tmp_path / "a.json")
    write_record(tmp_path / "a.json", MADE, {}, LOSSES)
    check_record_place(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(UsageError, match="is no record of a style transfer; choose another -o"):
        check_record_place(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"record": "coco"}, "it is another kind of file"),
        ({"record_version": "1"}, "version '1' is newer"),
        ({"model": 3}, "model, device and pixels_sha256 must be text"),
        ({"styles": [3]}, "is no record"),
        ({"settings": None}, "is no record"),
    ],
    ids=str,
)
def test_damaged_records(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", MADE, {}, LOSSES)
    values = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps({**values, **change}))
    with pytest.raises(InputError) as caught:
        read_record(tmp_path / "a.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: ")


def test_versions_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    import numpy as np

    assert record.versions()["numpy"] == np.__version__
    assert int(record.versions()["cores"]) >= 1

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(record.metadata, "version", missing)
    assert record.versions()["torch"] == "not installed"
