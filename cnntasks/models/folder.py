"""A model folder on disk: written whole or not at all, read without running anything in it.

    my-model/
        card.json            what the model is
        weights.safetensors  every weight, once
        graph.onnx           the network, its initialisers pointing into the weights
        ...                  what else its task needs beside a network, a tokenizer for example
        SHA256SUMS           of all but the card, as `sha256sum --check` reads them

Nothing here is a pickle, and no name in any of the files is imported: a stranger's folder is data.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks.atomic import replacing
from cnntasks.errors import ModelError
from cnntasks.models.card import CARD_FILE, ModelCard, read_card
from cnntasks.models.disk import disk_errors
from cnntasks.models.graph import GRAPH_FILE, graph_problems, link_graph
from cnntasks.models.weights import (
    WEIGHTS_FILE,
    as_stored,
    read_tensors,
    tensor_spans,
    write_tensors,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUMS_FILE = "SHA256SUMS"
#: The files that every task has; `model_files` knows those of one folder.
MODEL_FILES = (CARD_FILE, WEIGHTS_FILE, GRAPH_FILE, SUMS_FILE)
#: Checkpoints and logs of a training lie here; alone, it is a training that was interrupted.
RUN_FOLDER = "training"
_SUMMED = (WEIGHTS_FILE, GRAPH_FILE)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def write_model_folder(
    folder: Path,
    card: ModelCard,
    weights: Mapping[str, NDArray[Any]],
    graph: bytes | None,
    *,
    half: bool = True,
    check: Callable[[Path], object] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Write a model folder, or replace the one that is there.

    Everything goes to a temporary folder beside `folder`, which is then renamed: a reader finds
    the old model or the new one. Files of a replaced folder that are no part of a model (logs,
    checkpoints) are carried over.

    Args:
        folder: where; absent, empty, or a model folder.
        card: written as it is.
        weights: torch's state dict as float32 or integer arrays, under torch's names.
        graph: the network as a serialised ONNX model with embedded initialisers; see
            `cnntasks.models.graph.link_graph` for what becomes of them.
        half: store floating tensors of more than 1000 elements in half precision, except one
            that holds a value beyond its range.
        check: is given the finished temporary folder; where it raises, `folder` stays as it was.
        files: further files of the model by their plain names; they are checked, copied and
            replaced with it.

    Raises:
        ModelError: `folder` holds something else, the disk is full, `graph` is no ONNX model, or
            one of `files` cannot be called so.
    """
    check_target(folder)
    more = dict(files or {})
    for name in more:
        if not _may_be_added(name):
            raise ModelError(f"a file of a model cannot be called {name!r}; give a plain name")
    folder = Path(os.path.realpath(folder))
    stored = as_stored(weights, half)
    needed = sum(array.nbytes for array in stored.values())
    needed += len(graph or b"") + sum(map(len, more.values()))
    staging = _sibling(folder, "new")
    with disk_errors(folder, needed):
        try:
            staging.mkdir(parents=True)
            write_tensors(staging / WEIGHTS_FILE, stored)
            if graph is not None:
                spans = tensor_spans(staging / WEIGHTS_FILE)
                linked = link_graph(graph, stored, spans, WEIGHTS_FILE)
                (staging / GRAPH_FILE).write_bytes(linked)
            for name, data in more.items():
                (staging / name).write_bytes(data)
            (staging / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
            (staging / SUMS_FILE).write_text(_sums(staging, more), encoding="ascii")
            if check is not None:
                check(staging)
            _replace(staging, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def update_card(folder: Path, card: ModelCard) -> None:
    """Replace the card of a model folder; everything else stays.

    Raises:
        ModelError: there is no model in the folder, or it cannot be written.
    """
    read_card(folder)
    with (
        disk_errors(folder, len(card.to_json())),
        replacing(folder / CARD_FILE) as temporary,
    ):
        temporary.write_text(card.to_json(), encoding="utf-8")


def check_target(folder: Path) -> None:
    """Check that `write_model_folder` may write to `folder`; a long training asks beforehand.

    Raises:
        ModelError: it is a file, or a folder with something in it and no valid card.
    """
    if folder.is_dir():
        if any(path.name != RUN_FOLDER for path in folder.iterdir()):
            try:
                read_card(folder)
            except ModelError as error:
                raise ModelError(
                    f"{folder}: holds something other than a model, which would be lost; "
                    "choose a new or an empty folder"
                ) from error
    elif os.path.lexists(folder):
        raise ModelError(f"{folder}: is there and is not a folder; choose another name")


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """The weights of a model folder under torch's names; floats as float32.

    Raises:
        ModelError: the weights file is missing, truncated or corrupt.
    """
    return read_tensors(folder / WEIGHTS_FILE)


def graph_path(folder: Path) -> Path:
    """The ONNX graph of a model folder.

    Raises:
        ModelError: the folder was written without one.
    """
    path = folder / GRAPH_FILE
    if not path.is_file():
        raise ModelError(
            f"{folder}: has no {GRAPH_FILE} for ONNX Runtime; use `--engine torch`, or write the "
            "model again with `cnntasks train` or `cnntasks models pull`"
        )
    return path


def model_files(folder: Path) -> tuple[str, ...]:
    """The names of the files that belong to a model; others in its folder are left alone.

    Those that every model has, there or not, and those that its checksums name. A name that could
    lead out of the folder is none.
    """
    try:
        summed = _read_sums(folder)
    except ModelError:
        return MODEL_FILES
    return (*MODEL_FILES, *(name for name in summed if _may_be_added(name)))


def folder_size(folder: Path) -> int:
    """The size of a model folder's own files in bytes."""
    paths = (folder / name for name in model_files(folder))
    return sum(path.stat().st_size for path in paths if path.is_file())


def check_graph(folder: Path) -> None:
    """Check that the graph of a folder from anywhere reads no file but its own weights.

    Raises:
        ModelError: it refers to another file, or to bytes that are not there.
    """
    if (folder / GRAPH_FILE).is_file():
        for problem in graph_problems(folder / GRAPH_FILE, folder / WEIGHTS_FILE):
            raise ModelError(f"{problem}; do not use this model")


def verify_folder(folder: Path) -> list[str]:
    """Everything that is wrong with a model folder, a line each; an empty list if it is whole.

    Reads all of it: the card, the weights, where the graph's references lie, the checksums.
    """
    problems = []
    for check in (read_card, read_weights):
        try:
            check(folder)
        except ModelError as error:
            problems.append(str(error))
    if (folder / GRAPH_FILE).is_file():
        problems += graph_problems(folder / GRAPH_FILE, folder / WEIGHTS_FILE)
    return problems + _sum_problems(folder)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal; raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _may_be_added(name: str) -> bool:
    """Whether a further file of a model can have this name: a plain one that is not taken.

    Checksums are lines of text, and some file systems do not tell `Card.json` from `card.json`.
    """
    taken = {each.casefold() for each in (*MODEL_FILES, RUN_FOLDER)}
    return bool(_PLAIN_NAME.fullmatch(name)) and name.casefold() not in taken


def _sums(folder: Path, more: Iterable[str]) -> str:
    paths = [folder / name for name in (*_SUMMED, *more) if (folder / name).is_file()]
    return "".join(f"{file_digest(path)}  {path.name}\n" for path in paths)


def _read_sums(folder: Path) -> dict[str, str]:
    """Name to SHA-256, as the folder's file of checksums has them; raises ModelError."""
    path = folder / SUMS_FILE
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); fetch the model again") from error
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _sum_problems(folder: Path) -> list[str]:
    path = folder / SUMS_FILE
    try:
        expected = _read_sums(folder)
    except ModelError as error:
        return [str(error)]
    problems = [
        f"{path}: {name!r} is no file of a model; do not use this model"
        for name in expected
        if name not in _SUMMED and not _may_be_added(name)
    ]
    more = [name for name in expected if _may_be_added(name)]
    for name in (*_SUMMED, *more):
        try:
            digest = file_digest(folder / name)
        except OSError:
            if name in expected:
                problems.append(f"{folder / name}: is missing; fetch the model again")
            continue
        if name not in expected:
            problems.append(f"{path}: has no checksum of {name}")
        elif digest != expected[name]:
            problems.append(
                f"{folder / name}: has the SHA-256 {digest}, where {SUMS_FILE} has "
                f"{expected[name]}; fetch the model again"
            )
    return problems


def _sibling(folder: Path, purpose: str) -> Path:
    return folder.with_name(f".{folder.name}.{purpose}-{secrets.token_hex(4)}")


def _replace(staging: Path, folder: Path) -> None:
    """Put `staging` in the place of `folder`, keeping what is not part of a model."""
    if not folder.is_dir():
        staging.rename(folder)
        return
    previous = _sibling(folder, "old")
    folder.rename(previous)
    try:
        staging.rename(folder)
    except OSError:
        previous.rename(folder)
        raise
    replaced = {*model_files(previous), *model_files(folder)}
    for path in previous.iterdir():
        if path.name not in replaced:
            path.rename(folder / path.name)
    shutil.rmtree(previous)
