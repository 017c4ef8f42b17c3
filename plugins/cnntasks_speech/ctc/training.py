"""`cnntasks train speech` for whole utterances: from data sets to a transcribing model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from cnntasks import (
    FitOptions,
    ModelCard,
    UsageError,
    recipe_of,
    report_trained,
    train_model,
    update_card,
)
from cnntasks_speech.audio import read_audio
from cnntasks_speech.ctc.batches import Spoken, at_least, spoken
from cnntasks_speech.ctc.compose import Composer, Utterance, compose_many
from cnntasks_speech.ctc.learner import CtcLearner
from cnntasks_speech.ctc.network import SpeechCTC, network_of
from cnntasks_speech.ctc.parts import TextParts, read_composer, read_spoken, read_text_parts
from cnntasks_speech.ctc.settings import CtcSettings
from cnntasks_speech.ctc.starting import new_network, start_from
from cnntasks_speech.ctc.transcribing import transcribe
from cnntasks_speech.ctc.units import Speller, find_units
from cnntasks_speech.features import LogMel

#: Utterances that are composed for validation, always the same.
_VALIDATING = 100
#: The seed of their generator, beside that of the training: not that of the tests.
_VALIDATION_SEED = 20


@dataclass(frozen=True, slots=True)
class CtcOptions:
    """What was asked for.

    Attributes:
        data: data sets.
        extra: further ones to learn from as a whole.
        backbone: a network over time.
        model: a transcribing model to start from; None for random weights.
        features: how features are computed.
        validation: part of the speakers kept for validation where a data set has no val split.
        settings: see there.
    """

    data: tuple[str, ...]
    extra: tuple[str, ...] = ()
    backbone: str = "quartznet_small"
    model: str | None = None
    features: LogMel = field(default_factory=lambda: LogMel(16_000))
    validation: float = 0.1
    settings: CtcSettings = field(default_factory=CtcSettings)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything in memory.

    Attributes:
        units: of the model.
        train: recorded utterances, or what composes them.
        validation: utterances.
        composed: those of `validation` that were composed, with the times of their words.
    """

    units: tuple[str, ...]
    train: Sequence[Spoken] | Composer
    validation: Sequence[Spoken]
    composed: Sequence[Utterance]


def train_ctc(options: CtcOptions, fit: FitOptions, log: Callable[[str], None]) -> ModelCard:
    """Train a transcribing model and write its folder.

    Args:
        options: what was asked for.
        fit: the shared options of a train command.
        log: shows a line.

    Raises:
        InputError: data sets or recordings that cannot be read.
        UsageError: options that contradict the data, or an unknown backbone.
    """
    settings = options.settings
    parts = read_text_parts(options.data, options.extra, options.validation, settings.seed)
    made = _prepare(parts, options, log)
    features = options.features
    network = new_network(options.backbone, features.n_mels, len(made.units), settings.seed)
    if options.model is not None:
        start_from(network, made.units, options.backbone, features, options.model)
    counts = {"recordings": len(parts.train), "validation_recordings": len(parts.validation)}
    if options.extra:
        counts["extra_recordings"] = len(parts.extra)
    extra = tuple(Path(location).name for location in options.extra)
    plain = {key: value for key, value in asdict(settings).items() if key != "extra"}
    told = {**plain, "backbone": options.backbone, "extra": extra, "extra_share": settings.extra}
    started = {} if options.model is None else {"from": Path(options.model).name}
    card = ModelCard(
        name=fit.name,
        task="speech",
        network=network_of(network, options.backbone, settings.units),
        classes=made.units,
        preprocessing=options.features.to_dict(),
        summary="Writes down what is said.",
        recipe={"kind": "ctc", **started, **counts, **recipe_of(options.data, told)},
    )
    noise = [read_audio(path, options.features.rate).samples for path in parts.noise]
    learner = CtcLearner(card, settings, made.train, made.validation, noise)
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
    card = replace(card, metrics=_measured(learner, network))
    if made.composed:
        lead, trail = measure_edges(network, card, made.composed)
        card = replace(card, network={**card.network, "lead": lead, "trail": trail})
    update_card(fit.output, card)
    report_trained(card, fit)
    return card


def _prepare(parts: TextParts, options: CtcOptions, log: Callable[[str], None]) -> _Prepared:
    settings, rate = options.settings, options.features.rate
    if settings.compose is None:
        learned = [*parts.train, *parts.extra]
        units = find_units((it.text for it in learned), settings.units)
        speller = Speller(units, settings.units)
        train, _ = read_spoken(learned, speller, rate)
        validation, skipped = read_spoken(parts.validation, speller, rate)
        if not validation:
            raise UsageError("no transcript to validate with has only units that are learned")
        left = f" ({skipped} more have units that are not learned)" if skipped else ""
        log(
            f"{len(train)} utterances to learn from, {len(validation)} to validate with{left}; "
            f"{len(units)} {settings.units}"
        )
        return _Prepared(units, train, validation, ())
    composer = read_composer(parts.train, rate, settings.compose, parts.extra, settings.extra)
    words = composer.words()
    units = find_units((" ".join(words),), settings.units)
    speller = Speller(units, settings.units)
    judge = read_composer(parts.validation, rate, settings.compose, words=words)
    composed = compose_many(judge, _VALIDATING, (settings.seed, _VALIDATION_SEED))
    made = [spoken(utterance, speller) for utterance in composed]
    log(
        f"{len(words)} words of {len(composer.speakers)} speakers to compose utterances of; "
        f"{len(units)} {settings.units}"
    )
    return _Prepared(units, composer, [it for it in made if it is not None], composed)


@torch.inference_mode()
def _measured(learner: CtcLearner, network: SpeechCTC) -> dict[str, float]:
    """What the stored weights achieve on the validation part."""
    network.eval()
    metric = learner.new_metric()
    for batch in learner.validation_batches():
        metric.update(network, batch)
    score = metric.compute()
    return {f"validation_{name}": round(value, 4) for name, value in score.metrics.items()}


@torch.inference_mode()
def measure_edges(
    network: SpeechCTC, card: ModelCard, utterances: Sequence[Utterance]
) -> tuple[float, float]:
    """How much earlier words begin, and later they end, than the network says: medians in seconds.

    Of utterances whose words are all found; 0 where there is none.
    """
    network.eval()
    features = LogMel.from_card(card)
    plain = replace(card, network={**card.network, "lead": 0.0, "trail": 0.0})
    leads, trails = [], []
    for utterance in utterances:
        found = features.log_mel(at_least(utterance.samples, features.window))[None]
        log_probs = network(torch.from_numpy(found), torch.tensor([found.shape[2]]))["log_probs"]
        words = transcribe(log_probs[0].numpy(), plain)
        if tuple(word.word for word in words) == utterance.words:
            leads += [w.start - start for w, (start, _) in zip(words, utterance.times, strict=True)]
            trails += [end - w.end for w, (_, end) in zip(words, utterance.times, strict=True)]
    if not leads:
        return 0.0, 0.0
    return round(float(np.median(leads)), 3), round(float(np.median(trails)), 3)
