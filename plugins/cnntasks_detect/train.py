"""`cnntasks train detect`: a detector of one's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import FitOptions, UsageError, fit_options

if TYPE_CHECKING:
    from cnntasks import ModelCard
    from cnntasks_detect.batches import Entry
    from cnntasks_detect.network import FasterRCNN


@click.command("train")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--backbone",
    default="efficientnet_lite0",
    show_default=True,
    help="The feature network; vgg16 gives the paper's own form.",
)
@click.option(
    "--weights",
    default="imagenet",
    show_default=True,
    metavar="imagenet|none|FILE",
    help="Where the backbone starts.",
)
@click.option("--from", "start", metavar="MODEL", help="Start from a detector instead.")
@click.option("--classes", metavar="A,B,...", help="Classes to learn.  [default: all in DATA]")
@click.option(
    "--size",
    type=click.IntRange(64, 2048),
    default=320,
    show_default=True,
    help="Longer side of the network's input, in pixels.",
)
@click.option(
    "--predict-size",
    type=click.IntRange(32, 4096),
    help="Longer side at which the new model looks.  [default: --size]",
)
@click.option(
    "--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Pictures per step."
)
@click.option(
    "--pictures-per-epoch",
    type=click.IntRange(1),
    help="Length of an epoch.  [default: all pictures]",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.9),
    default=0.1,
    show_default=True,
    help="Part of the training pictures kept for validation where DATA has none.",
)
@click.option(
    "--validation-pictures",
    type=click.IntRange(1),
    default=400,
    show_default=True,
    help="At most so many are looked at after each epoch (all at the end).",
)
@click.option("--freeze", default="", metavar="STAGE", help="Last backbone stage to keep as it is.")
@click.option(
    "--backbone-rate",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    help="Learning rate of the backbone relative to --rate.",
)
@click.option(
    "--balance",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="Classes in a smaller part of the pictures than this are shown more often and count more.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0.1, 8),
    nargs=2,
    default=(0.7, 1.5),
    show_default=True,
    help="Smallest and largest zoom of the augmentation.",
)
@click.option(
    "--color",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    help="Strength of the colour jitter.",
)
@click.option(
    "--mosaic",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="How often four pictures are put together.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Processes that load pictures.",
)
@fit_options(epochs=12, rate=1e-3)  # fmt: skip
def train(data: tuple[str, ...], fit: FitOptions, **options: Any) -> None:
    """Train Faster R-CNN on DATA: COCO, Pascal VOC or YOLO data sets.

    Several data sets may label different classes: what a set does not label is not taught as
    background there. Classes are matched by name. A data set's own val split validates, or else
    a part of its train split.

    The new model is a folder that detect, evaluate and train --from take.
    """
    import torch

    from cnntasks import recipe_of, report_trained, train_model, update_card
    from cnntasks_detect.batches import spread
    from cnntasks_detect.learner import DetectionLearner, DetectionSettings
    from cnntasks_detect.measure import measure
    from cnntasks_detect.metrics import LOWEST_SCORE

    torch.manual_seed(fit.settings.seed)  # of the weights that are random at first
    network, card, sets = _start(data, fit.name, options)
    learned, validation = sets
    settings = DetectionSettings(
        size=options["size"],
        batch=options["batch_size"],
        per_epoch=options["pictures_per_epoch"],
        freeze=options["freeze"],
        backbone_rate=options["backbone_rate"],
        balance=options["balance"],
        scale=tuple(options["scale"]),
        color=options["color"],
        mosaic=options["mosaic"],
        workers=options["workers"],
        seed=fit.settings.seed,
    )
    recipe = {"pictures": len(learned), **recipe_of(data, options)}
    card = replace(card, recipe={**card.recipe, **recipe})
    learner = DetectionLearner(
        card, settings, learned, spread(validation, options["validation_pictures"])
    )

    def evaluate(folder: Path) -> dict[str, float]:
        from cnntasks import load

        pipeline = load("detect", folder.resolve(), many=True, threshold=LOWEST_SCORE)
        return measure(pipeline, validation)[""].metrics

    card = train_model(
        network,
        learner,
        card,
        fit.output,
        fit.settings,
        device=fit.device,
        resume=fit.resume,
        progress=not fit.quiet,
        evaluate=evaluate,
    )
    if "validation_best_threshold" in card.metrics:
        threshold = card.metrics["validation_best_threshold"]
        card = replace(card, defaults={**card.defaults, "threshold": threshold})
        update_card(fit.output, card)
    report_trained(card, fit)


def _start(
    data: tuple[str, ...], name: str, options: dict[str, Any]
) -> tuple[FasterRCNN, ModelCard, tuple[list[Entry], list[Entry]]]:
    """Read the data, and build the network that training starts from."""
    from cnntasks_detect.batches import divide_sets, read_parts
    from cnntasks_detect.starting import from_backbone, from_detector

    training, validating = read_parts(data)
    known = list(dict.fromkeys(name for part in training for name in part.classes))
    classes = known
    if options["classes"]:
        classes = [part.strip() for part in options["classes"].split(",") if part.strip()]
    learned, validation = divide_sets(training, validating, classes, options["validation"])
    if not learned or not validation:
        raise UsageError("too few pictures to keep some for validation; raise --validation")
    size = options["predict_size"] or options["size"]
    if options["start"]:
        network, card = from_detector(options["start"], name, classes, size)
    else:
        weights = None if options["weights"] == "none" else options["weights"]
        network, card = from_backbone(options["backbone"], weights, name, classes, size)
    return network, card, (learned, validation)
