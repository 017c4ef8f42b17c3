"""The training loop: it learns, repeats, resumes, stops, averages, and says what went wrong."""

from __future__ import annotations

import csv
import itertools
import math
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from toy_learner import STEPS, KilledError, ToyLearner, ToyNetwork, same_weights, train

from cnntasks.errors import CnntasksError, DeviceError, InputError, ModelError, UsageError
from cnntasks.training.callbacks import moving_average
from cnntasks.training.fit import FitSettings, fit, rate_factor


def test_it_learns(tmp_path: Path) -> None:
    learner = ToyLearner()
    network, measured = train(tmp_path, learner, epochs=12, rate=3e-2)

    x, y = learner.data.tensors
    with torch.no_grad():
        before = float((ToyNetwork().eval()(x)["y"] - y).square().mean())
        after = float((network(x)["y"] - y).square().mean())
    assert after < 0.2 * before
    assert measured == {"best": pytest.approx(-after, rel=1e-4), "epochs": 12}


def test_the_network_ends_in_evaluation_mode(tmp_path: Path) -> None:
    network, _ = train(tmp_path, epochs=1)
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_same_seed_gives_the_same_weights(shuffle: bool, tmp_path: Path) -> None:
    one, _ = train(tmp_path / "one", ToyLearner(shuffle=shuffle), epochs=2)
    torch.rand(7)  # what was drawn before does not matter
    same, _ = train(tmp_path / "same", ToyLearner(shuffle=shuffle), epochs=2)
    other, _ = train(tmp_path / "other", ToyLearner(shuffle=shuffle), epochs=2, seed=4)
    assert same_weights(one, same)
    assert not same_weights(one, other)


@pytest.mark.parametrize(
    ("ema", "shuffle", "accumulate"), [(0.9, False, 1), (0.0, False, 1), (0.9, True, 3)]
)
def test_a_resumed_training_is_the_uninterrupted_one(
    ema: float, shuffle: bool, accumulate: int, tmp_path: Path
) -> None:
    """Bit for bit: schedule, optimiser, average, order, dropout and the losses' own numbers."""
    settings = {"ema": ema, "accumulate": accumulate}
    straight, measured = train(tmp_path / "straight", ToyLearner(shuffle=shuffle), **settings)
    with pytest.raises(KilledError):
        train(tmp_path / "cut", ToyLearner(shuffle=shuffle, die=2 * STEPS + 5), **settings)

    learner = ToyLearner(shuffle=shuffle)
    resumed, again = train(tmp_path / "cut", learner, resume=True, **settings)

    assert learner.steps == 2 * STEPS
    assert same_weights(straight, resumed)
    assert again == measured


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_resumed_training_is_the_same_with_loading_processes(tmp_path: Path) -> None:
    """They fetch the first batches, and get their seeds, before the first epoch begins."""
    straight, _ = train(tmp_path / "straight", ToyLearner(workers=1), epochs=3)
    with pytest.raises(KilledError):
        train(tmp_path / "cut", ToyLearner(workers=1, die=STEPS + 5), epochs=3)

    resumed, _ = train(tmp_path / "cut", ToyLearner(workers=1), epochs=3, resume=True)

    assert same_weights(straight, resumed)


def test_an_epoch_of_a_batch_sampler_is_the_same_after_resuming(tmp_path: Path) -> None:
    first, second = ToyLearner(die=2 * STEPS + 1), ToyLearner()
    with pytest.raises(KilledError):
        train(tmp_path, first)
    train(tmp_path, second, resume=True)
    assert first.order is not None
    assert second.order is not None
    assert first.order.seen == [0, 1, 2]
    assert second.order.seen == [2, 3]


def test_resuming_what_is_finished_changes_nothing(tmp_path: Path) -> None:
    done, measured = train(tmp_path, epochs=2)
    learner = ToyLearner()
    again, unchanged = train(tmp_path, learner, epochs=2, resume=True)
    assert learner.steps == 0
    assert same_weights(done, again)
    assert unchanged == measured


def test_resuming_with_more_epochs_goes_on(tmp_path: Path) -> None:
    train(tmp_path, epochs=2)
    learner = ToyLearner()
    _, measured = train(tmp_path, learner, epochs=5, resume=True)
    assert learner.steps == 3 * STEPS
    assert measured["epochs"] == 5


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run: nothing to resume \(there is no last\.ckpt"):
        train(tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_the_last_checkpoint_is_that_of_the_last_epoch_even_if_it_was_no_better(
    tmp_path: Path,
) -> None:
    with pytest.raises(KilledError):
        train(tmp_path, ToyLearner(said=[3.0, 2.0, 1.0], die=3 * STEPS + 1))
    learner = ToyLearner(said=[0.5])
    train(tmp_path, learner, resume=True)
    assert learner.steps == STEPS


def test_the_best_epochs_weights_are_what_is_returned(tmp_path: Path) -> None:
    learner = ToyLearner(said=[1.0, 3.0, 2.0, 2.5])
    network, measured = train(tmp_path, learner)
    assert measured == {"best": 3.0, "epochs": 4}
    assert same_weights(network, learner.validated[1])
    assert not same_weights(network, learner.validated[3])


def test_the_best_epoch_before_an_interruption_is_remembered(tmp_path: Path) -> None:
    first = ToyLearner(said=[1.0, 9.0], die=2 * STEPS + 1)
    with pytest.raises(KilledError):
        train(tmp_path, first)
    network, measured = train(tmp_path, ToyLearner(said=[2.0, 3.0]), resume=True)
    assert measured["best"] == 9
    assert same_weights(network, first.validated[1])


def test_a_new_run_in_an_old_folder_replaces_the_old_one(tmp_path: Path) -> None:
    train(tmp_path, ToyLearner(said=[9.0] * 4))
    with pytest.raises(KilledError):
        train(tmp_path, ToyLearner(said=[1.0, 2.0], die=2 * STEPS + 1), seed=8)
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == ["best.ckpt", "last.ckpt"]

    learner = ToyLearner(said=[3.0, 1.0])
    _, measured = train(tmp_path, learner, seed=8, resume=True)

    assert learner.steps == 2 * STEPS
    assert measured["best"] == 3


def test_early_stopping_stops(tmp_path: Path) -> None:
    learner = ToyLearner(said=[1.0, 2.0, *[1.5] * 28])
    _, measured = train(tmp_path, learner, epochs=30, patience=3)
    assert measured == {"best": 2.0, "epochs": 5}
    assert learner.steps == 5 * STEPS


def test_without_patience_nothing_stops(tmp_path: Path) -> None:
    _, measured = train(tmp_path, ToyLearner(said=[1.0] * 6), epochs=6)
    assert measured["epochs"] == 6


def test_patience_counts_on_after_resuming(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(tmp_path, ToyLearner(said=[2.0, 1.0], die=2 * STEPS + 1), epochs=30, patience=3)
    learner = ToyLearner(said=[1.0] * 28)
    train(tmp_path, learner, epochs=30, patience=3, resume=True)
    assert learner.steps == 2 * STEPS


def test_a_limit_of_minutes_stops_with_a_result_and_can_be_resumed(tmp_path: Path) -> None:
    learner = ToyLearner()
    network, measured = train(tmp_path, learner, minutes=1e-6)
    assert learner.steps == 1
    assert same_weights(network, learner.validated[0])
    more = ToyLearner()
    _, measured = train(tmp_path, more, resume=True)
    assert more.steps > 0
    assert measured["epochs"] == 4


def test_a_loss_that_is_not_finite_is_an_error_for_people(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not finite at step 10; lower the learning rate"):
        train(tmp_path, ToyLearner(spoil=11))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_an_absent_device_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="'cuda:0' is not available"):
        fit(ToyNetwork(), ToyLearner(), FitSettings(), tmp_path / "run", device="cuda")
    assert not (tmp_path / "run").exists()


def test_an_unknown_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no device 'abacus'"):
        fit(ToyNetwork(), ToyLearner(), FitSettings(), tmp_path, device="abacus")


def test_validation_sees_the_moving_average(tmp_path: Path) -> None:
    learner = ToyLearner()
    train(tmp_path, learner, epochs=2, ema=0.8)
    # After each step, as the next one found them; the first mean is the first step's weights.
    after = learner.trained[1 : STEPS + 1]
    mean = after[0]["last.weight"].double()
    for count, weights in enumerate(after[1:], start=1):
        decay = min(0.8, (1 + count) / (10 + count))
        mean = decay * mean + (1 - decay) * weights["last.weight"].double()
    seen = learner.validated[0]["last.weight"]
    torch.testing.assert_close(seen.double(), mean, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(seen, after[-1]["last.weight"], atol=1e-4)


def test_without_averaging_validation_sees_the_weights_themselves(tmp_path: Path) -> None:
    learner = ToyLearner()
    train(tmp_path, learner, epochs=2, ema=0.0)
    assert same_weights(learner.validated[0], learner.trained[STEPS])


def test_training_goes_on_from_the_weights_and_not_from_their_average(tmp_path: Path) -> None:
    plain, averaged = ToyLearner(), ToyLearner()
    train(tmp_path / "plain", plain, ema=0.0)
    train(tmp_path / "averaged", averaged, ema=0.9)
    assert same_weights(plain.trained[-1], averaged.trained[-1])


def test_a_short_training_is_not_held_back_by_the_average(tmp_path: Path) -> None:
    """At a decay of 0.998 from the start, 32 steps would leave 94 % of the first step's weights."""
    learner = ToyLearner()
    train(tmp_path, learner, ema=0.998, rate=3e-2)
    start, end = (learner.trained[i]["last.weight"] for i in (1, -1))
    mean = learner.validated[-1]["last.weight"]
    way = float(((mean - start) * (end - start)).sum() / (end - start).square().sum())
    assert way > 0.5


def test_the_average_forgets_slowly_in_the_end_and_keeps_counters_whole() -> None:
    mean, value = torch.tensor([1.0]), torch.tensor([2.0])
    late = moving_average(0.99, mean.clone(), value, torch.tensor(10_000))
    assert float(late) == pytest.approx(1.01)
    early = moving_average(0.99, mean.clone(), value, torch.tensor(1))
    assert float(early) == pytest.approx(1 + 9 / 11)
    counter = moving_average(0.99, torch.tensor(3), torch.tensor(7), torch.tensor(5))
    assert int(counter) == 7


def test_batches_are_accumulated(tmp_path: Path) -> None:
    learner = ToyLearner()
    train(tmp_path, learner, epochs=1, accumulate=4)
    changes = [
        not same_weights(before, after) for before, after in itertools.pairwise(learner.trained)
    ]
    assert changes == [False, False, False, True, False, False, False]


class Still(ToyLearner):
    """Its loss asks nothing of the weights, so that only their decay moves them."""

    def parameter_groups(self, network: nn.Module) -> list[dict[str, object]]:
        first = [network.get_parameter("first.weight")]
        return [
            {"params": first, "scale": 1.0, "decay": True},
            {"params": [network.get_parameter("last.weight")], "scale": 1.0, "decay": False},
        ]

    def losses(self, network: nn.Module, batch: object) -> dict[str, torch.Tensor]:
        return {"nothing": sum(p.sum() * 0 for p in network.parameters())}  # type: ignore[dict-item]


def test_weight_decay_is_a_matter_of_the_group(tmp_path: Path) -> None:
    before = ToyNetwork()
    network, _ = train(tmp_path, Still(), epochs=1, ema=0.0, decay=0.5)
    shrunk = network.first.weight.detach() / before.first.weight.detach()
    assert 0.9 < float(shrunk.min()) <= float(shrunk.max()) < 0.99
    assert torch.equal(network.last.weight, before.last.weight)
    assert torch.equal(network.first.bias, before.first.bias)  # in no group: not trained


class Slow(ToyLearner):
    """Its last layer learns a hundredth as fast."""

    def parameter_groups(self, network: nn.Module) -> list[dict[str, object]]:
        return [
            {"params": [network.get_parameter("first.weight")], "scale": 1.0},
            {"params": [network.get_parameter("last.weight")], "scale": 0.01},
        ]


def test_the_learning_rate_is_scaled_by_the_group(tmp_path: Path) -> None:
    before = ToyNetwork()
    network, _ = train(tmp_path, Slow(), epochs=2, ema=0.0, decay=0.0)
    first = (network.first.weight - before.first.weight).detach().abs().mean()
    last = (network.last.weight - before.last.weight).detach().abs().mean()
    # AdamW's steps have the size of the rate, whatever the gradient's.
    assert 20 < float(first / last) < 500


def test_losses_metrics_and_rates_are_logged(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(tmp_path, ToyLearner(die=2 * STEPS + 5))
    train(tmp_path, resume=True)

    rows = []
    for part in ("version_0", "version_1"):
        with (tmp_path / "csv" / part / "metrics.csv").open() as file:
            rows += list(csv.DictReader(file))
    measured = [row for row in rows if row.get("quality")]
    assert [int(row["epoch"]) for row in measured] == [0, 1, 2, 3]
    assert all(row["AP/all"] == "0.5" for row in measured)
    names = {name for row in rows for name, value in row.items() if value}
    assert any("lr" in name for name in names)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_settings_are_plain(tmp_path: Path) -> None:
    settings = FitSettings(epochs=3)
    assert FitSettings(**settings.to_dict()) == settings
    assert issubclass(ModelError, CnntasksError)


def test_the_rate_rises_linearly_and_falls_as_a_cosine() -> None:
    factors = [rate_factor(step, 100, 0.1) for step in range(101)]
    assert factors[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert factors[10] == pytest.approx(1)
    assert factors[55] == pytest.approx(0.01 + 0.99 / 2)
    assert factors[100] == pytest.approx(0.01)
    assert all(late <= early for early, late in itertools.pairwise(factors[10:]))
    assert factors[32] == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi * 22 / 90)) / 2)


@given(st.integers(0, 5000), st.integers(1, 2000), st.floats(0, 0.9))
def test_the_rate_is_never_zero_nor_above_its_peak(step: int, total: int, warmup: float) -> None:
    assert 0 < rate_factor(step, total, warmup) <= 1


@pytest.mark.slow
def test_a_killed_process_is_resumed_to_the_same_weights(tmp_path: Path) -> None:
    """A real end, without any clearing up: the process kills itself in the third epoch."""
    straight, _ = train(tmp_path / "straight")
    script = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from toy_learner import STEPS, ToyLearner, train

        class Mortal(ToyLearner):
            def losses(self, network, batch):
                if self.steps == 2 * STEPS + 4:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().losses(network, batch)

        train(Path({str(tmp_path / "killed")!r}), Mortal())
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert ended.returncode < 0

    resumed, _ = train(tmp_path / "killed", resume=True)

    assert same_weights(straight, resumed)
