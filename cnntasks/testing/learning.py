"""The check of training: it learns, writes a model, and goes on after an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from cnntasks.models.card import read_card
from cnntasks.models.folder import read_weights, verify_folder
from cnntasks.pipeline import load
from cnntasks.testing.subject import Run, Subject, require, run


def training_resumes(subject: Subject) -> None:
    """Training writes a whole model that predicts; interrupted and resumed it gives the same.

    It runs for two epochs, and once more with an interruption after the first.

    Raises:
        ContractError: it fails, the model is not whole or is for another task, or a resumed run
            learned something else than one run.
    """
    title = f"cnntasks train {subject.task}"
    whole = subject.work / "trained"
    done = _train(subject, whole)
    require(done.status == 0, f"{title} ends with status {done.status}: {done.told()}")
    damage = verify_folder(whole)
    require(not damage, f"{title}: the model is not whole: {'; '.join(map(str, damage))}")
    card = read_card(whole)
    require(card.task == subject.task, f"{title}: the card is one for {card.task!r}")
    require(card.metrics, f"{title}: the card has no metrics; hand `evaluate` to train_model")
    if subject.sample and subject.spec.predictor is not None:
        load(subject.task, whole)(subject.value)
    parts = subject.work / "resumed"
    with _interrupted_after_the_first_epoch():
        done = _train(subject, parts)
    require(done.status != 0, f"{title}: an interruption (Ctrl-C) ends with status 0")
    done = _train(subject, parts, "--resume")
    require(done.status == 0, f"{title} --resume ends with status {done.status}: {done.told()}")
    expected, found = read_weights(whole), read_weights(parts)
    require(expected.keys() == found.keys(), f"{title} --resume: the network is another one")
    for name, value in expected.items():
        require(
            np.allclose(value, found[name], rtol=1e-2, atol=1e-3),
            f"{title} --resume: learns another {name!r} than one run; let everything random follow "
            "from (seed, epoch), see cnntasks.EpochSampler",
        )


def _train(subject: Subject, folder: Path, *more: str) -> Run:
    return run(
        subject.work, "train", subject.task, *subject.train, "-o", str(folder),
        "--epochs", "2", "--device", "cpu", "-q", *more,
    )  # fmt: skip


def _interrupted_after_the_first_epoch() -> Any:
    from cnntasks.training.fit import Trainee

    begin = Trainee.on_train_epoch_start

    def interrupt(trainee: Trainee) -> None:
        if trainee.current_epoch == 1:
            raise KeyboardInterrupt
        begin(trainee)

    return patch.object(Trainee, "on_train_epoch_start", interrupt)
