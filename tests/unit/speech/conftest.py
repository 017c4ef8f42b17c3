"""Model folders that the tests of speech share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_spotter import write_tiny_spotter


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that spots a low and a high tone."""
    return write_tiny_spotter(tmp_path_factory.mktemp("models") / "tones")
