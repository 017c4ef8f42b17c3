"""torchvision's published COCO detectors: what their cards say and where they lie.

Figures are those of torchvision's weight metadata (box mAP on COCO val2017, at the sizes given).
"""

from __future__ import annotations

from typing import Any

from cnntasks import CatalogEntry, ModelCard
from cnntasks_detect.data.names import COCO_CATEGORIES

_HOST = "https://download.pytorch.org/models/"
_CONVERT = "cnntasks_detect.conversion:convert"
_LICENCE = "BSD-3-Clause (code); weights: none stated"
_DATA = (
    "COCO train2017 (annotations CC BY 4.0, pictures under various Flickr terms), on a backbone "
    "trained on ImageNet-1k"
)
_MEAN = [123.675, 116.28, 103.53]
_STD = [58.395, 57.12, 57.375]
_FIVE = (32.0, 64.0, 128.0, 256.0, 512.0)
_RESNET_LEVELS = ("layer1", "layer2", "layer3", "layer4")
_MOBILE_LEVELS = ("b13", "head")

# name, file, size in bytes, parameters, box mAP in percent, shorter and longer side, network
_MODELS: tuple[tuple[str, str, int, int, float, tuple[int, int], dict[str, Any]], ...] = (
    (
        "fasterrcnn_resnet50_fpn",
        "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
        167_502_836,
        41_755_286,
        37.0,
        (800, 1333),
        {
            "backbone": "resnet50",
            "levels": _RESNET_LEVELS,
            "anchor_sizes": tuple((size,) for size in _FIVE),
            "norm_epsilon": 0.0,
        },
    ),
    (
        "fasterrcnn_resnet50_fpn_v2",
        "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth",
        175_221_000,
        43_712_278,
        46.7,
        (800, 1333),
        {
            "backbone": "resnet50",
            "levels": _RESNET_LEVELS,
            "anchor_sizes": tuple((size,) for size in _FIVE),
            "pyramid_norm": True,
            "rpn_depth": 2,
            "head": (1024,),
            "head_convolutions": 4,
        },
    ),
    (
        "fasterrcnn_mobilenet_v3_large_fpn",
        "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth",
        77_845_000,
        19_386_354,
        32.8,
        (800, 1333),
        {
            "backbone": "mobilenet_v3_large",
            "levels": _MOBILE_LEVELS,
            "anchor_sizes": (_FIVE,) * 3,
            "rpn_threshold": 0.05,
            "norm_epsilon": 1e-5,
        },
    ),
    (
        "fasterrcnn_mobilenet_v3_large_320_fpn",
        "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth",
        77_845_000,
        19_386_354,
        22.8,
        (320, 640),
        {
            "backbone": "mobilenet_v3_large",
            "levels": _MOBILE_LEVELS,
            "anchor_sizes": (_FIVE,) * 3,
            "rpn_threshold": 0.05,
            "rpn_candidates": 150,
            "proposals": 150,
            "norm_epsilon": 1e-5,
        },
    ),
)


def published_entries() -> list[CatalogEntry]:
    """The catalogue entries of torchvision's four COCO detectors."""
    return [_entry(*row) for row in _MODELS]


def _entry(
    name: str,
    file: str,
    size: int,
    parameters: int,
    box_map: float,
    sides: tuple[int, int],
    network: dict[str, Any],
) -> CatalogEntry:
    shorter, longer = sides
    common = {
        "name": "faster_rcnn",
        "pyramid": 256,
        "rpn_candidates": 1000,
        "proposals": 1000,
        "head": (1024, 1024),
        "shared_boxes": False,
        "detections": 1000,
    }
    card = ModelCard(
        name=name,
        task="detect",
        network={**common, **network},
        classes=tuple(COCO_CATEGORIES),
        preprocessing={
            "color": "RGB",
            "shorter": shorter,
            "size": longer,
            "multiple": 32,
            "interpolation": "bilinear, antialiased (torchvision: not antialiased)",
            "fill": [round(value) for value in _MEAN],
            "mean": _MEAN,
            "std": _STD,
        },
        summary=f"torchvision's {name}, 80 COCO classes",
        licence=_LICENCE,
        training_data=_DATA,
        metrics={"published_mAP": round(box_map / 100, 4)},
        defaults={"threshold": 0.5, "iou": 0.5},
        recipe={
            "url": _HOST + file,
            "documentation": "https://docs.pytorch.org/vision/stable/models.html",
        },
        notes=("Published by torchvision and converted; its mAP is the published one.",),
        parameters=parameters,
    )
    digits = file.rpartition("-")[2].removesuffix(".pth")
    return CatalogEntry(
        name, card=card, url=_HOST + file, sha256=digits, size=size, convert=_CONVERT
    )
