"""What `cnntasks detect --size` costs and gains: mAP and pictures per second at several sizes.

    python benchmarks/detect_sizes.py --model MODEL DATA... [--validation 0.06] [--record]

Each DATA is a data set that the model was trained on with the recipe's `validation`: the pictures
that the training kept apart are measured, not the test parts. Speed is that of the command line
over a folder of photos of 500 pixels, its start included, no pictures written.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnntasks_detect.batches import Entry, divide_sets, read_parts
from cnntasks_detect.measure import measure
from cnntasks_detect.metrics import LOWEST_SCORE, restrict
from common import CNNTASKS, make_photos, print_machine, seconds

import cnntasks

#: People, vehicles and animals: the classes that most pictures of the embedded model's data show.
TWELVE = (
    *("person", "car", "bus", "truck", "motorcycle", "train"),
    *("airplane", "cat", "dog", "horse", "sheep", "cow"),
)


def quality(model: str, entries: Sequence[Entry], size: int) -> dict[str, float]:
    """mAP at one size."""
    pipeline = cnntasks.load("detect", model, many=True, size=size, threshold=LOWEST_SCORE)
    score = measure(pipeline, entries)[""]
    metrics = score.metrics
    measured = {
        "mAP50 of twelve": restrict(score, TWELVE).metrics["mAP50"],
        "mAP50": metrics["mAP50"],
        "mAP": metrics["mAP"],
        "mAP_small": metrics.get("mAP_small", 0.0),
    }
    return {name: round(value, 4) for name, value in measured.items()}


def speed(model: str, photos: Path, count: int, size: int, repeat: int) -> float:
    """Pictures per second of the command line."""
    command = [*CNNTASKS, "detect", str(photos), "--model", model, "--size", str(size)]
    command += ["--format", "json", "-q", "--no-picture"]
    return round(count / statistics.median(seconds(command, photos) for _ in range(repeat)), 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="*", metavar="DATA")
    parser.add_argument("--model", default="detect-lite0")
    parser.add_argument("--sizes", type=int, nargs="+", default=[320, 384, 512, 640])
    parser.add_argument("--validation", type=float, default=0.06)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="put the table on the model's card")
    options = parser.parse_args()
    print_machine("torch", "onnxruntime", "numpy", "pillow")
    folder = cnntasks.find_model("detect", options.model).resolve()
    card = cnntasks.read_card(folder)
    entries: list[Entry] = []
    if options.data:
        parts = read_parts(options.data)
        entries = divide_sets(*parts, card.classes, options.validation)[1]
        print(f"{len(entries)} pictures of the validation part")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        photos = Path(place) / "photos"
        make_photos(photos, options.photos)
        for size in options.sizes:
            row: dict[str, Any] = {"size": size}
            if entries:
                row |= quality(str(folder), entries, size)
            row["pictures/s"] = speed(str(folder), photos, options.photos, size, options.repeat)
            rows.append(row)
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    if options.record:
        tables = {**card.tables, "validation by size": rows}
        cnntasks.update_card(folder, replace(card, tables=tables))


if __name__ == "__main__":
    main()
