"""Recordings that cannot be used, or hardly: a line each, the right status, and others go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import encoded, tone
from tiny_spotter import spoken

from cnntasks.cli.root import main

ERROR = "cnntasks: error: "
GOOD = spoken([("low", 0.3)], 1.0)
WITH_NAN = GOOD.copy()
WITH_NAN[9000] = np.nan

#: Name, content, and a part of the line on standard error.
REFUSED = [
    ("empty.wav", b"", "is empty (0 bytes)"),
    ("nothing.wav", encoded(np.zeros(0)), "holds no sound"),
    ("short.wav", encoded(tone(0.01)), "only 10 ms long, too short for a word"),
    ("nan.wav", encoded(WITH_NAN, subtype="FLOAT"), "are no numbers (NaN or infinite), from"),
    ("cut.wav", encoded(GOOD)[:30], "its header is cut off or damaged"),
    ("cut.flac", encoded(GOOD, format="FLAC")[:60], "its header is cut off or damaged"),
    ("cut.mp3", encoded(GOOD, format="MP3", subtype=None)[:40], "its header is cut off or damaged"),
    ("story.wav", b"Once upon a time\n" * 90, "is a text, not audio"),
    ("photo.wav", b"\xff\xd8\xff\xe0" + bytes(400), "is a picture, not audio"),
    ("noise.wav", np.random.default_rng(0).bytes(5000), "is not audio that can be read"),
    ("film.wav", b"\0\0\0\x20ftypisom" + bytes(9000), "is a video (MP4); take the sound out"),
    ("film.ogg", b"\x1a\x45\xdf\xa3" + bytes(9000), "is a video (WebM or Matroska)"),
]
#: Name, content, what is found in it, and a part of the remark.
USED = [
    ("silent.wav", encoded(np.zeros(16000)), "silence", "is silent"),
    ("clipped.wav", encoded(np.clip(GOOD * 20, -1, 1)), "low", "is clipped"),
    ("eight.wav", encoded(GOOD, subtype="PCM_U8"), "low", ""),
    ("float.wav", encoded(GOOD, subtype="FLOAT"), "low", ""),
    ("fast.wav", encoded(spoken([("low", 0.3)], 1.0, 192000), 192000), "low", ""),
    ("cinema.wav", encoded(np.stack([GOOD] * 6, axis=1)), "low", ""),
    ("small.mp3", encoded(GOOD, format="MP3", subtype=None), "low", ""),
    ("small.ogg", encoded(GOOD, format="OGG", subtype=None), "low", ""),
    ("small.opus", encoded(GOOD, format="OGG", subtype="OPUS"), "low", ""),
    ("small.flac", encoded(GOOD, format="FLAC"), "low", ""),
]  # fmt: skip


def run(
    tones: Path, capfd: pytest.CaptureFixture[str], *args: str
) -> tuple[int, list[dict[str, Any]], list[str]]:
    capfd.readouterr()
    status = main(["speech", "--model", str(tones), "--format", "json", *args])
    shown = capfd.readouterr()
    # libmpg123 writes to standard error for itself.
    ours = [line for line in shown.err.splitlines() if line.startswith((ERROR, *args))]
    return status, [json.loads(line) for line in shown.out.splitlines()], ours


@pytest.mark.parametrize(("name", "data", "message"), REFUSED, ids=[it[0] for it in REFUSED])
def test_what_is_refused_is_named_and_others_go_on(
    name: str,
    data: bytes,
    message: str,
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    Path("good.wav").write_bytes(encoded(GOOD))
    status, records, lines = run(tones, capfd, "good.wav", name, "good.wav")
    assert status == 1
    assert [record["label"] for record in records] == ["low", "low"]
    [line] = lines
    assert line.startswith(f"{ERROR}{name}: ")
    assert message in line


@pytest.mark.parametrize(("name", "data", "label", "remark"), USED, ids=[it[0] for it in USED])
def test_what_is_odd_is_used(
    name: str,
    data: bytes,
    label: str,
    remark: str,
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    status, [record], lines = run(tones, capfd, name)
    assert status == 0
    assert record["label"] == label
    assert record.get("remark", "") == (lines[0].removeprefix(f"{name}: ") if lines else "")
    assert len(lines) == bool(remark)
    assert all(remark in line for line in lines)


def test_a_folder_of_all_of_them(
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("all").mkdir()
    for name, data, *_ in (*REFUSED, *USED):
        (Path("all") / name).write_bytes(data)
    status, records, lines = run(tones, capfd, "all")
    assert status == 1
    assert len(records) == len(USED)
    assert sum(line.startswith(ERROR) for line in lines) == len(REFUSED)


def test_a_missing_file_and_an_empty_folder(
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("void").mkdir()
    status, records, lines = run(tones, capfd, "gone.wav", "void")
    assert (status, records) == (1, [])
    assert "no such file" in lines[0]
    assert "no recordings in this folder" in lines[1]
