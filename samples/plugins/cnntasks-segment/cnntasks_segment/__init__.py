"""Semantic segmentation for cnntasks: the plugin's registration, made of strings."""

from __future__ import annotations

import cnntasks

CNNTASKS_API = 1


@cnntasks.hookimpl
def register_tasks() -> list[cnntasks.TaskSpec]:
    """The verb `segment`; it brings no model, `cnntasks train segment` makes one."""
    return [
        cnntasks.TaskSpec(
            name="segment",
            summary="Say what every pixel of pictures belongs to.",
            default_model=None,
            command="cnntasks_segment.command:segment",
            predictor="cnntasks_segment.predictor:SegmentPredictor",
            network="cnntasks_segment.network:build",
            train="cnntasks_segment.train:train",
            evaluate="cnntasks_segment.evaluate:evaluate",
            checker="cnntasks_segment.check:check_masks",
            data="cnntasks_segment.data:FORMATS",
        )
    ]
