"""Random weights are the same in every run."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Seed torch before each test."""
    import torch

    torch.manual_seed(0)
