"""Model folders that the tests of speech share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_spotter import write_tiny_spotter, write_tiny_transcriber


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that spots a low and a high tone."""
    return write_tiny_spotter(tmp_path_factory.mktemp("models") / "tones")


@pytest.fixture(scope="session")
def dictation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that transcribes low and high tones."""
    return write_tiny_transcriber(tmp_path_factory.mktemp("models") / "dictation")
