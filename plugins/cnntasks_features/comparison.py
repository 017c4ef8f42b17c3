"""`cnntasks features compare`: features made by hand against learned ones, as an experiment."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cnntasks import (
    UsageError,
    import_attribute,
    list_backbones,
    load,
    print_rows,
    progress_bar,
    read_card,
    replacing,
    run_lifecycle,
)
from cnntasks_features.machines import Measured, hog_features, measure_machine, pixel_features
from cnntasks_features.samples import Split, grey_squares, labels_of, read_split, write_tables

_COLUMNS = ("classifier", "accuracy", "training s", "ms/picture", "parameters", "kB")
#: The network's model, in the folder of the results.
_MODEL = "cnn"
#: That of the recipe of `mnist-lenet5`: its squashed units learn slowly by small steps.
_LENET_RATE = 5e-3
#: Pictures by which its speed is measured.
_TIMED = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command was told."""

    data: Path
    backbone: str
    epochs: int
    rate: float | None
    train_limit: int | None
    test_limit: int | None
    side: int | None
    seed: int
    output: Path
    style: str
    device: str
    quiet: bool


def run_comparison(plan: Plan) -> None:
    """Train, measure, print, and write the picture and the results.

    Raises:
        UsageError: there is no such network.
        InputError: the data set cannot be read, or the results not be written.
    """
    if plan.backbone not in list_backbones() and not plan.backbone.startswith("torchvision:"):
        raise UsageError(f"there is no backbone {plan.backbone!r}; `cnntasks backbones` lists them")
    split = read_split(plan.data, plan.train_limit, plan.test_limit, plan.seed)
    labels = labels_of(split.train), labels_of(split.test)
    count = len(split.train) + len(split.test)
    with progress_bar(count, "pictures", plan.quiet) as advance:
        train = grey_squares(split.train, plan.side, advance)
        test = grey_squares(split.test, train.shape[1], advance)
    measured = []
    for name, features in (("raw pixels + SVM", pixel_features), ("HOG + SVM", hog_features)):
        _say(plan, f"{name}: {len(train)} pictures of {train.shape[1]}x{train.shape[1]} pixels")
        with progress_bar(count, name, plan.quiet) as advance:
            measured.append(
                measure_machine(
                    name, features, (train, labels[0]), (test, labels[1]), plan.seed, advance
                )
            )
    _say(plan, f"{plan.backbone}: {plan.epochs} epochs")
    measured.append(_network(plan, split))
    _write(plan, split, measured)
    _print(plan, split, measured)


def _network(plan: Plan, split: Split) -> Measured:
    """Train and measure the network by the commands of the task classify."""
    model = plan.output / _MODEL
    with tempfile.TemporaryDirectory(prefix="cnntasks-") as name:
        temporary = Path(name)
        train, test = split.locations if split.whole else write_tables(split, temporary)
        options = ["--backbone", plan.backbone, "--epochs", str(plan.epochs)]
        rate = plan.rate or (_LENET_RATE if plan.backbone == "lenet5" else None)
        options += ["--rate", str(rate)] if rate else []
        options += ["--seed", str(plan.seed), "--device", plan.device]
        options += ["--quiet"] if plan.quiet else []
        import_attribute("cnntasks:train_model")  # torch and what it needs belong to no method
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            run_lifecycle("train", "classify", [train, *options, "--output", str(model)])
        seconds = time.perf_counter() - started
        report = temporary / "report"
        device = [] if plan.device == "auto" else ["--device", plan.device]
        options = ["--model", str(model.resolve()), "--output", str(report), "--quiet", *device]
        with contextlib.redirect_stdout(io.StringIO()):
            run_lifecycle("evaluate", "classify", [test, *options])
        metrics = json.loads((report / "report.json").read_text(encoding="utf-8"))["metrics"]
    card = read_card(model)
    return Measured(
        method=plan.backbone,
        accuracy=float(metrics["top1"]),
        train_seconds=seconds,
        picture_ms=_time_of_a_picture(plan, model, split.test[:_TIMED]),
        parameters=card.parameters,
        kilobytes=(model / "weights.safetensors").stat().st_size / 1000,
        details={"epochs": plan.epochs, "model": str(model)},
    )


def _time_of_a_picture(plan: Plan, model: Path, examples: Sequence[Any]) -> float:
    """Milliseconds that the network takes for a decoded picture, its framing included."""
    pictures = [example.load() for example in examples]
    classify = load("classify", model.resolve(), device=plan.device, many=True)
    classify(pictures[0])
    started = time.perf_counter()
    classify(pictures)
    return (time.perf_counter() - started) / len(pictures) * 1000


def _write(plan: Plan, split: Split, measured: Sequence[Measured]) -> None:
    from cnntasks import InputError
    from cnntasks_features.charts import draw_comparison

    title = f"{plan.data.name}: {_counts(split)}"
    results = {**_described(plan, split), "classifiers": [it.to_dict() for it in measured]}
    try:
        with replacing(plan.output / "results.json") as temporary:
            temporary.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        with replacing(plan.output / "compare.png") as temporary:
            draw_comparison(measured, title, temporary)
    except OSError as error:
        raise InputError(
            f"{plan.output}: cannot be written ({error.strerror or error}); choose another --output"
        ) from error


def _print(plan: Plan, split: Split, measured: Sequence[Measured]) -> None:
    if plan.style == "json":
        results = {**_described(plan, split), "classifiers": [it.to_dict() for it in measured]}
        click.echo(json.dumps(results))
        return
    click.echo(f"{plan.data.name}: {_counts(split)}")
    rows = [
        {
            "classifier": it.method,
            "accuracy": f"{it.accuracy:.4f}",
            "training s": f"{it.train_seconds:.1f}",
            "ms/picture": f"{it.picture_ms:.2f}",
            "parameters": f"{it.parameters:,}",
            "kB": f"{it.kilobytes:.0f}",
        }
        for it in measured
    ]
    print_rows(_COLUMNS, rows, _COLUMNS[1:])
    click.echo(f"picture: {plan.output / 'compare.png'}")


def _described(plan: Plan, split: Split) -> dict[str, Any]:
    return {
        "data": plan.data.name,
        "train": len(split.train),
        "test": len(split.test),
        "classes": list(split.classes),
        "held_out": split.held_out,
        "seed": plan.seed,
    }


def _counts(split: Split) -> str:
    return (
        f"{len(split.train)} pictures to learn from, {len(split.test)} to measure on, "
        f"{len(split.classes)} classes"
    )


def _say(plan: Plan, line: str) -> None:
    if not plan.quiet:
        click.echo(line, err=True)
