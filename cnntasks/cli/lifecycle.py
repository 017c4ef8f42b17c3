"""`cnntasks train TASK` and `cnntasks evaluate TASK`: groups of what the tasks bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

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

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
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


def run_lifecycle(
    action: Literal["train", "evaluate"], task: str, arguments: Sequence[str]
) -> None:
    """Run `cnntasks train TASK ...` or `cnntasks evaluate TASK ...` within this process.

    So a plugin trains and measures models of a task whose code it does not know. What the command
    prints comes out as ever; train writes the model folder that `--output` names, evaluate a
    `report.json` into its own.

    Args:
        arguments: as on the command line.

    Raises:
        UsageError: the task cannot be trained or measured, or an argument is wrong.
        CnntasksError: whatever the command raises.
    """
    group = train if action == "train" else evaluate
    command = group.get_command(click.Context(group), task)
    name = f"cnntasks {action} {task}"
    try:
        command.main(list(arguments), prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(f"{name}: {error.format_message().rstrip('.')}") from error
