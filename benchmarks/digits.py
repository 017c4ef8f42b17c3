"""Strings of spoken digits: word error rates on speakers that a model has never heard.

    python benchmarks/digits.py DIGITS COMMANDS [--folds 0,1,2,3,4,5] [--work OUT]
    python benchmarks/digits.py DIGITS COMMANDS --work OUT --all

DIGITS is the folder of the Free Spoken Digit Dataset with an index.csv (path, word, speaker, index,
loso_fold), COMMANDS one of Speech Commands with train.csv and val.csv (path, speaker, word).

First a model learns from the digits of Speech Commands, which have some 150 speakers of one or two
digits each, and from synthetic voices, made with espeak-ng, which has to be installed: nobody of
DIGITS. Then for each speaker of DIGITS `cnntasks train speech` goes on from there with the recipe
of `digits` on the recordings of the five others; a tenth of those chooses the best epoch. Then 300
strings of 1 to 12 digits are composed of the recordings of the speaker that was left out, always
the same ones, and transcribed through the prediction pipeline, greedily. That is what
`cnntasks evaluate speech --model OUT/model-0 OUT/fold-0 --compose 1-12 --count 300 --seed 1` does.
`--all` trains one model on all six speakers instead.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
from common import print_machine

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RECIPES = Path(__file__).parents[1] / "plugins" / "cnntasks_speech" / "recipes"
#: espeak-ng's accents of English and some of its voices.
ACCENTS = (
    "en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029",
    "en-gb-x-gbcwmd", "en-us-nyc",
)  # fmt: skip
VOICES = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "Andrea", "Annie",
    "Alex", "Denis", "Gene", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "linda",
    "belinda", "steph", "adam", "anika", "antonio", "benjamin", "boris", "caleb", "david", "ed",
    "edward", "john", "kaukovalta", "max", "michel", "paul", "pedro", "quincy", "rob", "robert",
    "sandro", "shelby", "travis", "victor", "zac", "aunty", "grandma", "grandpa", "marcelo",
    "miguel", "norbert", "pablo", "gustave",
)  # fmt: skip
#: Of each speaker and word, every so many-th recording chooses the best epoch.
HELD = 10
LENGTHS = (1, 12)

Row = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("commands", type=Path)
    parser.add_argument("--folds", default="0,1,2,3,4,5")
    parser.add_argument("--work", type=Path, default=Path("digits-folds"))
    parser.add_argument("--strings", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1, help="Of the strings.")
    parser.add_argument("--all", action="store_true", help="One model of all speakers.")
    options = parser.parse_args()
    print_machine()
    rows = read_table(options.data / "index.csv")
    further = write_further(options.commands, options.work / "further")
    voices = write_voices(options.work / "voices")
    first = options.work / "digits-voices"
    if not (first / "card.json").exists():
        train("digits-voices", further, first, voices)
    extra = (further / "train.csv", voices)
    if options.all:
        folder = write_parts(rows, [], options.data, options.work / "all")
        train("digits", folder, options.work / "digits", *extra, start=first)
        return
    scores = []
    for fold in options.folds.split(","):
        test = [row for row in rows if row["loso_fold"] == fold]
        if not test:
            sys.exit(f"there is no fold {fold!r} in index.csv")
        rest = [row for row in rows if row["loso_fold"] != fold]
        folder = write_parts(rest, test, options.data, options.work / f"fold-{fold}")
        model = options.work / f"model-{fold}"
        if not (model / "card.json").exists():
            train("digits", folder, model, *extra, start=first)
        score = measure(model, folder, options.strings, options.seed)
        score["speaker"] = test[0]["speaker"]
        scores.append(score)
        (options.work / f"fold-{fold}.json").write_text(json.dumps(score, indent=2) + "\n")
        print(
            f"{score['speaker']:10} WER {score['WER']:.4f}  CER {score['CER']:.4f}  whole strings "
            f"right {score['sentence_accuracy']:.4f}  start off by {score['start_error']:.3f} s",
            flush=True,
        )
    for name in ("WER", "CER"):
        print(f"mean {name} {statistics.mean(score[name] for score in scores):.4f}")


def read_table(path: Path) -> list[Row]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_table(path: Path, rows: list[Row], root: Path) -> None:
    """A manifest of single words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "transcript", "speaker"])
        for row in rows:
            writer.writerow([(root / row["path"]).resolve(), row["word"], row["speaker"]])


def write_parts(rows: list[Row], test: list[Row], root: Path, folder: Path) -> Path:
    """train.csv and val.csv of the same speakers, and test.csv of another one."""
    write_table(folder / "train.csv", [row for row in rows if int(row["index"]) % HELD], root)
    write_table(folder / "val.csv", [row for row in rows if not int(row["index"]) % HELD], root)
    if test:
        write_table(folder / "test.csv", test, root)
    return folder


def write_further(commands: Path, folder: Path) -> Path:
    """The digits among the recordings of Speech Commands that are no test recordings."""
    for name in ("train", "val"):
        rows = [row for row in read_table(commands / f"{name}.csv") if row["word"] in WORDS]
        write_table(folder / f"{name}.csv", rows, commands)
    return folder


def write_voices(folder: Path) -> Path:
    """Two recordings of each digit by each synthetic voice, of other pitch and speed; a table."""
    table = folder / "train.csv"
    if table.exists():
        return table
    random = np.random.default_rng(0)
    rows = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, voice in enumerate(VOICES):
        for word in WORDS:
            for take in range(2):
                name = f"{voice}-{word}-{take}.wav"
                speed, pitch = random.integers(120, 200), random.integers(30, 70)
                command = ["espeak-ng", "-v", f"{ACCENTS[number % len(ACCENTS)]}+{voice}"]
                command += ["-s", str(speed), "-p", str(pitch), "-w", str(folder / name), word]
                subprocess.run(command, check=True, capture_output=True)
                rows.append({"path": name, "word": word, "speaker": voice})
    write_table(table, rows, folder)
    return table


def train(recipe: str, folder: Path, model: Path, *extra: Path, start: Path | None = None) -> None:
    """`cnntasks train speech` with a recipe, in this process: torch is imported once."""
    from cnntasks_speech.train import train as command

    arguments = [str(folder), "-o", str(model), "--quiet"]
    arguments += ["--recipe", str(RECIPES / f"{recipe}.toml")]
    for location in extra:
        arguments += ["--extra", str(location)]
    if start is not None:
        arguments += ["--from", str(start)]
    command.main(arguments, standalone_mode=False)


def measure(model: Path, folder: Path, strings: int, seed: int) -> dict[str, float | str]:
    """Error rates on composed strings of the test part."""
    from cnntasks_speech.transcripts import composed_utterances, measure_transcripts

    import cnntasks

    pipeline = cnntasks.load("speech", model)
    rate = pipeline.card.preprocessing["rate"]
    utterances = composed_utterances([f"{folder}:test"], rate, LENGTHS, strings, seed)
    return dict(measure_transcripts(pipeline, utterances)[0].metrics)


if __name__ == "__main__":
    main()
