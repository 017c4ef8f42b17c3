"""The options that the train commands of all tasks share."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnntasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from cnntasks.models.card import ModelCard
    from cnntasks.training.fit import FitSettings

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class FitOptions:
    """The shared options of a train command.

    Attributes:
        output: folder of the new model.
        settings: of the training loop.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps`.
        resume: continue an interrupted training in `output`.
        quiet: no progress bar.
    """

    output: Path
    settings: FitSettings
    device: str
    resume: bool
    quiet: bool

    @property
    def name(self) -> str:
        """Of the new model: that of its folder, in the letters that a model's name may have."""
        folder = self.output.resolve().name  # of `.` too
        return re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("._-") or "model"


def read_recipe(path: Path) -> dict[str, Any]:
    """The `[train]` table of a recipe: option names (with `_` for `-`) and values.

    Raises:
        InputError: the file is missing or is not TOML.
        UsageError: it has no `[train]` table.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read this recipe ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not a TOML file ({error})") from error
    table = data.get("train")
    if not isinstance(table, dict):
        raise UsageError(f"{path}: this recipe has no [train] table")
    return table


def _use_recipe(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    if value is None:
        return
    table = read_recipe(value)
    known = {option.name for option in ctx.command.params}
    unknown = sorted(set(table) - {name for name in known if name})
    if unknown:
        raise UsageError(f"{value}: no such options: {', '.join(unknown)}")
    ctx.default_map = {**table, **(ctx.default_map or {})}


def fit_options(*, epochs: int = 12, rate: float = 1e-3) -> Callable[[Command], Command]:
    """Decorate a train command with the shared options; it gets them as `fit`.

    Args:
        epochs, rate: the task's defaults.
    """
    options = [
        click.option("--output", "-o", required=True,
                     type=click.Path(path_type=Path, file_okay=False),
                     help="Folder of the new model; checkpoints and logs lie in its training/."),
        click.option("--recipe", type=click.Path(path_type=Path), is_eager=True, expose_value=False,
                     callback=_use_recipe, help="TOML file whose [train] table sets options."),
        click.option("--epochs", type=click.IntRange(1), default=epochs, show_default=True,
                     help="Passes over the training part at most."),
        click.option("--rate", type=click.FloatRange(0, min_open=True), default=rate,
                     show_default=True, help="Peak learning rate (AdamW, warm-up, cosine)."),
        click.option("--decay", type=click.FloatRange(0), default=0.02, show_default=True,
                     help="Weight decay."),
        click.option("--warmup", type=click.FloatRange(0, 0.9), default=0.05, show_default=True,
                     help="Part of the training over which the rate rises."),
        click.option("--clip", type=click.FloatRange(0), default=5.0, show_default=True,
                     help="Largest norm of the gradient; 0 for no clipping."),
        click.option("--ema", type=click.FloatRange(0, 1, max_open=True), default=0.998,
                     show_default=True, help="Decay of the weights' moving average; 0 for none."),
        click.option("--patience", type=click.IntRange(0), default=0, show_default=True,
                     help="Stop after so many epochs without a better result; 0 for never."),
        click.option("--minutes", type=click.FloatRange(0), default=0.0, show_default=True,
                     help="Stop after so many minutes; 0 for no limit."),
        click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True,
                     help="Batches per step of the optimiser."),
        click.option("--fit-precision", "precision", default="32-true", show_default=True,
                     type=click.Choice(["32-true", "16-mixed", "bf16-mixed"]),
                     help="Mixed precision needs a GPU (16) or a recent CPU (bf16)."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
                     help="Of everything random; the same seed on a CPU gives the same weights."),
        click.option("--device", default="auto", show_default=True,
                     help="auto (a GPU where there is one), cpu, cuda, cuda:N or mps."),
        click.option("--resume", is_flag=True, help="Continue an interrupted training."),
        click.option("--quiet", "-q", is_flag=True, help="No progress."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
    ]  # fmt: skip

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def wrapped(**values: Any) -> Any:
            from cnntasks.training.fit import FitSettings

            values.pop("debug")
            settings = FitSettings(
                **{name: values.pop(name) for name in FitSettings.__dataclass_fields__}
            )
            rest = {name: values.pop(name) for name in ("output", "device", "resume", "quiet")}
            return command(fit=FitOptions(settings=settings, **rest), **values)

        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return decorate


def recipe_of(data: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """What a card's recipe says of a train command: its data sets and its options.

    Args:
        data: the locations; only their last parts are recorded.
        options: of the task; those that were not given (None or empty) are left out.
    """
    plain = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, "")
    }
    return {"data": [Path(location).name for location in data], **plain}


def report_trained(card: ModelCard, fit: FitOptions) -> None:
    """Print the metrics of a new model, and on standard error how to use it."""
    for name, value in card.metrics.items():
        click.echo(f"{name} {value:.3f}")
    usage = f"cnntasks {card.task} --model {fit.output} INPUT"
    click.echo(f"model: {fit.output}  ({usage})", err=True)
