"""`cnntasks speech` from the arguments to the files."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from recordings import encoded, stdin_of
from tiny_spotter import spoken

from cnntasks.cli.root import main

SAID = [("low", 0.2), ("high", 1.0), ("low", 2.2)]


@dataclass(frozen=True)
class Shown:
    """What a run ended with and wrote."""

    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Shown]


@pytest.fixture
def speech(
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """`speech(*args, stdin=b"")` runs `cnntasks speech --model TONES ARGS`.

    In a folder with `talk.wav` (3.5 s, 44100 Hz, two channels), `clip.flac` (1 s, `high`) and
    `more/clip.wav` (1 s, `low`).
    """
    monkeypatch.chdir(tmp_path)
    talk = spoken(SAID, 3.5, 44100)
    Path("talk.wav").write_bytes(encoded(np.stack([talk, talk], axis=1), 44100))
    Path("clip.flac").write_bytes(encoded(spoken([("high", 0.3)], 1.0), format="FLAC"))
    Path("more").mkdir()
    Path("more/clip.wav").write_bytes(encoded(spoken([("low", 0.3)], 1.0)))

    def run(*args: str | Path, stdin: bytes = b"") -> Shown:
        capfd.readouterr()
        monkeypatch.setattr(sys, "stdin", stdin_of(io.BytesIO(stdin)))
        status = main(["speech", "--model", str(tones), *map(str, args)])
        shown = capfd.readouterr()
        return Shown(status, shown.out, shown.err)

    return run


def test_a_recording_is_a_table_of_words(speech: Run) -> None:
    shown = speech("talk.wav")
    assert shown.status == 0
    header, *rows = [line.split() for line in shown.out.splitlines()]
    assert header == ["source", "start", "end", "word", "confidence"]
    assert [(row[0], row[3]) for row in rows] == [("talk.wav", word) for word, _ in SAID]
    assert [float(row[1]) for row in rows] == pytest.approx([it for _, it in SAID], abs=0.05)
    assert shown.err.startswith("tones: ONNX Runtime ")


def test_clips_have_one_label_and_in_json_all(speech: Run) -> None:
    shown = speech("clip.flac", "more")
    assert [line.split()[3] for line in shown.out.splitlines()[1:]] == ["high", "low"]
    [record] = speech("clip.flac", "--format", "json").records
    assert (record["source"], record["text"], record["label"]) == ("clip.flac", "high", "high")
    assert len(record["labels"]) == 4
    assert (record["source_rate"], record["rate"], record["channels"]) == (16000, 16000, 1)
    [cut] = speech("clip.flac", "--format", "json", "--top", "2").records
    assert cut["labels"] == record["labels"][:2]


def test_csv(speech: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(speech("talk.wav", "--format", "csv").out)))
    assert [row["word"] for row in rows] == [word for word, _ in SAID]
    assert set(rows[0]) == {"source", "start", "end", "word", "confidence"}


def test_verbose_says_both_rates(speech: Run) -> None:
    lines = speech("talk.wav", "--verbose").err.splitlines()
    assert lines[1] == "talk.wav: 3.50 s, 2 channels at 44100 Hz, heard at 16000 Hz"
    assert len(speech("talk.wav").err.splitlines()) == 1
    assert speech("talk.wav", "-q", "--verbose").err == ""


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("words.srt", "1\n00:00:00,"),
        ("words.txt", "0."),
        ("words.jsonl", '{"source": "talk.wav"'),
        ("words.csv", "source,start,end,word,confidence\ntalk.wav,0."),
    ],
)
def test_output_files(speech: Run, name: str, beginning: str) -> None:
    shown = speech("talk.wav", "-o", name)
    assert (shown.status, shown.out) == (0, "")
    assert Path(name).read_text(encoding="utf-8").startswith(beginning)


def test_captions_on_standard_output(speech: Run) -> None:
    assert speech("talk.wav", "--format", "srt").out.startswith("1\n00:00:00,")
    assert speech("talk.wav", "--format", "audacity").out.count("\t") == 6


def test_captions_of_several_recordings_go_to_a_folder(speech: Run) -> None:
    shown = speech("talk.wav", "more", "--format", "srt", "-o", "out")
    assert (shown.status, shown.out) == (0, "")
    assert sorted(path.name for path in Path("out").iterdir()) == ["clip.srt", "talk.srt"]
    for args in (("--format", "srt"), ("-o", "words.srt"), ("-o", "labels.txt")):
        shown = speech("talk.wav", "more", *args)
        assert shown.status == 2
        assert "needs a folder" in shown.err


def test_spectrograms_are_drawn(speech: Run) -> None:
    assert speech("talk.wav", "more", "--save-spectrogram", "-o", "pictures").status == 0
    assert sorted(path.name for path in Path("pictures").iterdir()) == [
        "clip.speech.png",
        "talk.speech.png",
    ]
    with Image.open("pictures/talk.speech.png") as picture:
        assert picture.width >= 720
    assert speech("clip.flac", "--save-spectrogram").status == 0
    assert Path("clip.speech.png").is_file()


def raw(samples: np.ndarray) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()


LIVE = raw(spoken(SAID, 3.5))


def test_raw_samples_are_printed_word_by_word(speech: Run) -> None:
    shown = speech("-", "--raw", "16000", stdin=LIVE)
    assert shown.status == 0
    header, *rows = [line.split() for line in shown.out.splitlines()]
    assert header == ["start", "end", "confidence", "word"]
    assert [row[3] for row in rows] == [word for word, _ in SAID]
    records = speech("-", "--raw", "16000", "--format", "json", stdin=LIVE).records
    assert [record["word"] for record in records] == [word for word, _ in SAID]
    rows = list(
        csv.DictReader(
            io.StringIO(speech("-", "--raw", "16000", "--format", "csv", stdin=LIVE).out)
        )
    )
    assert [row["word"] for row in rows] == [word for word, _ in SAID]


def test_a_wav_stream_is_live_too_and_a_short_one_a_clip(speech: Run) -> None:
    shown = speech("-", "--format", "json", stdin=Path("talk.wav").read_bytes())
    assert [record["word"] for record in shown.records] == [word for word, _ in SAID]
    [record] = speech("-", "--format", "json", stdin=Path("more/clip.wav").read_bytes()).records
    assert (record["source"], record["label"]) == ("-", "low")
    [record] = speech("-", "--format", "json", stdin=Path("clip.flac").read_bytes()).records
    assert record["label"] == "high"


def test_live_words_are_printed_and_written(speech: Run) -> None:
    shown = speech("-", "--raw", "16000", "-o", "live.srt", stdin=LIVE)
    assert len(shown.out.splitlines()) == 4
    assert Path("live.srt").read_text().startswith("1\n")
    shown = speech("-", "--raw", "16000", "-o", "live.jsonl", stdin=LIVE)
    assert len(shown.out.splitlines()) == 4
    assert json.loads(Path("live.jsonl").read_text())["text"] == "low high low"
    shown = speech("-", "--raw", "16000", "--format", "srt", stdin=LIVE)
    assert shown.out.startswith("1\n00:00:00,")
    assert speech("-", "--raw", "16000", "-v", stdin=LIVE).err.splitlines()[1] == (
        "-: 3.50 s, 1 channel at 16000 Hz, heard at 16000 Hz"
    )


def test_standard_input_among_others_is_a_file(speech: Run) -> None:
    data = Path("talk.wav").read_bytes()
    records = speech("clip.flac", "-", "--format", "json", stdin=data).records
    assert [(it["source"], it["text"]) for it in records] == [
        ("clip.flac", "high"),
        ("-", "low high low"),
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "no recordings given"),
        (("talk.wav", "--raw", "16000"), "--raw is for standard input"),
        (("talk.wav", "--hop", "9"), "hop must be from 0.01 to"),
        (("talk.wav", "--beam", "4"), "transcribes nothing"),
        (("talk.wav", "--words", "gone.txt"), "gone.txt: cannot be read"),
        (("talk.wav", "--format", "srt", "-o", "words.csv"), "cannot hold srt"),
        (("talk.wav", "--threshold", "0"), "--threshold"),
        (("talk.wav", "--top", "0"), "--top"),
    ],
)
def test_wrong_usage(speech: Run, args: tuple[str, ...], message: str) -> None:
    shown = speech(*args)
    assert shown.status == 2
    assert message in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", "-: standard input is empty"),
        (b"RIFF\0\0\0\0WAVEfmt ", "-: its header is cut off"),
        (b"not a sound at all\n" * 20, "-: is a text, not audio"),
    ],
)
def test_bad_standard_input(speech: Run, stdin: bytes, message: str) -> None:
    shown = speech("-", stdin=stdin)
    assert (shown.status, shown.out.count("\n") <= 1) == (1, True)
    assert f"cnntasks: error: {message}" in shown.err


def test_a_terminal_is_no_recording(
    speech: Run, tones: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin_of(io.BytesIO(b""), terminal=True))
    assert main(["speech", "--model", str(tones), "-"]) == 2
    assert "arecord" in capfd.readouterr().err


def test_prediction_does_not_import_torch(tones: Path, speech: Run) -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; "
        f"status = main(['speech', '--model', {str(tones)!r}, 'talk.wav', '-q']); "
        "print(status, sorted({'torch', 'torchaudio', 'PIL', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_threshold_and_hop(speech: Run) -> None:
    assert len(speech("talk.wav", "--hop", "0.05").out.splitlines()) == 4
    [record] = speech("talk.wav", "--threshold", "1", "--format", "json").records
    assert record["words"] == []
