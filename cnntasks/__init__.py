"""cnntasks: convolutional networks that do a job, from the command line or in three lines.

    >>> import cnntasks
    >>> detector = cnntasks.load("detect")
    >>> detector("photo.jpg").to_dict()

Everything public is in `cnntasks.__all__` and imported on first use (PEP 562), so that
`import cnntasks` costs next to nothing; plugins use these names and `cnntasks.testing` only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnntasks.backbones.base import Backbone as Backbone
    from cnntasks.backbones.base import Stage as Stage
    from cnntasks.backbones.registry import create_backbone as create_backbone
    from cnntasks.backbones.registry import list_backbones as list_backbones
    from cnntasks.errors import CnntasksError as CnntasksError
    from cnntasks.errors import DeviceError as DeviceError
    from cnntasks.errors import InputError as InputError
    from cnntasks.errors import ModelError as ModelError
    from cnntasks.errors import PluginError as PluginError
    from cnntasks.errors import UsageError as UsageError
    from cnntasks.hookspecs import HOOK_API_VERSION as HOOK_API_VERSION
    from cnntasks.hookspecs import hookimpl as hookimpl
    from cnntasks.media.images import read_image as read_image
    from cnntasks.models.card import ModelCard as ModelCard
    from cnntasks.models.catalog import CatalogEntry as CatalogEntry
    from cnntasks.task import DataReport as DataReport
    from cnntasks.task import Finding as Finding
    from cnntasks.task import GraphSpec as GraphSpec
    from cnntasks.task import Learner as Learner
    from cnntasks.task import Outcome as Outcome
    from cnntasks.task import Predictor as Predictor
    from cnntasks.task import Result as Result
    from cnntasks.task import Score as Score
    from cnntasks.task import Source as Source
    from cnntasks.task import TaskSpec as TaskSpec

_EXPORTS = {
    "Backbone": "cnntasks.backbones.base",
    "Stage": "cnntasks.backbones.base",
    "create_backbone": "cnntasks.backbones.registry",
    "read_image": "cnntasks.media.images",
    "list_backbones": "cnntasks.backbones.registry",
    "CatalogEntry": "cnntasks.models.catalog",
    "CnntasksError": "cnntasks.errors",
    "DataReport": "cnntasks.task",
    "DeviceError": "cnntasks.errors",
    "Finding": "cnntasks.task",
    "GraphSpec": "cnntasks.task",
    "HOOK_API_VERSION": "cnntasks.hookspecs",
    "InputError": "cnntasks.errors",
    "Learner": "cnntasks.task",
    "ModelCard": "cnntasks.models.card",
    "ModelError": "cnntasks.errors",
    "Outcome": "cnntasks.task",
    "PluginError": "cnntasks.errors",
    "Predictor": "cnntasks.task",
    "Result": "cnntasks.task",
    "Score": "cnntasks.task",
    "Source": "cnntasks.task",
    "TaskSpec": "cnntasks.task",
    "UsageError": "cnntasks.errors",
    "hookimpl": "cnntasks.hookspecs",
}

__version__ = "0.1.0"
__all__ = ["__version__", *sorted(_EXPORTS)]  # noqa: PLE0604 - a written list, below the version


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'cnntasks' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
