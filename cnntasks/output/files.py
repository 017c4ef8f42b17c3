"""Files of records that appear when they are complete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from cnntasks.errors import InputError


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
