"""`TaskContract`: the checks as a class of tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from cnntasks.testing.learning import training_resumes
from cnntasks.testing.predicting import (
    bad_inputs_stop_nothing,
    engines_agree,
    model_folder_travels,
    results_are_plain_and_repeatable,
    verb_reports_bad_inputs,
    verb_runs,
    verb_works,
)
from cnntasks.testing.registering import (
    help_is_complete,
    names_follow_conventions,
    plugin_is_found,
    registration_is_light,
)
from cnntasks.testing.subject import Subject

#: Checks of every task.
ALWAYS = (plugin_is_found, registration_is_light, names_follow_conventions, help_is_complete)
#: Of one with a predictor.
PREDICTOR = (
    results_are_plain_and_repeatable, bad_inputs_stop_nothing, engines_agree,
    model_folder_travels, verb_works, verb_reports_bad_inputs,
)  # fmt: skip
#: Of one without.
COMMAND = (verb_runs,)
#: Of one that can be trained.
TRAINING = (training_resumes,)


class TaskContract:
    """Subclass it as `Test...`, name the task, and pytest finds a test for each check.

    A task without a predictor sets `predicts = False`: its verb is run instead of its results
    looked at.

    Attributes:
        task, sample, broken, model, train, options, tolerance: see `cnntasks.testing.Subject`.
            Where files have to be made first, override `subject`.
        predicts: the task has a predictor.
        trains: training is checked; by default where `train` is given. Set it where `subject`
            gives the arguments.
    """

    task: ClassVar[str]
    sample: ClassVar[str] = ""
    broken: ClassVar[str] = ""
    model: ClassVar[str | None] = None
    train: ClassVar[Sequence[str]] = ()
    options: ClassVar[Sequence[str]] = ()
    tolerance: ClassVar[float] = 1e-2
    predicts: ClassVar[bool] = True
    trains: ClassVar[bool] = False

    def subject(self, work: Path) -> Subject:
        """What is checked; `work` is an empty folder for files that have to be made."""
        return Subject(
            self.task, work, self.sample, self.broken, self.model, self.train, self.options,
            self.tolerance,
        )  # fmt: skip

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        wanted = [*ALWAYS, *(PREDICTOR if cls.predicts else COMMAND)]
        if cls.train or cls.trains:
            wanted += TRAINING
        for check in wanted:
            setattr(cls, f"test_{check.__name__}", _as_test(check))


def _as_test(check: Any) -> Any:
    def test(self: TaskContract, tmp_path: Path) -> None:
        check(self.subject(tmp_path))

    test.__doc__ = check.__doc__
    return test
