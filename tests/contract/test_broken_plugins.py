"""Plugins that break the contract in one way each fail the check meant for it, and only it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tone_plugin import PARTS, PLUGIN

import cnntasks
from cnntasks import plugins
from cnntasks.testing import ContractError, Subject
from cnntasks.testing.contract import ALWAYS, PREDICTOR, TRAINING

CHECKS: dict[str, Callable[[Subject], None]] = {
    check.__name__: check for check in (*ALWAYS, *PREDICTOR, *TRAINING)
}
#: Way of breaking it: the check that must fail, part of its message, what to replace by what.
BROKEN = {
    "imports-numpy": (
        "registration_is_light", "registering imports numpy",
        ("import cnntasks\n\n@cnn", "import cnntasks, numpy\n\n@cnn"),
    ),
    "is-slow": (
        "registration_is_light", "ms of CPU time",
        ("def register_tasks():", "def register_tasks():\n    sum(range(9_000_000))"),
    ),
    "no-sentence": (
        "names_follow_conventions", "is no sentence",
        ("Say whether numbers are high or low.\", d", "high or low\", d"),
    ),
    "other-name": (
        "names_follow_conventions", "is called 'tune'",
        ('@click.command("tone")', '@click.command("tune")'),
    ),
    "silent-option": (
        "help_is_complete", "--loud has no help",
        ('@cnntasks.task_options()\ndef tone(inputs, common)',
         '@click.option("--loud", is_flag=True)\n@cnntasks.task_options()\n'
         "def tone(inputs, common, loud)"),
    ),
    "infinite-result": (
        "results_are_plain_and_repeatable", "plain JSON types",
        ('"score": self.score}', '"score": float("inf")}'),
    ),
    "random-result": (
        "results_are_plain_and_repeatable", "gives two results",
        ("return Tone(self.card.classes[best],",
         "self.calls = getattr(self, 'calls', 0) + 1\n        return Tone(str(self.calls),"),
    ),
    "missing-column": (
        "results_are_plain_and_repeatable", "lacks the columns loudness",
        ('columns = ("label", "score")', 'columns = ("label", "score", "loudness")'),
    ),
    "raises-value-error": (
        "bad_inputs_stop_nothing", "ends the stream",
        ("raise cnntasks.InputError(f\"{source.name}: no four numbers; give four\") from error",
         "raise"),
    ),
    "takes-anything": (
        "bad_inputs_stop_nothing", "gives a result",
        ("raise cnntasks.InputError(f\"{source.name}: no four numbers; give four\") from error",
         "numbers = [0, 0, 0, 0]"),
    ),
    "names-nothing": (
        "bad_inputs_stop_nothing", "does not name the input",
        ("{source.name}: no four", "no four"),
    ),
    "other-network": (
        "engines_agree", "differ in",
        ("self.layer(numbers)", "self.layer(numbers + OFFSET)"),
    ),
    "model-of-its-place": (
        "model_folder_travels", "another result",
        ("    def __init__(self, card):\n        self.card = card",
         "    def __init__(self, card):\n        self.card = card\n    @classmethod\n"
         "    def open(cls, card, folder):\n        made = cls(card)\n"
         "        made.place = folder.name\n        return made"),
        ("return Tone(self.card.classes[best],", "return Tone(self.place,"),
    ),
    "forgets-the-order": (
        "training_resumes", "learns another",
        ("self.random().permutation", "np.random.default_rng().permutation"),
    ),
    "trains-for-another-task": (
        "training_resumes", "the card is one for 'tune'",
        ('name=fit.name, task="tone"', 'name=fit.name, task="tune"'),
    ),
}  # fmt: skip


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Subject]]:
    """Installs the plugin under a name of its own, with something replaced, and its model."""
    made: list[str] = []

    def install(name: str, *replacements: tuple[str, str]) -> Subject:
        name = "tone_" + name.replace("-", "_")
        folder = tmp_path / "plugins"
        folder.mkdir()
        # Parts beside the plugin folder: every file in there is a plugin.
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=":")
        (tmp_path / "site").mkdir()
        whole = {folder / f"{name}.py": PLUGIN, tmp_path / "site" / f"{name}_parts.py": PARTS}
        for old, new in replacements:
            assert sum(old in text for text in whole.values()) >= 1, f"nothing to replace: {old}"
            whole = {path: text.replace(old, new) for path, text in whole.items()}
        for path, text in whole.items():
            path.write_text("OFFSET = 0\n" + text.replace("NAME", name))
        made.extend((name, f"{name}_parts"))
        monkeypatch.setenv("CNNTASKS_PLUGINS_DIR", str(folder))
        plugins.reset()
        parts = importlib.import_module(f"{name}_parts")
        sample = tmp_path / "sample.num"
        sample.write_text("1 2 -3 4")
        data = tmp_path / "data.txt"
        data.write_text("".join(f"{n % 2} {n % 2} 1 {n % 3} {n % 5}\n" for n in range(24)))
        import torch

        card = cnntasks.ModelCard("tone", "tone", {"name": "tone"}, ("low", "high"))
        torch.manual_seed(3)
        cnntasks.write_model(parts.build(card), parts.graph_spec(), card, tmp_path / "tone-model")
        parts.OFFSET = 5 if name == "tone_other_network" else 0
        work = tmp_path / "work"
        work.mkdir()
        return Subject(
            "tone", work, str(sample), model=str(tmp_path / "tone-model"), train=(str(data),)
        )

    yield install
    for name in made:
        sys.modules.pop(name, None)
    plugins.reset()


def failures(subject: Subject, training: bool) -> dict[str, str]:
    """The checks that fail. Training takes seconds, and hardly anything else can break it."""
    found = {}
    for name, check in CHECKS.items():
        if not training and name == "training_resumes":
            continue
        part = Subject(
            subject.task, subject.work / name, subject.sample, model=subject.model,
            train=subject.train,
        )  # fmt: skip
        part.work.mkdir()
        try:
            check(part)
        except ContractError as violation:
            found[name] = str(violation)
    return found


def test_the_plugin_as_it_is_keeps_the_contract(subject: Callable[..., Subject]) -> None:
    assert failures(subject("whole"), training=True) == {}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_plugin_fails_the_check_that_is_meant_for_it(
    way: str, subject: Callable[..., Subject]
) -> None:
    check, message, *replacements = BROKEN[way]
    found = failures(subject(way, *replacements), training=check == "training_resumes")
    assert list(found) == [check], found
    assert message in found[check]


def test_a_task_that_is_not_there_is_a_violation(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no plugin registers the verb 'no-such-task'"):
        CHECKS["plugin_is_found"](Subject("no-such-task", tmp_path))


def test_a_model_of_another_task_is_a_violation(subject: Callable[..., Subject]) -> None:
    made = subject("foreign")
    assert made.model is not None
    card = Path(made.model) / "card.json"
    card.write_text(card.read_text().replace('"task": "tone"', '"task": "tune"'))
    with pytest.raises(ContractError, match="tune"):
        CHECKS["model_folder_travels"](made)
