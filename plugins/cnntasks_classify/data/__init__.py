"""Classification data sets as people have them (folders, CSV, IDX, CIFAR), read into one form."""

from __future__ import annotations

from cnntasks import match_classes, split_stratified
from cnntasks_classify.data.recognise import available_splits, read_classification_data
from cnntasks_classify.data.records import ClassificationData, Example

__all__ = [
    "ClassificationData",
    "Example",
    "available_splits",
    "match_classes",
    "read_classification_data",
    "split_stratified",
]
