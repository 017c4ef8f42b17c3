"""What a checkpoint has to fit before a training goes on from it."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn

from cnntasks.errors import InputError

#: Under this key a checkpoint keeps the settings of its training.
SETTINGS_KEY = "cnntasks"
RESUMABLE = "the same command with --resume goes on after the last finished epoch"
#: Change how long or with how many processes, and not what is learned.
_FREE = {("fit", "minutes"), ("recipe", "workers")}


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """JSON types only, as torch reads them without running code."""
    copied: dict[str, Any] = json.loads(json.dumps(settings))
    return copied


def check_checkpoint(path: Path, network: nn.Module, settings: Mapping[str, Any]) -> None:
    """Check that `path` holds a checkpoint of a training of `network` with these settings.

    More epochs are allowed (the learning rate then follows the longer schedule), and so are another
    limit of minutes and other loading processes.

    Args:
        path: the checkpoint.
        network: that is to go on.
        settings: groups of settings, as `plain` gives them; a checkpoint without any is accepted
            if it fits the network.

    Raises:
        InputError: it is missing, damaged, or of another training; the message says how.
    """
    if not path.exists():
        raise InputError(f"{path.parent}: nothing to resume (there is no {path.name} in it)")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        shapes = {name: value.shape for name, value in state["state_dict"].items()}
        state["epoch"], state["optimizer_states"]
    except Exception as error:  # torch, zipfile and pickle each have their own
        line = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: damaged, or not a checkpoint of a training ({type(error).__name__}: {line}); "
            "begin anew without --resume"
        ) from error
    differences = list(_differences(state.get(SETTINGS_KEY, settings), settings))
    if not differences and shapes != {
        f"network.{name}": value.shape for name, value in network.state_dict().items()
    }:
        differences = ["another network"]
    if differences:
        shown = ", ".join(differences[:4]) + (", ..." if len(differences) > 4 else "")
        raise InputError(
            f"{path}: of a training with other settings: {shown}; repeat its options (only "
            "--epochs may grow and --minutes and --workers change), or begin anew without --resume"
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """`name value (was value)` for each setting that differs, each name once."""
    told = set()
    for group in now:
        old, new = (_as_mapping(group, settings.get(group)) for settings in (before, now))
        for name in [*new, *(old.keys() - new.keys())]:
            one: Any = old.get(name)
            other: Any = new.get(name)
            free = (group, name) in _FREE or ((group, name) == ("fit", "epochs") and other > one)
            if one != other and not free and name not in told:
                told.add(name)
                yield f"{name} {_short(other)} (was {_short(one)})"


def _as_mapping(group: str, value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {group: value}


def _short(value: Any) -> str:
    text = "not given" if value is None else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


@contextlib.contextmanager
def plain_signals(first_epoch_done: Callable[[], object]) -> Iterator[None]:
    """End on a signal as any program does; Lightning exits with 1 on SIGINT and 0 on SIGTERM.

    Args:
        first_epoch_done: called for whether there is a checkpoint to go on from.

    Raises:
        KeyboardInterrupt: on SIGINT; its message says whether the training can be resumed.
        SystemExit: with status 143, on SIGTERM.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SIGTERMException as error:
        raise SystemExit(128 + signal.SIGTERM) from error
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)  # which Lightning left ignored
        message = RESUMABLE if first_epoch_done() else "no epoch was finished; begin anew"
        raise KeyboardInterrupt(message) from error
