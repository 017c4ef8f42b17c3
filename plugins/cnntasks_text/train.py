"""`cnntasks train text`: a text classifier of one's own."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cnntasks import FitOptions, fit_options
from cnntasks_text.data.columns import column_options

if TYPE_CHECKING:
    from cnntasks_text.crossing import Training

#: Options that are settings of another name.
_RENAMED = {"batch": "batch_size", "per_epoch": "texts_per_epoch"}
#: Options that a model to start from has decided already.
_DECIDED = ("backbone", "form", "vectors", "level", "pieces", "often", "keep_case",
            "further_words", "dimensions", "members", "longest")  # fmt: skip
_FRACTION = click.FloatRange(0, 1, max_open=True)


@click.command("train")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    help="Start from a text model instead, with its tokenizer, network and weights.",
)
@click.option(
    "--backbone",
    default="kim_cnn",
    show_default=True,
    help="A network for text: kim_cnn, dpcnn7, char_cnn or vdcnn9.",
)
@click.option(
    "--form",
    type=click.Choice(["rand", "static", "non-static", "multichannel", "joined"]),
    help="What the embeddings are: random (rand); the vectors of --vectors as they are "
    "(static), tuned (non-static), both added up (multichannel), or as they are beside "
    "random ones (joined).  [default: rand; joined with --vectors]",
)
@click.option(
    "--vectors",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Word vectors: GloVe, word2vec or fastText as text (.gz or not), or .npz.",
)
@click.option(
    "--level",
    type=click.Choice(["words", "subwords", "characters"]),
    help="What a token is.  [default: words; characters for char_cnn and vdcnn9]",
)
@click.option(
    "--pieces",
    type=click.IntRange(0),
    default=4000,
    show_default=True,
    help="Pieces that rare and unknown words are made of, at most; 0: an unknown word is "
    "one token, the same for all.",
)
@click.option(
    "--often",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="How often a word (or character) has to occur to be a token of its own.",
)
@click.option("--keep-case", is_flag=True, help="Let `Film` be another word than `film`.")
@click.option(
    "--further-words",
    type=click.IntRange(0),
    default=10_000,
    show_default=True,
    help="So many of the first words of --vectors are tokens in any case.",
)
@click.option(
    "--dimensions",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Of the embeddings that start at random.",
)
@click.option(
    "--members",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Classifiers that learn side by side, and whose logits are averaged.",
)
@click.option(
    "--longest",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Tokens of a text that the model reads; 0 for all.",
)
@click.option(
    "--crop",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Tokens of a longer text that are shown in training, a random stretch; 0: all.",
)
@click.option(
    "--batch-size", type=click.IntRange(1), default=100, show_default=True, help="Texts per step."
)
@click.option(
    "--texts-per-epoch",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="Length of an epoch.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.9, min_open=True),
    default=0.1,
    show_default=True,
    help="Part of each class kept for validation where DATA has none.",
)
@click.option(
    "--dropout", type=_FRACTION, default=0.5, show_default=True, help="Of the maxima over time."
)
@click.option(
    "--embedding-dropout", type=_FRACTION, default=0.3, show_default=True, help="Of the embeddings."
)
@click.option(
    "--word-dropout",
    type=_FRACTION,
    default=0.1,
    show_default=True,
    help="How often a token is shown as the unknown one.",
)
@click.option(
    "--split-words",
    type=_FRACTION,
    default=0.1,
    show_default=True,
    help="How often a known word is shown as its pieces.",
)
@click.option(
    "--label-smoothing",
    type=_FRACTION,
    default=0.0,
    show_default=True,
    help="Part of the target that is spread over all classes.",
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    metavar="N",
    help="Cross-validate first, in N folds made here.",
)
@click.option(
    "--fold-column", metavar="NAME", help="Cross-validate first, in the folds of this column."
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Processes that load texts.",
)
@column_options()
@fit_options(epochs=8, rate=2e-3)
def train(data: tuple[str, ...], fit: FitOptions, **options: Any) -> None:
    """Train a text classifier on DATA: tables with the columns text,label, or a folder per class.

    Several data sets are learned together, their classes matched by name. A val split validates,
    or else a part of train, chosen class by class and always the same. A test split is never
    touched. The best epoch is kept, and its probabilities are calibrated on the validation part.

    With --folds or --fold-column, a training for each fold comes first, measured on the texts that
    it has not seen; the mean and the spread stand on the card of the model, which then learns from
    all texts.

    The new model is a folder that text and evaluate take.
    """  # fmt: skip
    from cnntasks import recipe_of, report_trained, train_model, update_card
    from cnntasks_text.calibration import calibrated
    from cnntasks_text.data import Columns
    from cnntasks_text.parts import read_parts, read_whole

    def log(line: str) -> None:
        if not fit.quiet:
            click.echo(line, err=True)

    if options["start"] is not None:
        _refuse_decided()
    columns = Columns(
        text=options["text_column"], label=options["label_column"], fold=options["fold_column"]
    )
    metrics: dict[str, float] = {}
    if options["folds"] or options["fold_column"]:
        classes, examples = read_whole(data, columns)
        metrics = _cross_validate(_training(options, fit, classes), examples, options, log)
    parts = read_parts(data, columns, options["validation"], fit.settings.seed)
    training = _training(options, fit, parts.classes)
    started, learner = training.prepare(parts.train, parts.validation)
    shape = started.network.shape
    known = f", {started.found} with a vector" if shape.vectors else ""
    log(f"{len(parts.train)} texts to learn from, {shape.tokens} tokens{known}")
    counts = {"texts": len(parts.train), "validation_texts": len(parts.validation)}
    given = {**options, "vectors": _name_of(options["vectors"])}
    if options["start"] is not None:
        given = {name: value for name, value in given.items() if name not in _DECIDED}
        given["start"] = Path(options["start"]).name
    recipe = {**counts, **recipe_of(data, given)}
    card = train_model(
        started.network,
        learner,
        replace(started.card, recipe=recipe),
        fit.output,
        fit.settings,
        device=fit.device,
        resume=fit.resume,
        progress=not fit.quiet,
        files=started.files,
    )
    card = calibrated(fit.output, card, parts.validation)
    card = replace(card, metrics={**metrics, **card.metrics})
    update_card(fit.output, card)
    report_trained(card, fit)


def _refuse_decided() -> None:
    """Raise UsageError where --from stands beside options that have no effect with it."""
    from cnntasks import UsageError

    context = click.get_current_context()
    unused = [
        f"--{name.replace('_', '-')}"
        for name in _DECIDED
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if unused:
        raise UsageError(f"a training --from a model keeps its network; drop {', '.join(unused)}")


def _training(options: dict[str, Any], fit: FitOptions, classes: tuple[str, ...]) -> Training:
    """What the options say."""
    from cnntasks_text.crossing import Training
    from cnntasks_text.settings import TextSettings
    from cnntasks_text.starting import Start
    from cnntasks_text.tokenization import Vocabulary
    from cnntasks_text.vectors import read_vectors

    level = options["level"]
    if level is None:
        level = "characters" if options["backbone"] in ("char_cnn", "vdcnn9") else "words"
    start = Start(
        name=fit.name,
        vocabulary=Vocabulary(
            level, options["pieces"], options["often"], lower=not options["keep_case"]
        ),
        vectors=read_vectors(options["vectors"]) if options["vectors"] else None,
        seed=fit.settings.seed,
        model=options["start"],
        **{
            name: options[name]
            for name in (
                "backbone", "form", "dimensions", "members", "further_words", "longest",
            )
        },
    )  # fmt: skip
    names = {field.name for field in fields(TextSettings)} - {"seed"}
    values = {name: options[_RENAMED.get(name, name)] for name in names}
    settings = TextSettings(seed=fit.settings.seed, **values)
    return Training(start, settings, fit.settings, classes, fit.device, not fit.quiet)


def _cross_validate(
    training: Training, examples: list[Any], options: dict[str, Any], log: Any
) -> dict[str, float]:
    """The metrics of a cross-validation, for the card."""
    from cnntasks_text.crossing import cross_validate, mean_and_spread
    from cnntasks_text.data.folds import rounds

    names = rounds(examples, options["folds"], training.fit.seed)
    scores = cross_validate(
        training,
        examples,
        names,
        options["validation"],
        lambda name, score: log(f"fold {name}: accuracy {score.metrics['accuracy']:.4f}"),
    )
    metrics: dict[str, float] = {}
    for name in ("accuracy", "macro_F1"):
        mean, spread = mean_and_spread([score.metrics[name] for score in scores.values()])
        metrics[f"folds_{name}"] = round(mean, 4)
        metrics[f"folds_{name}_spread"] = round(spread, 4)
    return metrics


def _name_of(path: Path | None) -> str | None:
    return None if path is None else path.name
