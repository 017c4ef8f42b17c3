"""`cnntasks train TASK` and `cnntasks evaluate TASK`: groups of what the tasks bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cnntasks.cli.listed import ListedGroup
from cnntasks.errors import PluginError, UsageError
from cnntasks.plugins import registry
from cnntasks.task import import_attribute

if TYPE_CHECKING:
    from cnntasks.task import TaskSpec


class TaskCommands(ListedGroup):
    """The commands that tasks name in one field of their `TaskSpec`, imported on use."""

    def __init__(self, field: str, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self._field = field

    def _specs(self) -> dict[str, TaskSpec]:
        tasks = registry().tasks
        return {name: tasks[name] for name in sorted(tasks) if getattr(tasks[name], self._field)}

    def sections(self) -> dict[str, list[tuple[str, str]]]:
        """The tasks that have this command."""
        return {"Tasks": [(name, spec.summary) for name, spec in self._specs().items()]}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of one task."""
        spec = self._specs().get(cmd_name)
        if spec is None:
            able = ", ".join(self._specs()) or "none"
            raise UsageError(f"{self.name}: no such task {cmd_name!r}; tasks that can: {able}")
        command = import_attribute(getattr(spec, self._field))
        if not isinstance(command, click.Command):
            raise PluginError(f"{cmd_name}: its {self._field} is not a click.Command")
        return command


train = TaskCommands(
    "train",
    name="train",
    help="Train a model on your own data: cnntasks train TASK DATA -o MODEL.",
)
evaluate = TaskCommands(
    "evaluate",
    name="evaluate",
    help="Measure a model on labelled data: cnntasks evaluate TASK --model MODEL DATA.",
)
