"""Subtitles and labels."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

from cnntasks_speech.captions import CaptionWriter, audacity_labels, subtitles
from cnntasks_speech.results import SpeechResult, Word

from cnntasks import Outcome, Source

WORDS = (
    Word("turn", 0.5, 0.9, 0.9),
    Word("left", 1.0, 1.4, 0.9),
    Word("stop", 3661.5, 3661.62, 0.8),
    Word("go", 3662.7, 3663.0, 0.8),
)


def test_subtitles_stand_together_where_nobody_pauses() -> None:
    assert subtitles(WORDS) == (
        "1\n00:00:00,500 --> 00:00:01,400\nturn left\n\n"
        "2\n01:01:01,500 --> 01:01:02,000\nstop\n\n"
        "3\n01:01:02,700 --> 01:01:03,200\ngo\n\n"
    )
    assert subtitles(()) == ""


def test_subtitles_are_never_too_long_and_never_overlap() -> None:
    words = [Word("seven", n * 0.4, n * 0.4 + 0.3, 1.0) for n in range(100)]
    blocks = [block.splitlines() for block in subtitles(words).strip().split("\n\n")]
    assert sum(len(block[2].split()) for block in blocks) == 100
    assert all(len(block[2]) <= 84 for block in blocks)
    times = [time for block in blocks for time in block[1].split(" --> ")]
    assert times == sorted(times)


def test_labels_of_audacity() -> None:
    assert audacity_labels(WORDS[:2]) == "0.500000\t0.900000\tturn\n1.000000\t1.400000\tleft\n"


def outcome(name: str) -> Outcome[SpeechResult]:
    result = SpeechResult(WORDS, 4000.0, 16000, 1, 16000)
    return Outcome(Source(name, PurePosixPath(name), bytes), result)


def test_a_folder_has_a_file_for_each(tmp_path: Path) -> None:
    writer = CaptionWriter("srt", tmp_path / "out", True, io.StringIO())
    for name in ("a.wav", "deep/a.wav", "a.flac"):
        writer.write(outcome(name))
    writer.close()
    names = sorted(str(it.relative_to(tmp_path)) for it in tmp_path.rglob("*") if it.is_file())
    assert names == ["out/a.flac.srt", "out/a.srt", "out/deep/a.srt"]
    assert (tmp_path / "out/a.srt").read_text() == subtitles(WORDS)


def test_without_a_path_they_are_printed() -> None:
    stream = io.StringIO()
    CaptionWriter("audacity", None, False, stream).write(outcome("a.wav"))
    assert stream.getvalue() == audacity_labels(WORDS)
