"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the place of a temporary file, which replaces `path` when the block ends well.

    Missing folders are made; after an error nothing is left of the temporary file.

    Raises:
        OSError: the place cannot be written; the caller knows what to tell a person.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".cnntasks-{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
