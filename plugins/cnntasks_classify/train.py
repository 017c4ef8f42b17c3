"""`cnntasks train classify`: a classifier of one's own."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import FitOptions, fit_options

if TYPE_CHECKING:
    from cnntasks import ModelCard
    from cnntasks_classify.learner import ClassificationSettings


#: Options that are settings of another name.
_RENAMED = {
    "batch": "batch_size",
    "per_epoch": "pictures_per_epoch",
    "color": "jitter",
    "magnitude": "rand_augment",
}


def _settings(options: dict[str, Any], fit: FitOptions) -> ClassificationSettings:
    from cnntasks_classify.learner import ClassificationSettings

    names = {field.name for field in fields(ClassificationSettings)} - {"seed"}
    values = {name: options[_RENAMED.get(name, name)] for name in names}
    return ClassificationSettings(seed=fit.settings.seed, **values)


def _completed(
    options: dict[str, Any], card: ModelCard, handwriting: bool, pretrained: bool
) -> dict[str, Any]:
    """The options, with those that were left open decided by the data and the start."""
    usual = {"area": 0.35, "flip": 0.5, "jitter": 0.2}
    if handwriting:  # a mirrored or cut letter is another letter
        usual = {"area": 1.0, "flip": 0.0, "jitter": 0.0}
    decided: dict[str, Any] = {
        **usual,
        "train_norm": not pretrained,
        "backbone_rate": 0.3 if pretrained else 1.0,
        # LeNet-5's outputs are distances, and this is its paper's loss.
        "loss": "map" if card.network["backbone"] == "lenet5" else "cross-entropy",
    }
    given = {name: value for name, value in options.items() if value is not None}
    return {**options, **decided, **given}


@click.command("train")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--backbone",
    default="efficientnet_lite0",
    show_default=True,
    help="The network; `cnntasks backbones` lists them.",
)
@click.option(
    "--weights",
    default="auto",
    show_default=True,
    metavar="auto|imagenet|none|FILE",
    help="Where the network starts; auto: ImageNet's weights where they come along.",
)
@click.option("--from", "start", metavar="MODEL", help="Start from a classifier instead.")
@click.option(
    "--size",
    type=click.IntRange(8, 2048),
    help="Side of the square that the network sees.  [default: the network's]",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "RGB", "L"]),
    default="auto",
    show_default=True,
    help="Colour, or grey (L); auto: as the network was published.",
)
@click.option(
    "--framing",
    type=click.Choice(["auto", "shorter", "longer"]),
    default="auto",
    show_default=True,
    help="Cut the longer side off, or pad the shorter; auto: pad where DATA is grey and small.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Pictures per step.",
)
@click.option(
    "--pictures-per-epoch",
    type=click.IntRange(1),
    help="Length of an epoch.  [default: all pictures]",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.9, min_open=True),
    default=0.15,
    show_default=True,
    help="Part of each class kept for validation where DATA has none.",
)
@click.option(
    "--freeze",
    default="",
    metavar="STAGE",
    help="Last backbone stage to keep as it is; `all` trains the head only.",
)
@click.option(
    "--backbone-rate",
    type=click.FloatRange(0),
    help="Learning rate of the backbone relative to --rate.  [default: 0.3; 1 from random weights]",
)
@click.option(
    "--layer-decay",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Learning rate of each stage relative to that of the stage behind it.",
)
@click.option(
    "--train-norm/--keep-norm",
    default=None,
    help="Estimate batch normalisation anew.  [default: only from random weights]",
)
@click.option(
    "--loss",
    metavar="cross-entropy|mse|map|package.module:function",
    help="What is minimised.  [default: cross-entropy; map for lenet5]",
)
@click.option(
    "--label-smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Part of the target that is spread over all classes.",
)
@click.option(
    "--class-weights",
    type=click.Choice(["none", "balanced"]),
    default="none",
    show_default=True,
    help="Let rare classes count more.",
)
@click.option(
    "--area",
    type=click.FloatRange(0, 1, min_open=True),
    help="Smallest part of a picture that is cut out at random; 1: the middle always.  "
    "[default: 0.35; 1 for small grey pictures]",
)
@click.option(
    "--flip",
    type=click.FloatRange(0, 1),
    help="How often pictures are flipped horizontally.  [default: 0.5; 0 for small grey pictures]",
)
@click.option(
    "--jitter",
    type=click.FloatRange(0, 0.9),
    help="Strength of the colour jitter.  [default: 0.2; 0 for small grey pictures]",
)
@click.option(
    "--rand-augment",
    type=click.IntRange(0, 30),
    default=0,
    show_default=True,
    help="Magnitude of RandAugment; 0 for none.",
)
@click.option(
    "--distort",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Strength of handwriting distortions (affine, elastic); 0 for none.",
)
@click.option(
    "--mixup",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Alpha of mixup; 0 for none.",
)
@click.option(
    "--cutmix",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Alpha of CutMix; 0 for none.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Processes that load pictures.",
)
@fit_options(epochs=10, rate=1e-3)  # fmt: skip
def train(data: tuple[str, ...], fit: FitOptions, **options: Any) -> None:
    """Train a classifier on DATA: a folder per class, CSV, MNIST-style IDX or CIFAR files.

    Several data sets are learned together, their classes matched by name. A val split validates,
    or else a part of train, chosen class by class and always the same; training/split.csv in the
    new model says which. A test split is never touched.

    The new model is a folder that classify, evaluate and train --from take.
    """
    from cnntasks import load, recipe_of, report_trained, train_model
    from cnntasks_classify.learner import ClassificationLearner
    from cnntasks_classify.measure import measure
    from cnntasks_classify.parts import read_parts, write_split
    from cnntasks_classify.starting import Start, start_network

    parts = read_parts(data, options["validation"], fit.settings.seed)
    network, card, pretrained = start_network(
        Start(
            name=fit.name,
            backbone=options["backbone"],
            weights=options["weights"],
            model=options["start"],
            size=options["size"],
            color=options["color"],
            framing=options["framing"],
            seed=fit.settings.seed,
        ),
        parts,
        log=lambda line: None if fit.quiet else click.echo(line, err=True),
    )
    options = _completed(options, card, parts.small_grey, pretrained)
    if options["freeze"] == "all":
        options["freeze"] = network.classifier.backbone.stages[-1].name
    counts = {"pictures": len(parts.train), "validation_pictures": len(parts.validation)}
    card = replace(card, recipe={**card.recipe, **counts, **recipe_of(data, options)})
    learner = ClassificationLearner(card, _settings(options, fit), parts.train, parts.validation)

    def evaluate(folder: Path) -> dict[str, float]:
        pipeline = load("classify", folder.resolve(), many=True, top=None, threshold=0.0)
        return measure(pipeline, parts.validation)[0].metrics

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
    write_split(fit.output, parts)
    report_trained(card, fit)
