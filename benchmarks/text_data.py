"""The texts that the embedded text models learn from and are measured on.

    python benchmarks/text_data.py DATA OUT

DATA holds the folders `sst`, `mr`, `imdb` and `trec` (tab-separated, see `kim2014.py`). OUT gets
`questions/train.tsv` and `test/questions.tsv`, TREC with its classes written out, and for
`sentiment`, with the classes `negative` and `positive`:

- `sentiment/train.tsv`: phrases and sentences of SST, sentences of MR, reviews of IMDB, the long
  ones three times, which are a tenth of all texts otherwise;
- `sentiment/dev.tsv`: the sentences of SST's dev part, and a twentieth of MR and of IMDB;
- `test/sst.tsv`, `test/mr.tsv` (fold 9), `test/imdb.tsv`.

SST is made of MR's sentences. So what has a sentence of SST's dev or test part in it is left out,
and so are phrases and sentences of SST that are part of a sentence of MR's fold 9 (a phrase of
fewer than four words may be part of anything, and stays). What is left out is printed.
"""

from __future__ import annotations

import csv
import gzip
import html
import re
import sys
from collections.abc import Iterable
from pathlib import Path

SENTIMENTS = {"0": "negative", "1": "positive"}
QUESTIONS = {
    "ABBR": "abbreviation",
    "DESC": "description",
    "ENTY": "entity",
    "HUM": "human",
    "LOC": "location",
    "NUM": "number",
}
HELD_OUT = "9"  # of MR's folds
LEAST = 4  # words of a phrase that has to come from somewhere
SHORTEST = 10  # letters of a sentence that is looked for within others
EVERY = 20  # text of MR and IMDB validates
LONG, TIMES = 100, 3  # texts of more words are there so many times

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """The rows of a tab-separated file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def key(text: str) -> str:
    """The words of a sentence, however it was taken apart: SST writes brackets as `-lrb-`."""
    plain = re.sub(r"-[lr]rb-", " ", html.unescape(re.sub(r" ?(&#\d+) ?;", r"\1;", text.lower())))
    return "".join(re.findall(r"[a-z0-9]+", plain))


def write(path: Path, rows: Iterable[Row], names: dict[str, str] = SENTIMENTS) -> None:
    """Write label and text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write("label\ttext\n")
        for row in rows:
            stream.write(f"{names[row['label']]}\t{row['text']}\n")


def main(data: Path, out: Path) -> None:
    """Write everything."""
    sst = {name: read(data / "sst" / f"sst_binary_{name}.tsv") for name in ("train", "dev", "test")}
    phrases = read(data / "sst" / "sst_binary_phrases_train.tsv.gz")
    # Neutral sentences, which the binary task does not have, are in MR as well.
    kept_back = {
        key(row["text"])
        for name in ("dev", "test")
        for row in read(data / "sst" / f"sst_fine_{name}.tsv")
    }
    mr = read(data / "mr" / "mr.tsv")
    mr_test = [row for row in mr if row["fold"] == HELD_OUT]
    mr_other = [row for row in mr if row["fold"] != HELD_OUT]
    tested = {key(row["text"]) for row in mr_test}
    # MR's "sentences" can be several, of which SST has each by itself.
    known = kept_back | tested
    telling = [sentence for sentence in kept_back if len(sentence) >= SHORTEST]

    def is_kept_back(row: Row) -> bool:
        plain = key(row["text"])
        return plain in known or any(sentence in plain for sentence in telling)

    mr_train = [row for row in mr_other if not is_kept_back(row)]
    everything = "\n".join(sorted(tested))

    def is_tested(row: Row) -> bool:
        plain = key(row["text"])
        return len(row["text"].split()) >= LEAST and plain in everything

    sst_train = [row for row in (*phrases, *sst["train"]) if not is_tested(row)]
    imdb = read(data / "imdb" / "train.tsv.gz")
    imdb_test = read(data / "imdb" / "test.tsv.gz")
    twice = {key(row["text"]) for row in imdb_test}
    imdb_train = [row for row in imdb if key(row["text"]) not in twice]
    print(f"MR: {len(mr_other) - len(mr_train)} of {len(mr_other)} sentences are in SST's dev or "
          f"test part, or in fold {HELD_OUT}")  # fmt: skip
    print(f"SST: {len(phrases) + len(sst['train']) - len(sst_train)} of "
          f"{len(phrases) + len(sst['train'])} phrases are part of fold {HELD_OUT}")  # fmt: skip
    print(f"IMDB: {len(imdb) - len(imdb_train)} of {len(imdb)} reviews are in the test part")
    dev = [*sst["dev"], *mr_train[::EVERY], *imdb_train[::EVERY]]
    held = {key(row["text"]) for row in dev}
    train = [*sst_train, *mr_train, *imdb_train]
    # Short phrases of dev sentences stay, as everywhere; whole sentences do not.
    train = [
        row for row in train if len(row["text"].split()) < LEAST or key(row["text"]) not in held
    ]
    train += (TIMES - 1) * [row for row in train if len(row["text"].split()) > LONG]
    write(out / "sentiment" / "train.tsv", train)
    write(out / "sentiment" / "dev.tsv", dev)
    for name, rows in (("sst", sst["test"]), ("mr", mr_test), ("imdb", imdb_test)):
        write(out / "test" / f"{name}.tsv", rows)
    for name, path in (("train", "questions/train.tsv"), ("test", "test/questions.tsv")):
        write(out / path, read(data / "trec" / f"trec_{name}.tsv"), QUESTIONS)
    print(f"{len(train)} to learn from, {len(dev)} to validate; to test: SST {len(sst['test'])}, "
          f"MR {len(mr_test)}, IMDB {len(imdb_test)}")  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
