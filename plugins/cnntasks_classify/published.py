"""torchvision's published ImageNet classifiers: what their cards say and where they lie.

Addresses, parameters, sizes and accuracies are those of torchvision's weight metadata; a file's
name carries the first eight digits of its SHA-256. Nothing heavy is imported here: the module is
loaded whenever models are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from cnntasks import CatalogEntry, ModelCard, NetworkInfo, list_network_info

_DOCS = "https://docs.pytorch.org/vision/stable/models/generated/torchvision.models."
_NOTES = (
    "torchvision's code is BSD-3-Clause. No licence is stated for the weights: torchvision says "
    "that pre-trained models may have licences or terms of their own that derive from the data, "
    "and leaves it to the user to find out whether a use is permitted.",
    "top1 and top5 are the published accuracies on the ImageNet-1k validation part (one centre "
    "crop); they were not measured again.",
)
_MEAN = [123.675, 116.28, 103.53]
_STD = [58.395, 57.12, 57.375]
# torchvision's GoogLeNet brings pixels that were normalised as above to -1..1 by itself.
_GOOGLENET = [127.5] * 3
_V1_RESIZE, _V2_RESIZE = 256, 232

# Name, end of the file's name, mebibytes, top-1, top-5: torchvision's newer recipe, by which the
# same networks do better.
_V2 = (
    ("resnet50", "11ad3fa6", 97.790, 80.858, 95.434),
    ("resnet101", "cd907fc2", 170.530, 81.886, 95.780),
    ("resnet152", "f82ba261", 230.474, 82.284, 96.002),
    ("mobilenet_v3_large", "5c1a4163", 21.107, 75.274, 92.566),
)


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of the 1000 classes of ImageNet-1k, in the order of the networks' outputs."""
    text = (Path(__file__).parent / "imagenet.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


def published_entries() -> list[CatalogEntry]:
    """The catalogue entries of torchvision's ImageNet classifiers."""
    networks = {info.name: info for info in list_network_info() if info.url}
    first = [_entry(info, info.name, _V1_RESIZE) for info in networks.values()]
    return [*first, *_second(networks)]


def _second(networks: dict[str, NetworkInfo]) -> Iterator[CatalogEntry]:
    for name, digits, mebibytes, top1, top5 in _V2:
        info = networks[name]
        url = f"{str(info.url).removesuffix(f'{info.sha256}.pth')}{digits}.pth"
        size = round(mebibytes * 2**20)
        newer = replace(info, url=url, sha256=digits, size=size, top1=top1, top5=top5)
        yield _entry(newer, f"{name}_v2", _V2_RESIZE)


def _entry(info: NetworkInfo, name: str, resize: int) -> CatalogEntry:
    card = ModelCard(
        name=name,
        task="classify",
        network={"name": "classifier", "backbone": info.name},
        classes=imagenet_classes(),
        preprocessing={
            "color": "RGB",
            "resize": resize,
            "crop": 224,
            "interpolation": "bilinear",
            "mean": _GOOGLENET if info.family == "googlenet" else _MEAN,
            "std": _GOOGLENET if info.family == "googlenet" else _STD,
        },
        summary=f"torchvision's {info.name}, 1000 ImageNet classes.",
        licence="BSD-3-Clause (code); weights: none stated",
        training_data="ImageNet-1k (ILSVRC 2012); pictures for research.",
        metrics={
            "published_top1": round((info.top1 or 0) / 100, 5),
            "published_top5": round((info.top5 or 0) / 100, 5),
        },
        recipe={
            "published": info.url,
            "documentation": f"{_DOCS}{info.name}.html",
            "paper": f"{info.authors} {info.year}, {info.title}",
        },
        notes=_NOTES,
        parameters=info.parameters,
    )
    return CatalogEntry(
        name,
        card=card,
        url=info.url,
        sha256=info.sha256,
        size=info.size or 0,
        rounded=True,
        convert="cnntasks_classify.conversion:convert",
    )
