"""What the tests of `cnntasks detect` share; their fixtures are in conftest.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[2] / "samples"
#: Where the fixture `pictures` puts its pictures.
GIVEN = ["cat.webp", "farm/cow.webp", "farm/dog.webp"]
PROGRAM = (
    sys.executable,
    "-c",
    "import sys; from cnntasks.cli.root import main; sys.exit(main())",
)


@dataclass(frozen=True)
class Shown:
    """What a run ended with and wrote."""

    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines: every line of it must be one."""
        return [json.loads(line) for line in self.out.splitlines()]


Detect = Callable[..., Shown]


def files(folder: Path) -> list[str]:
    """The relative paths of all files under a folder, sorted."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
