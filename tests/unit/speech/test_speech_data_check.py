"""`cnntasks data check speech` tells what is wrong with recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cnntasks_speech.data.check import check_speech_data
from recordings import encoded, tone

from cnntasks import DataReport, InputError, UsageError
from cnntasks.cli.root import main


def write(folder: Path, recordings: dict[str, bytes]) -> Path:
    for name, data in recordings.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def word(number: int, seconds: float = 1.0) -> bytes:
    return encoded(tone(seconds, hertz=300 + 10 * number))


def good(folder: Path) -> Path:
    """Two words by six speakers in three splits, and silence."""
    names = {"train": "abc", "val": "de", "test": "fg"}
    return write(
        folder,
        {
            f"{split}/{label}/{speaker}_nohash_0.wav": word(10 * ord(speaker) + place)
            for split, speakers in names.items()
            for speaker in speakers
            for place, label in enumerate(("yes", "no"))
        },
    )


def said(report: DataReport, severity: str) -> list[str]:
    return [f"{it.where}: {it.message}" for it in report.findings if it.severity == severity]


def test_nothing_is_wrong_with_good_data(tmp_path: Path) -> None:
    report = check_speech_data(good(tmp_path))
    assert report.findings == []
    assert report.summary["splits"] == {"train": 6, "val": 4, "test": 4}
    assert report.summary["speakers"] == 7
    assert report.summary["recordings"] == 14
    assert report.summary["seconds"] == {"shortest": 1.0, "median": 1.0, "longest": 1.0}
    assert report.summary["rates"] == {"16000 Hz": 14}
    assert report.table[0] == {
        "class": "no", "split": "train", "recordings": 3, "speakers": 3, "minutes": 0.05,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "severity", "message"),
    [
        ("broken", b"RIFF\0\0", "error", "header is cut off or damaged"),
        ("text", b"yes yes yes", "error", "is a text, not audio"),
        ("empty", b"", "error", "is empty"),
        ("nan", encoded(np.full(16000, np.nan), subtype="FLOAT"), "error", "are no numbers"),
        ("silent", encoded(np.zeros(16000)), "error", "is silent but labelled 'yes'"),
        ("tiny", encoded(tone(0.05)), "error", "is only 50 ms long"),
        ("clipped", encoded(np.clip(9 * tone(1.0), -1, 1)), "warning", "is clipped"),
        ("short", encoded(tone(0.3)), "warning", "is 0.30 s long where 1.00 s are usual"),
        ("long", encoded(tone(2.7)), "warning", "is 2.70 s long where 1.00 s are usual"),
    ],
)
def test_one_bad_recording(
    name: str, data: bytes, severity: str, message: str, tmp_path: Path
) -> None:
    good(tmp_path)
    write(tmp_path, {f"train/yes/{name}_nohash_9.wav": data})
    report = check_speech_data(tmp_path)
    [found] = said(report, severity)
    assert f"{name}_nohash_9.wav: " in found
    assert message in found
    assert len(report.findings) == 1


def test_copies(tmp_path: Path) -> None:
    good(tmp_path)
    samples = np.round(tone(1.0, hertz=2222) * 32767).astype(np.int16)
    write(
        tmp_path,
        {
            "train/no/h_nohash_0.wav": encoded(samples),
            "train/no/h_nohash_1.flac": encoded(samples, format="FLAC"),
            "train/yes/h_nohash_2.wav": encoded(samples),
            "test/no/i_nohash_0.wav": encoded(samples),
        },
    )
    report = check_speech_data(tmp_path)
    errors = "\n".join(said(report, "error"))
    assert "labelled 'yes' here and 'no' there" in errors
    assert "in test here and in train there" in errors
    [warning] = said(report, "warning")
    assert "remove one of them" in warning


def test_speakers_in_two_splits(tmp_path: Path) -> None:
    good(tmp_path)
    write(tmp_path, {"test/yes/a_nohash_7.wav": word(3)})
    [error] = said(check_speech_data(tmp_path), "error")
    assert "speaker a: has recordings in several splits (2 in train and 1 in test)" in error


def test_imbalance_names_and_missing_classes(tmp_path: Path) -> None:
    good(tmp_path)
    write(
        tmp_path, {f"train/Yes/x{n}_nohash_0.wav": encoded(tone(1.0, hertz=3000 + 20 * n))
                   for n in range(33)}
    )  # fmt: skip
    warnings = "\n".join(said(check_speech_data(tmp_path), "warning"))
    assert "33 recordings of 'Yes' but 3 of " in warnings
    assert "differ in case or spacing alone" in warnings
    assert "the class 'Yes' has no recording here" in warnings


def test_transcripts_too_long_for_their_recording(tmp_path: Path) -> None:
    write(tmp_path, {"a.wav": word(1), "b.wav": word(2)})
    (tmp_path / "train.jsonl").write_text(
        '{"audio": "a.wav", "transcript": "one two"}\n'
        '{"audio": "b.wav", "transcript": "this cannot have been said in a single second"}\n'
    )
    report = check_speech_data(tmp_path)
    [error] = said(report, "error")
    assert "b.wav: is 1.00 s long, too short for its transcript" in error
    assert report.table[-1]["class"] == "(transcripts)"


def test_the_usual_length_may_be_given(tmp_path: Path) -> None:
    good(tmp_path)
    assert len(said(check_speech_data(tmp_path, length="3"), "warning")) == 14
    for wrong in ("long", "0", "nan"):
        with pytest.raises(UsageError, match="give seconds"):
            check_speech_data(tmp_path, length=wrong)


def test_no_data(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        check_speech_data(tmp_path)


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good(tmp_path)
    assert main(["data", "check", "speech", str(tmp_path)]) == 0
    write(tmp_path, {"train/yes/z_nohash_0.wav": b""})
    assert main(["data", "check", "speech", str(tmp_path), "--format", "json"]) == 1
    report = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert report["findings"][0]["severity"] == "error"
