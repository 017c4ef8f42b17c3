"""`cnntasks`: a click group that lists verbs from strings and imports only the one that runs."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

import cnntasks
from cnntasks import plugins
from cnntasks.cli.errors import run_guarded
from cnntasks.cli.listed import ListedGroup
from cnntasks.discovery import debugging
from cnntasks.errors import CnntasksError, PluginError
from cnntasks.task import import_attribute

PROGRAM = "cnntasks"
#: Name to (summary, "module:attribute"); every name is in `plugins.CORE_COMMANDS`.
COMMANDS = {
    "train": ("Train a model on your own data.", "cnntasks.cli.lifecycle:train"),
    "evaluate": ("Measure a model on labelled data.", "cnntasks.cli.lifecycle:evaluate"),
    "data": ("Check a data set before training on it.", "cnntasks.cli.data:data"),
    "backbones": ("List networks, show their layers.", "cnntasks.cli.backbones:backbones"),
    "models": ("List, show, download and verify models.", "cnntasks.cli.models:models"),
    "plugins": ("List plugins and what became of them.", "cnntasks.cli.plugins:plugins"),
    "doctor": ("Tell what works on this machine.", "cnntasks.cli.doctor:doctor"),
}
_COMPLETE = "_CNNTASKS_COMPLETE"


class LazyGroup(ListedGroup):
    """Task verbs of the plugins and commands, listed without importing any of them."""

    def sections(self) -> dict[str, list[tuple[str, str]]]:
        registry = plugins.registry()
        commands = [(name, summary) for name, (summary, _) in COMMANDS.items()]
        commands += sorted((name, summary) for name, (summary, _) in registry.commands.items())
        tasks = sorted((name, spec.summary) for name, spec in registry.tasks.items())
        return {"Tasks": tasks, "Commands": commands}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return _imported(cmd_name, COMMANDS[cmd_name][1])
        registry = plugins.registry()
        if cmd_name in registry.tasks:
            return _imported(cmd_name, registry.tasks[cmd_name].command)
        if cmd_name in registry.commands:
            return _imported(cmd_name, registry.commands[cmd_name][1])
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not ctx.resilient_parsing:
            raise plugins.registry().unusable(args[0], "verb", known)
        return super().resolve_command(ctx, args)


def _imported(verb: str, reference: str) -> click.Command:
    try:
        command = import_attribute(reference)
    except CnntasksError as error:
        raise PluginError(f"{verb}: {error}") from error
    except Exception as error:  # the module is a plugin's and may raise anything
        raise PluginError(
            f"{verb}: cannot import {reference!r} ({type(error).__name__}: {error}); "
            "--debug shows where"
        ) from error
    if not isinstance(command, click.Command):
        raise PluginError(f"{verb}: {reference!r} is not a click command")
    return command


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"{PROGRAM} {cnntasks.__version__}")
        ctx.exit()


def _use_plugins_dir(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        # In the environment, so that worker processes load the same plugins.
        os.environ["CNNTASKS_PLUGINS_DIR"] = value
        plugins.reset()


@click.group(cls=LazyGroup, invoke_without_command=True, subcommand_metavar="VERB [ARGS]...")
@click.option(
    "--plugins-dir",
    metavar="DIR",
    is_eager=True,  # before --help, which lists their verbs
    expose_value=False,
    callback=_use_plugins_dir,
    help="Load every *.py file in DIR as a plugin.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks and warnings.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Convolutional networks that do a job.

    `cnntasks VERB --help` tells the arguments and options of one verb.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; never raises.

    Args:
        args: the arguments without the program's name; by default those of the process.

    Returns:
        The exit status, see `cnntasks.cli.errors.run_guarded`.
    """
    given = list(sys.argv[1:] if args is None else args)
    if instruction := os.environ.get(_COMPLETE):
        return _complete(instruction)
    debug = debugging() or "--debug" in given
    with warnings.catch_warnings():
        if not debug and not sys.warnoptions:
            # Not a filter: libraries set their own when they are imported.
            warnings.showwarning = _drop_warning
        return run_guarded(lambda: _invoke(given), debug=debug)


def _drop_warning(*args: Any, **kwargs: Any) -> None:
    pass


def _invoke(args: list[str]) -> Any:
    # As click.Group.main does without its handling of errors, which has its own style and turns
    # any EOFError into "Aborted!".
    with cli.make_context(PROGRAM, args) as ctx:
        return cli.invoke(ctx)


def _complete(instruction: str) -> int:
    """Answer the shell; whatever goes wrong must not disturb the line that is being typed."""
    from contextlib import redirect_stderr
    from io import StringIO

    from click.shell_completion import shell_complete

    with redirect_stderr(StringIO()):
        return run_guarded(
            lambda: shell_complete(cli, {}, PROGRAM, _COMPLETE, instruction), debug=False
        )
