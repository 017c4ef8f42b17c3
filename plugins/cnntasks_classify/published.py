"""torchvision's published ImageNet classifiers: what their cards say and where they lie.

Addresses, parameters, sizes (in MiB, to three places) and accuracies are those of torchvision's
weight metadata; a file's name carries the first eight digits of its SHA-256. Nothing heavy is
imported here: the module is loaded whenever models are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cnntasks import CatalogEntry, ModelCard

_FILES = "https://download.pytorch.org/models/"
_DOCS = "https://docs.pytorch.org/vision/stable/models/generated/torchvision.models."
_LICENCE = "BSD-3-Clause (code); weights: none stated"
_NOTES = (
    "torchvision's code is BSD-3-Clause. No licence is stated for the weights: torchvision says "
    "that pre-trained models may have licences or terms of their own that derive from the data, "
    "and leaves it to the user to find out whether a use is permitted.",
    "top1 and top5 are the published accuracies on the ImageNet-1k validation part (one centre "
    "crop); they were not measured again.",
)
_MEAN = [123.675, 116.28, 103.53]
_STD = [58.395, 57.12, 57.375]


@dataclass(frozen=True, slots=True)
class _Published:
    """One published file.

    Attributes:
        name: of the network, torchvision's and ours.
        digits: of the SHA-256, the first eight.
        mebibytes: size of the file.
        parameters: of the network.
        top1, top5: accuracy in percent.
        stem: of the file's name, where it is not `name`.
        resize: what the shorter side becomes before the centre crop of 224.
        suffix: of our model's name, where a network has several files.
    """

    name: str
    digits: str
    mebibytes: float
    parameters: int
    top1: float
    top5: float
    stem: str = ""
    resize: int = 256
    suffix: str = ""


_PUBLISHED = (
    _Published("alexnet", "7be5be79", 233.087, 61_100_840, 56.522, 79.066, stem="alexnet-owt"),
    _Published("vgg16", "397923af", 527.796, 138_357_544, 71.592, 90.382),
    _Published("vgg19", "dcbb9e9d", 548.051, 143_667_240, 72.376, 90.876),
    _Published("googlenet", "1378be20", 49.731, 6_624_904, 69.778, 89.530),
    _Published("resnet18", "f37072fd", 44.661, 11_689_512, 69.758, 89.078),
    _Published("resnet34", "b627a593", 83.275, 21_797_672, 73.314, 91.420),
    _Published("resnet50", "0676ba61", 97.781, 25_557_032, 76.130, 92.862),
    _Published("resnet101", "63fe2227", 170.511, 44_549_160, 77.374, 93.546),
    _Published("resnet152", "394f9c45", 230.434, 60_192_808, 78.312, 94.046),
    _Published("resnet50", "11ad3fa6", 97.790, 25_557_032, 80.858, 95.434, "", 232, "_v2"),
    _Published("resnet101", "cd907fc2", 170.530, 44_549_160, 81.886, 95.780, "", 232, "_v2"),
    _Published("resnet152", "f82ba261", 230.474, 60_192_808, 82.284, 96.002, "", 232, "_v2"),
    _Published("mobilenet_v3_large", "5c1a4163", 21.107, 5_483_032, 75.274, 92.566, "", 232),
    _Published("mobilenet_v3_small", "047dcff4", 9.829, 2_542_856, 67.668, 87.402),
)


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of the 1000 classes of ImageNet-1k, in the order of the networks' outputs."""
    text = (Path(__file__).parent / "imagenet.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


def published_entries() -> list[CatalogEntry]:
    """The catalogue entries of torchvision's ImageNet classifiers."""
    return [_entry(it) for it in _PUBLISHED]


def _entry(it: _Published) -> CatalogEntry:
    url = f"{_FILES}{it.stem or it.name}-{it.digits}.pth"
    card = ModelCard(
        name=it.name + it.suffix,
        task="classify",
        network={"name": "classifier", "backbone": it.name},
        classes=imagenet_classes(),
        preprocessing={
            "color": "RGB",
            "resize": it.resize,
            "crop": 224,
            "interpolation": "bilinear",
            "mean": _MEAN,
            "std": _STD,
        },
        summary=f"torchvision's {it.name}, 1000 ImageNet classes.",
        licence=_LICENCE,
        training_data="ImageNet-1k (ILSVRC 2012); pictures for research.",
        metrics={
            "published_top1": round(it.top1 / 100, 5),
            "published_top5": round(it.top5 / 100, 5),
        },
        recipe={"published": url, "documentation": f"{_DOCS}{it.name}.html"},
        notes=_NOTES,
        parameters=it.parameters,
    )
    return CatalogEntry(
        card.name,
        card=card,
        url=url,
        sha256=it.digits,
        size=round(it.mebibytes * 2**20),
        rounded=True,
        convert="cnntasks_classify.conversion:convert",
    )
