"""`cnntasks train style`: the feature network that style transfer looks through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cnntasks import FitOptions, fit_options

#: What a transfer with this network does unless told otherwise; see docs/style.md for how it was
#: chosen.
DEFAULTS: dict[str, Any] = {
    "iterations": 200,
    "style_weight": 20.0,
    "content_weight": 1.0,
    "tv_weight": 3.0,
    "style_layers": ["conv1_1", "conv2_1", "conv3_1", "conv3_4"],
    "content_layers": ["conv3_3"],
    "init": "content",
    "optimizer": "lbfgs",
}


@click.command("train")
@click.argument("data", nargs=-1, required=True, metavar="PICTURES...")
@click.option(
    "--teacher",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Published weights of VGG-19 (.pth or .safetensors); conv3_4 is the last it needs.",
)
@click.option(
    "--side",
    type=click.IntRange(32, 1024),
    default=128,
    show_default=True,
    help="Side of the samples that are cut out of PICTURES.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Samples per step.",
)
@click.option(
    "--pictures-per-epoch",
    type=click.IntRange(1),
    help="Length of an epoch.  [default: all pictures]",
)
@click.option(
    "--validation",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Pictures kept for validation, chosen by --seed.",
)
@fit_options(epochs=10, rate=1e-3)  # fmt: skip
def train(data: tuple[str, ...], fit: FitOptions, **options: Any) -> None:
    """Teach a small network to see PICTURES (files, folders) as VGG-19 does.

    The new model is a folder that style takes: VGG-19's layers down to conv3_4 at a fifth of their
    work, whose maps imitate those of --teacher. Pictures need no labels.
    """
    from cnntasks import ModelCard, recipe_of, report_trained, train_model
    from cnntasks_style.distillation import (
        DistillationLearner,
        DistillationSettings,
        read_teacher,
        start,
    )
    from cnntasks_style.lowrank import NAME
    from cnntasks_style.network import NAME as NETWORK
    from cnntasks_style.parts import read_parts

    teacher = read_teacher(options["teacher"])
    parts = read_parts(data, options["validation"], fit.settings.seed)
    settings = DistillationSettings(
        batch=options["batch_size"],
        per_epoch=options["pictures_per_epoch"],
        side=options["side"],
    )
    stages = [*DEFAULTS["style_layers"], *DEFAULTS["content_layers"]]
    card = ModelCard(
        name=fit.name,
        task="style",
        network={"name": NETWORK, "backbone": NAME, "stages": sorted(stages)},
        summary="VGG-19 down to conv3_4 at a fifth of its work, for style transfer.",
        training_data=", ".join(dict.fromkeys(Path(it).name for it in data)),
        defaults=DEFAULTS,
        recipe={
            "pictures": len(parts.train),
            "validation_pictures": len(parts.validation),
            **recipe_of(data, {**options, "teacher": options["teacher"].name}),
        },
    )
    network = start(teacher, parts.train, settings.side, fit.settings.seed)
    network.stages = tuple(card.network["stages"])
    learner = DistillationLearner(card, settings, teacher, parts.train, parts.validation)
    card = train_model(
        network,
        learner,
        card,
        fit.output,
        fit.settings,
        device=fit.device,
        resume=fit.resume,
        progress=not fit.quiet,
    )
    report_trained(card, fit)
