"""Resuming is refused, in one line, where it would not continue the training that was begun."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_pictures import CARD
from torch import nn
from toy_learner import STEPS, KilledError, ToyLearner, ToyNetwork, train

from cnntasks.cli.errors import run_guarded
from cnntasks.errors import InputError
from cnntasks.training.fit import FitSettings, fit
from cnntasks.training.model import train_model
from cnntasks.training.resume import check_checkpoint, plain


def cut(folder: Path, **settings: Any) -> None:
    """A training of four epochs that dies in the second one."""
    with pytest.raises(KilledError):
        train(folder, ToyLearner(die=STEPS + 3), **settings)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rate": 0.5}, r"last\.ckpt: of a training with other settings: rate 0\.5 \(was 0\.01\);"),
        ({"epochs": 3}, r"settings: epochs 3 \(was 4\); repeat its options \(only --epochs may"),
        ({"patience": 2, "ema": 0}, r"settings: ema 0 \(was 0\.998\), patience 2 \(was 0\);"),
    ],
)
def test_other_settings_are_named(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    cut(tmp_path)
    learner = ToyLearner()
    with pytest.raises(InputError, match=message):
        train(tmp_path, learner, resume=True, **changed)
    assert learner.steps == 0


def test_more_epochs_and_another_limit_of_time_go_on(tmp_path: Path) -> None:
    cut(tmp_path, minutes=5.0)
    learner = ToyLearner()
    _, measured = train(tmp_path, learner, resume=True, epochs=5, minutes=9.0)
    assert learner.steps == 4 * STEPS
    assert measured["epochs"] == 5


CARD_CHANGES = [
    ({"recipe": {"data": "other"}}, r'data "other" \(was "made up"\)'),
    ({"classes": ("a", "c")}, r'classes \["a", "c"\] \(was \["a", "b"\]\)'),
    ({"network": {"name": "toy", "depth": 3}}, r"depth 3 \(was not given\)"),
    ({"preprocessing": {}}, r"size not given \(was 9\)"),
]


@pytest.mark.parametrize(("changed", "message"), CARD_CHANGES)
def test_another_model_is_not_the_one_that_was_begun(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    card = replace(CARD, classes=("a", "b"), preprocessing={"size": 9})
    settings = FitSettings(epochs=2)

    def run(card: Any, **options: Any) -> None:
        learner = ToyLearner(die=STEPS + 1)
        train_model(
            ToyNetwork(), learner, card, tmp_path, settings, device="cpu", progress=False, **options
        )

    with pytest.raises(KilledError):
        run(card)
    with pytest.raises(InputError, match=message):
        run(replace(card, **changed), resume=True)


def test_loading_processes_may_change(tmp_path: Path) -> None:
    now = plain({"recipe": {"size": 320, "workers": 0}, "fit": {"epochs": 4}})
    before = {**now, "recipe": {"size": 320, "workers": 4}}
    network = nn.Linear(2, 2)
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": state, "epoch": 1, "optimizer_states": [], "cnntasks": before}, path)
    check_checkpoint(path, network, now)
    with pytest.raises(InputError, match=r"size 640 \(was 320\);"):
        check_checkpoint(path, network, {**now, "recipe": {"size": 640}})


def test_a_checkpoint_without_settings_has_to_fit_the_network(tmp_path: Path) -> None:
    cut(tmp_path)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    del state["cnntasks"]
    torch.save(state, tmp_path / "last.ckpt")

    other = nn.Linear(2, 2)
    with pytest.raises(InputError, match="other settings: another network"):
        fit(other, ToyLearner(), FitSettings(), tmp_path, device="cpu", resume=True)
    learner = ToyLearner()
    train(tmp_path, learner, resume=True)
    assert learner.steps == 3 * STEPS


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "weights"])
def test_a_damaged_checkpoint_is_one_line(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    cut(tmp_path)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"not this"}.get(damage, b""))
    if damage == "weights":
        torch.save(ToyNetwork().state_dict(), path)
    with pytest.raises(
        InputError, match=r"last\.ckpt: damaged, .*begin anew without --resume"
    ) as e:
        train(tmp_path, resume=True)
    assert "\n" not in str(e.value)


class Interrupted(ToyLearner):
    """A person presses Ctrl-C in the middle of an epoch."""

    at = 0

    def losses(self, network: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        if self.steps == self.at:
            signal.raise_signal(signal.SIGINT)
        return super().losses(network, batch)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (3, "no epoch was finished; begin anew"),
        (2 * STEPS + 3, "the same command with --resume goes on after the last finished epoch"),
    ],
)
def test_an_interruption_says_whether_it_can_be_resumed(
    step: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learner = Interrupted()
    learner.at = step
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = run_guarded(lambda: train(tmp_path, learner), debug=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert status == 130
    assert capsys.readouterr().err == f"cnntasks: interrupted: {message}\n"
    assert (tmp_path / "last.ckpt").exists() == (step > STEPS)


def test_an_interruption_of_the_export_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cnntasks.training.model.write_model", interrupted)
    with pytest.raises(KeyboardInterrupt, match="with --resume goes on"):
        train_model(
            ToyNetwork(), ToyLearner(), CARD, tmp_path, FitSettings(epochs=1), progress=False
        )


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_that_is_told_to_end_says_so_by_its_status(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    script = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from toy_learner import STEPS, ToyLearner, train
        from cnntasks.cli.errors import run_guarded

        class Told(ToyLearner):
            def losses(self, network, batch):
                if self.steps == 2 * STEPS + 4:
                    os.kill(os.getpid(), {int(number)})
                return super().losses(network, batch)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.exit(run_guarded(lambda: train(Path({str(tmp_path)!r}), Told()), debug=False))
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert ended.returncode == status
    learner = ToyLearner()
    train(tmp_path, learner, resume=True)
    assert learner.steps == 2 * STEPS
