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
    from cnntasks.atomic import replacing as replacing
    from cnntasks.backbones.arithmetic import LayerRow as LayerRow
    from cnntasks.backbones.arithmetic import describe_network as describe_network
    from cnntasks.backbones.base import Backbone as Backbone
    from cnntasks.backbones.base import Stage as Stage
    from cnntasks.backbones.catalog import NetworkInfo as NetworkInfo
    from cnntasks.backbones.catalog import list_network_info as list_network_info
    from cnntasks.backbones.classifier import Classifier as Classifier
    from cnntasks.backbones.classifier import create_classifier as create_classifier
    from cnntasks.backbones.lenet import map_criterion as map_criterion
    from cnntasks.backbones.registry import convert_backbone as convert_backbone
    from cnntasks.backbones.registry import convert_classifier as convert_classifier
    from cnntasks.backbones.registry import create_backbone as create_backbone
    from cnntasks.backbones.registry import list_backbones as list_backbones
    from cnntasks.backbones.registry import weights_file as weights_file
    from cnntasks.backbones.surgery import fold_batch_norm as fold_batch_norm
    from cnntasks.backbones.surgery import pad_by_reflection as pad_by_reflection
    from cnntasks.backbones.surgery import pool_by_average as pool_by_average
    from cnntasks.backbones.weights import read_state as read_state
    from cnntasks.catalog import CatalogEntry as CatalogEntry
    from cnntasks.cli.errors import say as say
    from cnntasks.cli.fitting import FitOptions as FitOptions
    from cnntasks.cli.fitting import fit_options as fit_options
    from cnntasks.cli.fitting import recipe_of as recipe_of
    from cnntasks.cli.fitting import report_trained as report_trained
    from cnntasks.cli.lifecycle import run_lifecycle as run_lifecycle
    from cnntasks.cli.measuring import MeasureOptions as MeasureOptions
    from cnntasks.cli.measuring import evaluate_options as evaluate_options
    from cnntasks.cli.measuring import progress_bar as progress_bar
    from cnntasks.cli.measuring import report_score as report_score
    from cnntasks.cli.options import CommonOptions as CommonOptions
    from cnntasks.cli.options import record_format as record_format
    from cnntasks.cli.options import record_suffixes as record_suffixes
    from cnntasks.cli.options import run_task as run_task
    from cnntasks.cli.options import task_options as task_options
    from cnntasks.cli.tables import print_rows as print_rows
    from cnntasks.datasets import DataFormats as DataFormats
    from cnntasks.datasets import DataLayout as DataLayout
    from cnntasks.datasets import DataProblems as DataProblems
    from cnntasks.datasets import divide_location as divide_location
    from cnntasks.datasets import unknown_split as unknown_split
    from cnntasks.engines.base import EngineChoice as EngineChoice
    from cnntasks.engines.torch import load_weights as load_weights
    from cnntasks.engines.torch import open_device as open_device
    from cnntasks.errors import CnntasksError as CnntasksError
    from cnntasks.errors import DeviceError as DeviceError
    from cnntasks.errors import InputError as InputError
    from cnntasks.errors import ModelError as ModelError
    from cnntasks.errors import PluginError as PluginError
    from cnntasks.errors import UsageError as UsageError
    from cnntasks.gradients import OpenNetwork as OpenNetwork
    from cnntasks.gradients import open_network as open_network
    from cnntasks.hookspecs import HOOK_API_VERSION as HOOK_API_VERSION
    from cnntasks.hookspecs import hookimpl as hookimpl
    from cnntasks.labels import SPLIT_NAMES as SPLIT_NAMES
    from cnntasks.labels import canonical_split as canonical_split
    from cnntasks.labels import choose_splits as choose_splits
    from cnntasks.labels import class_key as class_key
    from cnntasks.labels import counted as counted
    from cnntasks.labels import fold_stratified as fold_stratified
    from cnntasks.labels import join_classes as join_classes
    from cnntasks.labels import match_classes as match_classes
    from cnntasks.labels import sort_classes as sort_classes
    from cnntasks.labels import split_folders as split_folders
    from cnntasks.labels import split_stratified as split_stratified
    from cnntasks.labels import warn_of_similar_classes as warn_of_similar_classes
    from cnntasks.media.draw import class_color as class_color
    from cnntasks.media.draw import contact_sheet as contact_sheet
    from cnntasks.media.draw import draw_boxes as draw_boxes
    from cnntasks.media.images import IMAGE_SUFFIXES as IMAGE_SUFFIXES
    from cnntasks.media.images import read_image as read_image
    from cnntasks.media.images import resize_image as resize_image
    from cnntasks.media.images import write_image as write_image
    from cnntasks.media.sources import expand_sources as expand_sources
    from cnntasks.media.sources import sources_from_values as sources_from_values
    from cnntasks.models.card import ModelCard as ModelCard
    from cnntasks.models.card import read_card as read_card
    from cnntasks.models.folder import read_weights as read_weights
    from cnntasks.models.folder import update_card as update_card
    from cnntasks.models.folder import write_model_folder as write_model_folder
    from cnntasks.output.files import open_records as open_records
    from cnntasks.output.files import save_arrays as save_arrays
    from cnntasks.output.pictures import MadePicture as MadePicture
    from cnntasks.output.pictures import PictureOutput as PictureOutput
    from cnntasks.pipeline import Pipeline as Pipeline
    from cnntasks.pipeline import find_model as find_model
    from cnntasks.pipeline import load as load
    from cnntasks.plugins import data_formats as data_formats
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
    from cnntasks.task import failed_source as failed_source
    from cnntasks.task import import_attribute as import_attribute
    from cnntasks.training.calibration import find_temperature as find_temperature
    from cnntasks.training.figures import confusion_picture as confusion_picture
    from cnntasks.training.figures import mistakes_table as mistakes_table
    from cnntasks.training.figures import reliability_picture as reliability_picture
    from cnntasks.training.figures import shortened as shortened
    from cnntasks.training.fit import FitSettings as FitSettings
    from cnntasks.training.fit import fit as fit
    from cnntasks.training.measures import ClassMeasures as ClassMeasures
    from cnntasks.training.measures import ClassScores as ClassScores
    from cnntasks.training.measures import Mistake as Mistake
    from cnntasks.training.measures import measure_classes as measure_classes
    from cnntasks.training.measures import worst_mistakes as worst_mistakes
    from cnntasks.training.memory import keep_memory as keep_memory
    from cnntasks.training.model import train_model as train_model
    from cnntasks.training.model import write_model as write_model
    from cnntasks.training.order import EpochSampler as EpochSampler
    from cnntasks.training.order import Order as Order
    from cnntasks.training.successor import carry_over as carry_over
    from cnntasks.training.successor import successor_card as successor_card

_EXPORTS = {
    "Backbone": "cnntasks.backbones.base",
    "CatalogEntry": "cnntasks.catalog",
    "ClassMeasures": "cnntasks.training.measures",
    "ClassScores": "cnntasks.training.measures",
    "Classifier": "cnntasks.backbones.classifier",
    "CnntasksError": "cnntasks.errors",
    "CommonOptions": "cnntasks.cli.options",
    "DataFormats": "cnntasks.datasets",
    "DataLayout": "cnntasks.datasets",
    "DataProblems": "cnntasks.datasets",
    "DataReport": "cnntasks.task",
    "DeviceError": "cnntasks.errors",
    "EngineChoice": "cnntasks.engines.base",
    "EpochSampler": "cnntasks.training.order",
    "Finding": "cnntasks.task",
    "FitOptions": "cnntasks.cli.fitting",
    "FitSettings": "cnntasks.training.fit",
    "GraphSpec": "cnntasks.task",
    "HOOK_API_VERSION": "cnntasks.hookspecs",
    "IMAGE_SUFFIXES": "cnntasks.media.images",
    "InputError": "cnntasks.errors",
    "LayerRow": "cnntasks.backbones.arithmetic",
    "Learner": "cnntasks.task",
    "MadePicture": "cnntasks.output.pictures",
    "MeasureOptions": "cnntasks.cli.measuring",
    "Mistake": "cnntasks.training.measures",
    "ModelCard": "cnntasks.models.card",
    "ModelError": "cnntasks.errors",
    "NetworkInfo": "cnntasks.backbones.catalog",
    "OpenNetwork": "cnntasks.gradients",
    "Order": "cnntasks.training.order",
    "Outcome": "cnntasks.task",
    "PictureOutput": "cnntasks.output.pictures",
    "Pipeline": "cnntasks.pipeline",
    "PluginError": "cnntasks.errors",
    "Predictor": "cnntasks.task",
    "Result": "cnntasks.task",
    "SPLIT_NAMES": "cnntasks.labels",
    "Score": "cnntasks.task",
    "Source": "cnntasks.task",
    "Stage": "cnntasks.backbones.base",
    "TaskSpec": "cnntasks.task",
    "UsageError": "cnntasks.errors",
    "canonical_split": "cnntasks.labels",
    "carry_over": "cnntasks.training.successor",
    "choose_splits": "cnntasks.labels",
    "class_color": "cnntasks.media.draw",
    "class_key": "cnntasks.labels",
    "confusion_picture": "cnntasks.training.figures",
    "contact_sheet": "cnntasks.media.draw",
    "convert_backbone": "cnntasks.backbones.registry",
    "convert_classifier": "cnntasks.backbones.registry",
    "counted": "cnntasks.labels",
    "create_backbone": "cnntasks.backbones.registry",
    "create_classifier": "cnntasks.backbones.classifier",
    "data_formats": "cnntasks.plugins",
    "describe_network": "cnntasks.backbones.arithmetic",
    "divide_location": "cnntasks.datasets",
    "draw_boxes": "cnntasks.media.draw",
    "evaluate_options": "cnntasks.cli.measuring",
    "expand_sources": "cnntasks.media.sources",
    "failed_source": "cnntasks.task",
    "find_model": "cnntasks.pipeline",
    "find_temperature": "cnntasks.training.calibration",
    "fit": "cnntasks.training.fit",
    "fit_options": "cnntasks.cli.fitting",
    "fold_batch_norm": "cnntasks.backbones.surgery",
    "fold_stratified": "cnntasks.labels",
    "hookimpl": "cnntasks.hookspecs",
    "import_attribute": "cnntasks.task",
    "join_classes": "cnntasks.labels",
    "keep_memory": "cnntasks.training.memory",
    "list_backbones": "cnntasks.backbones.registry",
    "list_network_info": "cnntasks.backbones.catalog",
    "load": "cnntasks.pipeline",
    "load_weights": "cnntasks.engines.torch",
    "map_criterion": "cnntasks.backbones.lenet",
    "match_classes": "cnntasks.labels",
    "measure_classes": "cnntasks.training.measures",
    "mistakes_table": "cnntasks.training.figures",
    "open_device": "cnntasks.engines.torch",
    "open_network": "cnntasks.gradients",
    "open_records": "cnntasks.output.files",
    "pad_by_reflection": "cnntasks.backbones.surgery",
    "pool_by_average": "cnntasks.backbones.surgery",
    "print_rows": "cnntasks.cli.tables",
    "progress_bar": "cnntasks.cli.measuring",
    "read_card": "cnntasks.models.card",
    "read_image": "cnntasks.media.images",
    "read_state": "cnntasks.backbones.weights",
    "read_weights": "cnntasks.models.folder",
    "recipe_of": "cnntasks.cli.fitting",
    "record_format": "cnntasks.cli.options",
    "record_suffixes": "cnntasks.cli.options",
    "reliability_picture": "cnntasks.training.figures",
    "replacing": "cnntasks.atomic",
    "report_score": "cnntasks.cli.measuring",
    "report_trained": "cnntasks.cli.fitting",
    "resize_image": "cnntasks.media.images",
    "run_lifecycle": "cnntasks.cli.lifecycle",
    "run_task": "cnntasks.cli.options",
    "save_arrays": "cnntasks.output.files",
    "say": "cnntasks.cli.errors",
    "shortened": "cnntasks.training.figures",
    "sort_classes": "cnntasks.labels",
    "sources_from_values": "cnntasks.media.sources",
    "split_folders": "cnntasks.labels",
    "split_stratified": "cnntasks.labels",
    "successor_card": "cnntasks.training.successor",
    "task_options": "cnntasks.cli.options",
    "train_model": "cnntasks.training.model",
    "unknown_split": "cnntasks.datasets",
    "update_card": "cnntasks.models.folder",
    "warn_of_similar_classes": "cnntasks.labels",
    "weights_file": "cnntasks.backbones.registry",
    "worst_mistakes": "cnntasks.training.measures",
    "write_image": "cnntasks.media.images",
    "write_model": "cnntasks.training.model",
    "write_model_folder": "cnntasks.models.folder",
}

__version__ = "0.1.0"
__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'cnntasks' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
