"""Detection data sets as people have them (COCO, Pascal VOC, YOLO), read into one form.

The readers are imported on first use (PEP 562): prediction needs the class names only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnntasks_detect.data.recognise import available_splits, read_detection_data
    from cnntasks_detect.data.records import DetectionData, Picture

__all__ = ["DetectionData", "Picture", "available_splits", "read_detection_data"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "records" if name in ("DetectionData", "Picture") else "recognise"
    return getattr(import_module(f"{__name__}.{module}"), name)
