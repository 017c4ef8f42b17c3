"""The public API is a written list: no name appears in it, or vanishes from it, unnoticed.

`public_names.txt` is that list. A name that is new is added to it by hand; one that goes has been
deprecated first (docs/core.md says how), and a plugin that uses it has been told for a release.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import cnntasks
from cnntasks import hookspecs, testing
from cnntasks.testing import contract

LIST = Path(__file__).with_name("public_names.txt")


def written() -> set[str]:
    lines = LIST.read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert names == sorted(set(names), key=lambda it: (it.casefold(), it)), "keep the list sorted"
    return set(names)


def found() -> set[str]:
    """Every name that a plugin may use: of the package, its testing, its hooks, its protocols."""
    names = {f"cnntasks.{name}" for name in cnntasks.__all__}
    names |= {f"cnntasks.testing.{name}" for name in testing.__all__}
    for name in hookspecs.hook_names():
        arguments = inspect.signature(getattr(hookspecs, name)).parameters
        names |= {f"hook {name}({', '.join(arguments)})"}
    for name in cnntasks.__all__:
        value = getattr(cnntasks, name)
        if inspect.isclass(value):
            members = {*vars(value), *getattr(value, "__annotations__", {})}
            names |= {f"cnntasks.{name}.{it}" for it in members if not it.startswith("_")}
    checks = (
        *contract.ALWAYS, *contract.PREDICTOR, *contract.COMMAND, *contract.TRAINING
    )  # fmt: skip
    return names | {f"cnntasks.testing.TaskContract.test_{check.__name__}" for check in checks}


def test_the_list_is_what_there_is() -> None:
    listed, there = written(), found()
    assert there - listed == set(), "new public names: add them to public_names.txt"
    assert listed - there == set(), "public names are gone: see docs/core.md, 'What may change'"


def test_dir_and_all_agree_and_nothing_else_is_there() -> None:
    assert dir(cnntasks) == sorted(cnntasks.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = cnntasks.no_such_name
