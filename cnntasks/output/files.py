"""Files of records that appear when they are complete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cnntasks.atomic import replacing
from cnntasks.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@contextlib.contextmanager
def open_records(path: Path) -> Iterator[TextIO]:
    """Write records (UTF-8 text) to a file that replaces `path` when all is done.

    Until then they lie in `<path>.partial`, which an interruption leaves behind: hours of results
    are not thrown away.

    Raises:
        InputError: the place cannot be written; the message names it.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        partial.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by their names as a compressed .npz file, which appears when it is complete.

    Raises:
        InputError: the place cannot be written; the message names it.
    """
    import numpy as np

    try:
        with replacing(path) as temporary, temporary.open("xb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another --output"
        ) from error
