"""torchvision's published COCO detectors: what their cards say and where they lie.

Addresses, parameters and box mAP are those of torchvision's weight metadata. That gives a file's
size in MB and the first eight digits of its SHA-256; the whole digests and the exact sizes, which
agree with these, are what many who downloaded the files have recorded. Nothing heavy is imported
here: the module is loaded whenever models are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnntasks import CatalogEntry, ModelCard
from cnntasks_detect.data.names import COCO_CATEGORIES

_FILES = "https://download.pytorch.org/models/"
_DOCS = "https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.detection."
_TRAINING = "https://github.com/pytorch/vision/tree/main/references/detection"
_LICENCE = "BSD-3-Clause (code); weights: none stated"
_COCO = (
    "COCO train2017 (annotations CC BY 4.0; its pictures come from Flickr, under Flickr's terms "
    "of use and their owners' licences)"
)
_NOTES = (
    "torchvision's code is BSD-3-Clause. No licence is stated for the weights: torchvision says "
    "that pre-trained models may have licences or terms of their own that derive from the data, "
    "and leaves it to the user to find out whether a use is permitted.",
    "The mAP is the published one (COCO val2017, with boxes from a score of 0.05 on). It was not "
    "measured again: here pictures are made smaller with antialiasing, which torchvision does not "
    "do, and the head's outputs for category numbers that COCO does not use are left out.",
)
_MEAN = (123.675, 116.28, 103.53)
_STD = (58.395, 57.12, 57.375)
_SIZES = (32.0, 64.0, 128.0, 256.0, 512.0)

# How torchvision evaluates: 1000 anchors a level, 1000 proposals, one box for each class.
_COMMON: dict[str, Any] = {
    "name": "faster_rcnn",
    "pyramid": 256,
    "rpn_candidates": 1000,
    "rpn_overlap": 0.7,
    "proposals": 1000,
    "roi_size": 7,
    "head": (1024, 1024),
    "shared_boxes": False,
    "detections": 1000,
    "fitted_anchors": True,
}
_RESNET: dict[str, Any] = {
    "backbone": "resnet50",
    "levels": ("layer1", "layer2", "layer3", "layer4"),
    "anchor_sizes": tuple((size,) for size in _SIZES),
}
# torchvision's detectors have batch normalisation with an epsilon of 1e-5 in the MobileNet too,
# where the classification network has 1e-3.
_MOBILENET: dict[str, Any] = {
    "backbone": "mobilenet_v3_large",
    "levels": ("b13", "head"),
    "anchor_sizes": (_SIZES,) * 3,
    "rpn_threshold": 0.05,
    "norm_epsilon": 1e-5,
}


@dataclass(frozen=True, slots=True)
class _Published:
    """One published file.

    Attributes:
        name: torchvision's.
        stem: the file's name up to the digits of its hash.
        sha256: whole; the file's name carries the first eight digits.
        size: in bytes.
        parameters: of the published network, with 91 outputs.
        box_map: mAP@[.5:.95] on COCO val2017, in percent.
        shorter, longer: what the sides of a picture become at most, in pixels.
        network: the card's, without what all have in common.
        recipe: where torchvision documents the training.
        start: what the training started from.
    """

    name: str
    stem: str
    sha256: str
    size: int
    parameters: int
    box_map: float
    network: dict[str, Any]
    recipe: str
    shorter: int = 800
    longer: int = 1333
    start: str = ", from a backbone trained on ImageNet-1k"

    @property
    def url(self) -> str:
        return f"{_FILES}{self.stem}-{self.sha256[:8]}.pth"


_PUBLISHED = (
    _Published(
        name="fasterrcnn_resnet50_fpn",
        stem="fasterrcnn_resnet50_fpn_coco",
        sha256="258fb6c638b15964ddcdd1ae0748c5eef1be9e732750120cc857feed3faac384",
        size=167_502_836,
        parameters=41_755_286,
        box_map=37.0,
        # torchvision sets the epsilon of these weights' frozen batch normalisation to 0.
        network={**_RESNET, "norm_epsilon": 0.0},
        recipe=f"{_TRAINING}#faster-r-cnn-resnet-50-fpn",
    ),
    _Published(
        name="fasterrcnn_resnet50_fpn_v2",
        stem="fasterrcnn_resnet50_fpn_v2_coco",
        sha256="dd69338a24b8d7381807e247652bdc356325bcbaf1cd3e092e00e0a1a58706bf",
        size=175_221_657,
        parameters=43_712_278,
        box_map=46.7,
        network={
            **_RESNET,
            "pyramid_norm": True,
            "rpn_depth": 2,
            "head": (1024,),
            "head_convolutions": 4,
        },
        recipe="https://github.com/pytorch/vision/pull/5763",
        start="",
    ),
    _Published(
        name="fasterrcnn_mobilenet_v3_large_fpn",
        stem="fasterrcnn_mobilenet_v3_large_fpn",
        sha256="fb6a3cc702b1df54c18a44b26708cd083614211062d0c36d2ca7bf9270df3533",
        size=77_844_807,
        parameters=19_386_354,
        box_map=32.8,
        network=_MOBILENET,
        recipe=f"{_TRAINING}#faster-r-cnn-mobilenetv3-large-fpn",
    ),
    _Published(
        name="fasterrcnn_mobilenet_v3_large_320_fpn",
        stem="fasterrcnn_mobilenet_v3_large_320_fpn",
        sha256="907ea3f91ff92242bc1baea8049276a3e76bca48ce7560bd268cc029f37977b5",
        size=77_844_807,
        parameters=19_386_354,
        box_map=22.8,
        network={**_MOBILENET, "rpn_candidates": 150, "proposals": 150},
        recipe=f"{_TRAINING}#faster-r-cnn-mobilenetv3-large-320-fpn",
        shorter=320,
        longer=640,
    ),
)


def published_entries() -> list[CatalogEntry]:
    """The catalogue entries of torchvision's four COCO detectors."""
    return [_entry(it) for it in _PUBLISHED]


def _entry(it: _Published) -> CatalogEntry:
    card = ModelCard(
        name=it.name,
        task="detect",
        network={**_COMMON, **it.network},
        classes=tuple(COCO_CATEGORIES),
        preprocessing={
            "color": "RGB",
            "shorter": it.shorter,
            "size": it.longer,
            "multiple": 32,
            "interpolation": "bilinear, antialiased",
            "fill": [round(value) for value in _MEAN],
            "mean": list(_MEAN),
            "std": list(_STD),
        },
        summary=f"torchvision's {it.name}, 80 COCO classes.",
        licence=_LICENCE,
        training_data=_COCO + it.start,
        metrics={"published_mAP": round(it.box_map / 100, 4)},
        defaults={"threshold": 0.5, "iou": 0.5},
        recipe={"published": it.url, "documentation": _DOCS + it.name + ".html", "by": it.recipe},
        notes=_NOTES,
        parameters=it.parameters,
    )
    return CatalogEntry(
        it.name,
        card=card,
        url=it.url,
        sha256=it.sha256,
        size=it.size,
        convert="cnntasks_detect.conversion:convert",
    )
