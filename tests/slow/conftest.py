"""The loopback server and the detectors of the unit tests, for the slow ones."""

from __future__ import annotations

import sys
from pathlib import Path

_UNIT = Path(__file__).parents[1] / "unit"
sys.path[:0] = [str(_UNIT / "models"), str(_UNIT / "detect")]

from loopback import cache as cache  # noqa: E402
from loopback import serve as serve  # noqa: E402
from loopback import site as site  # noqa: E402
