"""`cnntasks train speech`: a word spotter of one's own."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cnntasks import FitOptions, UsageError, fit_options
from cnntasks_speech.ctc.options import (
    BACKBONES,
    CTC,
    CTC_ONLY,
    SPOT,
    ctc_from_options,
    ctc_options,
    kind_of,
)

if TYPE_CHECKING:
    from cnntasks import ModelCard
    from cnntasks_speech.learner import SpotLearner

_FRACTION = click.FloatRange(0, 1)
#: A word behind `unknown` gets an output of its own from so many recordings on.
_LEAST_RECORDINGS = 3
#: Options that a model to start from decides on.
_MODELS = ("backbone", "sample_rate", "seconds", "mels")


@click.command("train")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--extra",
    multiple=True,
    metavar="DATA",
    help="Further data to learn from, never to validate with; classes it alone has are unknown.",
)
@click.option(
    "--words",
    metavar="WORD,...",
    help="The words to spot; recordings of all others are unknown.  [default: all classes]",
)
@click.option(
    "--backbone",
    help="kws_resnet, res15, cnn_trad_fpool3, dnn, cnn_fws, cnn_lws, or any other network for two "
    "dimensions; for --kind ctc quartznet_small or wav2letter.  [default: kws_resnet; "
    "quartznet_small]",
)
@click.option(
    "--from",
    "model",
    metavar="MODEL",
    help="Start from the weights of this model of the same kind.",
)
@click.option(
    "--sample-rate",
    type=click.IntRange(2000),
    default=16_000,
    show_default=True,
    help="Hz that recordings are resampled to.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 10),
    default=1.0,
    show_default=True,
    help="Length of the window that the network sees.",
)
@click.option(
    "--mels",
    type=click.IntRange(8),
    default=40,
    show_default=True,
    help="Mel channels; dnn, cnn_fws, cnn_lws and cnn_trad_fpool3 need 40.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(2),
    default=64,
    show_default=True,
    help="Recordings per step.",
)
@click.option(
    "--unknown",
    type=click.FloatRange(0),
    default=0.4,
    show_default=True,
    help="Recordings of unknown words per epoch, as a fraction of those of words.",
)
@click.option(
    "--silence",
    type=click.FloatRange(0),
    default=0.1,
    show_default=True,
    help="Windows cut from background noise per epoch, likewise.",
)
@click.option(
    "--extra-share",
    type=click.FloatRange(0),
    default=0.25,
    show_default=True,
    help="Recordings of --extra per epoch, likewise.",
)
@click.option(
    "--cut",
    type=_FRACTION,
    default=0.05,
    show_default=True,
    help="How often a word is shown in part only, as unknown.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.9, min_open=True),
    default=0.1,
    show_default=True,
    help="Part of the speakers kept for validation where DATA has no val split.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, 0.5),
    default=0.15,
    show_default=True,
    help="Largest change of tempo and pitch.",
)
@click.option(
    "--shift",
    type=click.FloatRange(0),
    default=100.0,
    show_default=True,
    help="Largest shift in time, in milliseconds.",
)
@click.option(
    "--noise",
    type=_FRACTION,
    default=0.8,
    show_default=True,
    help="How often background noise is mixed in.",
)
@click.option(
    "--masks",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Runs of frames, and of mel channels, that are hidden (SpecAugment).",
)
@click.option(
    "--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.2, show_default=True,
    help="Of the mean over a window.",
)  # fmt: skip
@click.option(
    "--label-smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Part of the target that is spread over all outputs.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Processes that load and change recordings.",
)
@ctc_options()
@fit_options(epochs=40, rate=3e-3)
def train(data: tuple[str, ...], fit: FitOptions, **options: Any) -> None:
    """Train a word spotter on DATA: a folder of recordings per word, as Speech Commands has them,
    or tables with the columns path,label. With transcripts (path,transcript) a model for whole
    utterances is trained, by CTC.

    Several data sets are learned together, their classes matched by name. A val split validates, or
    else some of the speakers; folders are divided by their lists, or by a hash of the speakers'
    names. A test split is never touched. With `_background_noise_`, silence is cut from it, and it
    is mixed into recordings. The best epoch is kept; its probabilities are calibrated, and the
    threshold is chosen, on the validation part.

    The new model is a folder that speech and evaluate take.
    """  # fmt: skip
    if kind_of(data, options["kind"], options["compose"]) == CTC:
        from cnntasks_speech.ctc.training import train_ctc

        train_ctc(
            ctc_from_options(data, fit, options),
            fit,
            lambda line: None if fit.quiet else click.echo(line, err=True),
        )
        return
    spotter = {key: value for key, value in options.items() if key not in CTC_ONLY}
    _train_spotter(data, fit, {**spotter, "backbone": options["backbone"] or BACKBONES[SPOT]})


def _train_spotter(data: tuple[str, ...], fit: FitOptions, options: dict[str, Any]) -> None:
    """Train and write a word spotter."""
    from cnntasks import recipe_of, report_trained, train_model, update_card
    from cnntasks_speech.batches import read_noise
    from cnntasks_speech.features import LogMel
    from cnntasks_speech.learner import SpotLearner
    from cnntasks_speech.parts import read_parts
    from cnntasks_speech.settings import SpotSettings
    from cnntasks_speech.starting import Start, start_network

    if options["model"] is not None:
        _refuse_other_features()
    words = tuple(word.strip() for word in (options["words"] or "").split(",") if word.strip())
    parts = read_parts(data, options["extra"], words, options["validation"], fit.settings.seed)
    start = Start(
        name=fit.name,
        backbone=options["backbone"],
        model=options["model"],
        features=LogMel(options["sample_rate"], n_mels=options["mels"]),
        seconds=options["seconds"],
        seed=fit.settings.seed,
    )
    network, card = start_network(start, parts.classes, parts.further_words(_LEAST_RECORDINGS))
    renamed = {"batch": "batch_size", "extra": "extra_share"}
    names = {it.name for it in fields(SpotSettings)} - {"seed"}
    values = {name: options[renamed.get(name, name)] for name in names}
    settings = SpotSettings(seed=fit.settings.seed, **values)
    noise = read_noise(parts.noise, card.preprocessing["rate"])
    learner = SpotLearner(card, settings, parts.train, parts.validation, parts.extra, noise)
    if not fit.quiet:
        also = f" and {len(parts.extra)} further ones" if parts.extra else ""
        click.echo(
            f"{len(parts.train)} recordings to learn from{also}, {len(parts.validation)} to "
            f"validate with; {len(parts.classes)} classes",
            err=True,
        )
    counts = {"recordings": len(parts.train), "validation_recordings": len(parts.validation)}
    extra = tuple(Path(location).name for location in options["extra"])
    recorded = {**options, "extra": extra}
    if options["model"] is not None:  # `from` says which, and it decides on these
        recorded = {name: v for name, v in recorded.items() if name not in ("model", *_MODELS)}
    recipe = {**card.recipe, **counts, **recipe_of(data, recorded)}
    card = train_model(
        network,
        learner,
        replace(card, recipe=recipe),
        fit.output,
        fit.settings,
        device=fit.device,
        resume=fit.resume,
        progress=not fit.quiet,
    )
    card = _calibrated(card, learner, network)
    update_card(fit.output, card)
    report_trained(card, fit)


def _refuse_other_features() -> None:
    """A training that starts from a model keeps its network and its features."""
    context = click.get_current_context()
    named = [
        f"--{name.replace('_', '-')}"
        for name in _MODELS
        if context.get_parameter_source(name) == ParameterSource.COMMANDLINE
    ]
    if named:
        raise UsageError(
            f"a training that starts from a model keeps its network and features; drop --from or "
            f"{', '.join(named)}"
        )


def _calibrated(card: ModelCard, learner: SpotLearner, network: Any) -> ModelCard:
    """The card with temperature, threshold, and what was measured on the validation part."""
    import numpy as np
    import torch

    from cnntasks import find_temperature
    from cnntasks_speech.calibration import find_threshold, probabilities_of

    logits, labels = learner.validation_logits(network)
    values, truth = logits.numpy().astype(np.float64), labels.numpy()
    temperature = round(find_temperature(values, truth), 3)
    probabilities = probabilities_of(values, temperature)
    rejects = [card.classes.index(name) for name in card.network["rejects"]]
    threshold, f1 = find_threshold(probabilities, truth, rejects)
    metric = learner.new_metric()
    metric.add(torch.from_numpy(probabilities), labels)
    score = metric.compute()
    metrics = {f"validation_{name}": round(value, 4) for name, value in score.metrics.items()}
    metrics["validation_word_F1"] = round(f1, 4)
    defaults = {**card.defaults, "temperature": temperature, "threshold": threshold}
    return replace(card, defaults=defaults, metrics=metrics)
