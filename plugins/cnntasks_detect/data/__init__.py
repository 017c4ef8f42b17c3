"""Detection data sets as people have them (COCO, Pascal VOC, YOLO), read into one form."""

from __future__ import annotations

from cnntasks_detect.data.recognise import available_splits, read_detection_data
from cnntasks_detect.data.records import DetectionData, Picture

__all__ = ["DetectionData", "Picture", "available_splits", "read_detection_data"]
