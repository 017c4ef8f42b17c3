"""A click group that lists its commands from strings and imports only the one that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class ListedGroup(click.Group):
    """Its help and its completion come from `sections`; a subclass adds `get_command`."""

    def sections(self) -> dict[str, list[tuple[str, str]]]:
        """Title to (name, summary) of each command, in the order of the help."""
        raise NotImplementedError

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all sections."""
        return [name for rows in self.sections().values() for name, _ in rows]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section that has a command."""
        for title, rows in self.sections().items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, and the group's own options."""
        from click.shell_completion import CompletionItem

        rows = [row for rows in self.sections().values() for row in rows]
        found = [CompletionItem(n, help=s) for n, s in rows if n.startswith(incomplete)]
        # click.Group would import every command for its summary; its parent adds the options.
        return found + super(click.Group, self).shell_complete(ctx, incomplete)
