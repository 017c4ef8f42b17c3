"""What writing to a disk can meet, said for people: sizes, and a disk that is full."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnntasks.errors import ModelError


def format_size(size: int) -> str:
    """A number of bytes in decimal units, as disks and download pages count: `"19.4 MB"`."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            break
    return f"{value:.1f} {unit}"


@contextmanager
def disk_errors(target: Path, needed: int) -> Iterator[None]:
    """Turn an `OSError` of the body into one line that names `target`.

    Args:
        target: the file or folder that is being written.
        needed: how many bytes the body wants to write there.

    Raises:
        ModelError: the body raised an `OSError`; a full disk or an exhausted quota says how
            much is needed and where.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # of a line for the person, whose terminal has gone; no disk is a pipe
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"{target}: the disk is full; {format_size(needed)} are needed in {target.parent}: "
                "free some space, or set CNNTASKS_CACHE to a folder on another disk for downloads"
            ) from error
        raise ModelError(f"{target}: cannot be written ({error})") from error
