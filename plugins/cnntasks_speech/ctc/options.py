"""The options of `cnntasks train speech` that are for transcribing models; without torch."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnntasks import FitOptions

if TYPE_CHECKING:
    from cnntasks_speech.ctc.training import CtcOptions

Command = TypeVar("Command", bound=Callable[..., Any])

SPOT, CTC = "spot", "ctc"
#: The network for each kind of model.
BACKBONES = {SPOT: "kws_resnet", CTC: "quartznet_small"}
#: Options that a spotter's recipe does not have.
CTC_ONLY = (
    "kind", "units", "compose", "batch_seconds", "batches", "growing", "framewise", "augment",
)  # fmt: skip


def parse_lengths(value: str | tuple[int, int]) -> tuple[int, int]:
    """Fewest and most words of a composed utterance, of `"1-12"` or of one number.

    Raises:
        click.BadParameter: it is neither.
    """
    if isinstance(value, tuple):
        return value
    found = re.fullmatch(r"\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?\s*", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no number of words; give 1-12 for example")
    shortest = int(found[1])
    longest = int(found[2] or shortest)
    if not 1 <= shortest <= longest:
        raise click.BadParameter(f"{value!r}: give the fewest words first, at least 1")
    return shortest, longest


def ctc_options() -> Callable[[Command], Command]:
    """Decorate the train command with the options of transcribing models."""
    options = [
        click.option("--kind", type=click.Choice([SPOT, CTC]),
                     help="What the model does: spot words, or write down whole utterances (ctc).  "
                     "[default: ctc where DATA has transcripts of several words]"),
        click.option("--units", type=click.Choice(["characters", "words"]), default="characters",
                     show_default=True, help="ctc: what is written; words for a small vocabulary."),
        click.option("--compose", type=parse_lengths, metavar="MIN-MAX",
                     help="ctc: learn from utterances of so many words, composed at random of one "
                     "speaker's recordings of single words."),
        click.option("--batch-seconds", type=click.FloatRange(1), default=60.0, show_default=True,
                     help="ctc: sound per step, about."),
        click.option("--batches", type=click.IntRange(1), default=60, show_default=True,
                     help="ctc: steps per epoch with --compose."),
        click.option("--growing", type=click.IntRange(0), default=2, show_default=True,
                     help="ctc: epochs until composed utterances have all their words."),
        click.option("--framewise", type=click.IntRange(0), default=3, show_default=True,
                     help="ctc: first epochs of composed words with a loss on single frames."),
        click.option("--augment", type=click.FloatRange(0, 3), default=1.0, show_default=True,
                     help="ctc: strength of augmentation."),
    ]  # fmt: skip

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def kind_of(data: tuple[str, ...], kind: str | None, compose: object) -> str:
    """The kind of model that was asked for, or that the data are for.

    Raises:
        InputError: not a data set.
    """
    if kind is not None:
        return kind
    if compose:
        return CTC
    from pathlib import Path

    from cnntasks_speech.data import read_speech_data, speech_formats

    for location in data:
        path = Path(location)
        split = speech_formats().splits_to_learn(path)[0]
        if read_speech_data(path, split).has_transcripts:
            return CTC
    return SPOT


def ctc_from_options(data: tuple[str, ...], fit: FitOptions, options: dict[str, Any]) -> CtcOptions:
    """What the options of the command say.

    Raises:
        UsageError: `--words`, which is for spotters only.
    """
    from cnntasks import UsageError
    from cnntasks_speech.ctc.settings import CtcSettings
    from cnntasks_speech.ctc.training import CtcOptions
    from cnntasks_speech.features import LogMel

    if options["words"]:
        raise UsageError("--words is for word spotters; leave it out with --kind ctc")
    renamed = {"extra": "extra_share"}
    names = [name for name in CtcSettings.__dataclass_fields__ if name != "seed"]
    values = {name: options[renamed.get(name, name)] for name in names}
    return CtcOptions(
        data=data,
        extra=options["extra"],
        backbone=options["backbone"] or BACKBONES[CTC],
        model=options["model"],
        features=LogMel(options["sample_rate"], n_mels=options["mels"]),
        validation=options["validation"],
        settings=CtcSettings(seed=fit.settings.seed, **values),
    )
