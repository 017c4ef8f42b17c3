"""The catalogue of networks says what torchvision and the networks themselves say."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torchvision

from cnntasks.backbones.catalog import NetworkInfo, list_network_info
from cnntasks.backbones.classifier import create_classifier
from cnntasks.backbones.registry import find_family, list_backbones

INFOS = {info.name: info for info in list_network_info()}
PUBLISHED = sorted(name for name, info in INFOS.items() if info.url)


def test_every_built_in_network_has_one_record() -> None:
    names = [info.name for info in list_network_info()]
    # A plugin's networks have none.
    assert sorted(names) == [name for name in list_backbones() if find_family(name) is not None]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_figures_are_those_of_torchvision(name: str) -> None:
    info = INFOS[name]
    weights = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]
    assert info.url == weights.url
    assert info.sha256 is not None
    assert info.url.endswith(f"-{info.sha256}.pth")
    assert info.parameters == weights.meta["num_params"]
    assert (info.top1, info.top5) == (accuracy["acc@1"], accuracy["acc@5"])
    assert info.size == pytest.approx(weights.meta["_file_size"] * 2**20, abs=600)
    assert info.input == (3, *[weights.transforms.keywords["crop_size"]] * 2)
    assert info.classes == len(weights.meta["categories"])
    assert info.license


@pytest.mark.parametrize(
    "name", ["lenet5", "mobilenet_v3_small", "efficientnet_lite0", "googlenet"]
)
def test_the_number_of_parameters_is_the_networks_own(name: str) -> None:
    info = INFOS[name]
    network = create_classifier(name, info.classes, info.input[0])
    counted = (network.backbone, network.embed, network.output)
    assert sum(p.numel() for part in counted for p in part.parameters()) == info.parameters


def test_records_are_plain_and_whole() -> None:
    for info in list_network_info():
        assert info.title, info.name
        assert info.authors, info.name
        assert 1990 < info.year < 2030, info.name
        one_dimensional = info.family in ("text1d", "wav2letter")
        assert len(info.input) == (2 if one_dimensional else 3), info.name
        assert dataclasses.asdict(info)["name"] == info.name
        assert (info.url is None) == (info.sha256 is None) == (info.size is None), info.name
    assert isinstance(INFOS["vgg16"], NetworkInfo)


def test_the_catalogue_is_read_without_torch() -> None:
    code = (
        "import sys; from cnntasks.backbones.catalog import list_network_info;"
        "assert list_network_info(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
