"""`cnntasks train segment`: a segmentation model of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnntasks import FitOptions, InputError, ModelError, UsageError, fit_options

if TYPE_CHECKING:
    from cnntasks_segment.data import Example


@click.command("train")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.option(
    "--backbone",
    default="efficientnet_lite0",
    show_default=True,
    help="The network; `cnntasks backbones` lists them.",
)
@click.option(
    "--head",
    type=click.Choice(["lraspp", "fcn"]),
    default="lraspp",
    show_default=True,
    help="Lite R-ASPP (Howard et al. 2019), or FCN with skips (Long et al. 2015).",
)
@click.option(
    "--weights",
    default="auto",
    show_default=True,
    metavar="auto|imagenet|none|FILE",
    help="Where the backbone starts; auto: ImageNet's weights where they come along.",
)
@click.option(
    "--size",
    type=click.IntRange(32, 2048),
    default=256,
    show_default=True,
    help="Longer side, in pixels, at which the network looks; a multiple of 32.",
)
@click.option(
    "--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Pictures per step."
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.9, min_open=True),
    default=0.15,
    show_default=True,
    help="Part of the pictures kept for validation where DATA has no val split.",
)
@click.option(
    "--backbone-rate",
    type=click.FloatRange(0),
    help="Learning rate of the backbone relative to --rate.  [default: 0.3; 1 from random weights]",
)
@fit_options(epochs=30, rate=2e-3)
def train(data: Path, fit: FitOptions, **options: Any) -> None:
    """Train a segmentation model on DATA: images/, masks/ and classes.txt.

    Masks are PNG files whose pixels are class numbers, 255 for pixels that belong to none. A val
    split validates, or else a part of train, chosen by the seed; a test split is never touched.
    """
    import torch

    from cnntasks import ModelCard, create_backbone, load, recipe_of, report_trained, train_model
    from cnntasks_segment.learner import SegmentationLearner
    from cnntasks_segment.measure import measure
    from cnntasks_segment.network import SegmentationNetwork, choose_stages

    size, name = options["size"], options["backbone"]
    if size % 32:
        raise UsageError(f"--size {size}: give a multiple of 32, such as {size // 32 * 32 + 32}")
    classes, learned, validation = _parts(data, options["validation"], fit.settings.seed)
    weights = _weights(name, options["weights"])
    if options["backbone_rate"] is None:
        options["backbone_rate"] = 1.0 if weights is None else 0.3
    torch.manual_seed(fit.settings.seed)
    backbone = create_backbone(name, weights=weights)
    stages = choose_stages(backbone, name, size)
    card = ModelCard(
        name=fit.name,
        task="segment",
        network={
            "name": "segmentation",
            "backbone": name,
            "head": options["head"],
            "stages": list(stages),
        },
        classes=classes,
        preprocessing={"size": size, "fill": round(sum(backbone.mean) / len(backbone.mean))},
        recipe={
            "pictures": len(learned),
            "validation_pictures": len(validation),
            **recipe_of([str(data)], options),
        },
    )
    network = SegmentationNetwork(backbone, stages, options["head"], len(classes))
    learner = SegmentationLearner(
        card,
        learned,
        validation,
        batch=options["batch_size"],
        backbone_rate=options["backbone_rate"],
        seed=fit.settings.seed,
    )

    def evaluate(folder: Path) -> dict[str, float]:
        return measure(load("segment", folder.resolve(), many=True), validation).metrics

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
    report_trained(card, fit)


def _weights(backbone: str, asked: str) -> str | None:
    """The `weights` of `create_backbone`."""
    from cnntasks import weights_file

    if asked != "auto":
        return None if asked == "none" else asked
    try:
        weights_file(backbone, "imagenet")
    except ModelError:
        return None
    return "imagenet"


def _parts(
    location: Path, fraction: float, seed: int
) -> tuple[tuple[str, ...], list[Example], list[Example]]:
    """Classes, what is learned from, and what validates."""
    from cnntasks_segment.data import FORMATS, hold_out

    name, other = FORMATS.splits_to_learn(location)
    [part] = FORMATS.read(location, name)
    if other is not None:
        [validating] = FORMATS.read(location, other)
        return part.classes, list(part.examples), list(validating.examples)
    if len(part.examples) < 2:
        raise InputError(f"{location}: one picture to learn from and one to validate are needed")
    return part.classes, *hold_out(part.examples, fraction, seed)
