"""The options that name the columns of a table of labelled texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def column_options() -> Callable[[Command], Command]:
    """Decorate a command with `--text-column` and `--label-column`; it gets both by these names."""

    def decorate(command: Command) -> Command:
        for name, holds in (("label", "the classes"), ("text", "the texts")):
            option = click.option(
                f"--{name}-column",
                metavar="NAME",
                help=f"The column of a table that holds {holds}.  [default: by its name]",
            )
            command = option(command)
        return command

    return decorate
