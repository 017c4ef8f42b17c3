"""A trained classifier: making one takes seconds, hence once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pattern_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a LeNet-5 that was trained on the patterns of `small_classifiers`."""
    from small_classifiers import write_model

    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_model(folder)
    return folder
