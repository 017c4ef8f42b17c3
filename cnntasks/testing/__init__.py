"""What plugin authors import in their tests: a contract suite for tasks and one for backbones.

    from cnntasks.testing import TaskContract

    class TestSegment(TaskContract):
        task = "segment"
        sample = "tests/data/street.jpg"

Every check is a test of its own, named for what must hold; one that has nothing to work on (a
verb without a predictor has no results) is not there. The checks are plain functions of a `Subject`
that raise `ContractError`, so that another test runner can call them; nothing here imports pytest.
"""

from __future__ import annotations

from cnntasks.testing.backbone import BackboneContract
from cnntasks.testing.contract import TaskContract
from cnntasks.testing.subject import ContractError, Subject

__all__ = ["BackboneContract", "ContractError", "Subject", "TaskContract"]
