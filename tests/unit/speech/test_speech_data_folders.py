"""Folders of recordings as Speech Commands has them, and their division by speakers."""

from __future__ import annotations

from pathlib import Path

import pytest
from cnntasks_speech.data import SILENCE, UNKNOWN, Clip, available_splits, read_speech_data
from cnntasks_speech.data.records import reject_others, speaker_of, split_speakers, which_split
from speech_folders import write_folders, write_noise, write_word

from cnntasks import InputError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_speakers_are_divided_as_the_paper_does() -> None:
    """Checked with the paper's formula: SHA-1 of the name before `_nohash_`, modulo 2^27, in %."""
    names = {"0a7c2a8d": 72.39, "00f0204f": 66.02, "bbaa7946": 87.91}
    for name in names:
        path = Path(f"yes/{name}_nohash_0.wav")
        assert which_split(path) == which_split(Path(f"no/{name}_nohash_7.wav"))
    splits = [which_split(Path(f"{number:08x}_nohash_0.wav")) for number in range(3000)]
    for split, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
        assert splits.count(split) / 3000 == pytest.approx(share, abs=0.02)


def test_a_folder_per_word(tmp_path: Path) -> None:
    data = write_folders(tmp_path / "words", speakers=12)
    splits = available_splits(data)
    parts = {split: read_speech_data(data, split) for split in splits}
    assert "train" in splits
    speakers = [{clip.speaker for clip in part.examples} for part in parts.values()]
    assert sum(map(len, speakers)) == len(set().union(*speakers)) == 12
    train = parts["train"]
    assert (train.format, train.classes) == ("folders", ("cat", "dog", "no", "yes"))
    assert [path.name for path in train.noise] == ["white.wav"]
    first = train.examples[0]
    assert first.path.is_file()
    assert (train.classes[first.label], first.name[:4]) == ("cat", "cat/")
    assert not train.has_transcripts


def test_the_lists_of_speech_commands_divide(tmp_path: Path) -> None:
    for name in ("yes/a_nohash_0.wav", "yes/b_nohash_0.wav", "no/c_nohash_0.wav"):
        touch(tmp_path / name)
    (tmp_path / "validation_list.txt").write_text("yes/a_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("no/c_nohash_0.wav\nno/gone_nohash_0.wav\n")
    assert available_splits(tmp_path) == ["train", "val", "test"]
    names = {
        split: [clip.name for clip in read_speech_data(tmp_path, split).examples]
        for split in ("train", "val", "test")
    }
    assert names == {
        "train": ["yes/b_nohash_0.wav"],
        "val": ["yes/a_nohash_0.wav"],
        "test": ["no/c_nohash_0.wav"],
    }


def test_folders_of_splits(tmp_path: Path) -> None:
    for name in ("training/yes/a.wav", "training/no/b.flac", "dev/yes/c.ogg"):
        touch(tmp_path / name)
    assert available_splits(tmp_path) == ["train", "val"]
    data = read_speech_data(tmp_path, "val")
    assert [(clip.name, clip.label) for clip in data.examples] == [("dev/yes/c.ogg", 1)]


def test_unknown_and_silence_under_any_of_their_names(tmp_path: Path) -> None:
    for name in ("_silence_/a.wav", "_unknown_/b.wav", "go/c.wav"):
        touch(tmp_path / name)
    assert read_speech_data(tmp_path).classes == ("go", SILENCE, UNKNOWN)


def test_recordings_without_a_folder_of_their_word(tmp_path: Path) -> None:
    touch(tmp_path / "yes.wav")
    with pytest.raises(InputError, match="its recordings lie in no folder of a word"):
        read_speech_data(tmp_path)


def test_no_data_set_at_all(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="not a speech data set; expected a folder of recordings"):
        read_speech_data(tmp_path)
    with pytest.raises(InputError, match="there is no such file or folder"):
        read_speech_data(tmp_path / "missing")


def test_others_become_unknown_and_keep_their_word(tmp_path: Path) -> None:
    data = read_speech_data(write_folders(tmp_path / "words", speakers=2), "all")
    rejected = reject_others(data, ["yes", "NO"])
    assert rejected.classes == ("no", "yes", UNKNOWN)
    found = {(rejected.classes[clip.label], clip.word) for clip in rejected.examples}
    assert found == {("no", ""), ("yes", ""), (UNKNOWN, "cat"), (UNKNOWN, "dog")}


def test_speakers_stay_together() -> None:
    clips = [Clip(Path(f"{n}.wav"), n % 3, speaker=f"s{n % 50}", name=str(n)) for n in range(500)]
    kept, held = split_speakers(clips, 0.2, seed=1)
    assert {clip.speaker for clip in kept} & {clip.speaker for clip in held} == set()
    assert 0.05 < len(held) / 500 < 0.4
    assert split_speakers(reversed(clips), 0.2, seed=1)[1] == held[::-1]
    assert split_speakers(clips, 0.2, seed=2)[1] != held


def test_clips_without_a_speaker_are_divided_one_by_one() -> None:
    clips = [Clip(Path(f"{n}.wav"), 0, name=str(n)) for n in range(400)]
    _, held = split_speakers(clips, 0.25)
    assert 60 < len(held) < 140


def test_speaker_of_a_file() -> None:
    assert speaker_of(Path("yes/0a7c2a8d_nohash_0.wav")) == "0a7c2a8d"
    assert speaker_of(Path("yes/george.wav")) is None


def test_noise_is_no_word(tmp_path: Path) -> None:
    write_word(tmp_path / "yes" / "a.wav", 400.0)
    write_word(tmp_path / "no" / "b.wav", 900.0)
    write_noise(tmp_path)
    assert read_speech_data(tmp_path).classes == ("no", "yes")
