"""Reads a page that is a tutorial: the files that it shows, and the commands with their output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class File:
    """A block whose first line is a comment with a path."""

    path: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line that begins with `$`, and what it prints; `...` stands for anything within a line."""

    line: str
    output: tuple[str, ...]

    def prints(self, text: str) -> bool:
        """Whether some output is what the page shows."""
        parts = (re.escape(line).replace(r"\.\.\.", ".*") for line in self.output)
        return re.fullmatch("\n".join(parts), text.rstrip("\n")) is not None


def steps(page: Path) -> Iterator[File | Command]:
    """Everything that a reader does, in order."""
    for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in ("python", "toml"):
            first, _, rest = block.partition("\n")
            assert first.startswith("# "), f"a block does not say which file it is: {first}"
            yield File(first[2:], rest)
        elif language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, *output = part.splitlines()
                yield Command(line, tuple(output))
