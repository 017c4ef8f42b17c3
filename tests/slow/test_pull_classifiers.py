"""From torchvision's file of a classifier, on a server of this machine, to the classes of a photo.

The files are torchvision's own networks with random weights; what a folder of ours says of a
picture is compared with what torchvision's network says, after torchvision's own transforms.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from cnntasks_classify.cards import entries
from loopback import Site
from PIL import Image
from torch import nn

import cnntasks
from cnntasks import CatalogEntry, pipeline, plugins
from cnntasks.cli.root import main
from cnntasks.models.folder import verify_folder

ENTRIES = {entry.name: entry for entry in entries() if entry.url}
DOG = Path(__file__).parents[2] / "samples" / "dog.webp"


def network_of(name: str) -> str:
    card = ENTRIES[name].card
    assert card is not None
    return str(card.network["backbone"])


def weights_of(name: str) -> Any:
    network = network_of(name)
    kinds = torchvision.models.get_model_weights(network)
    return kinds["IMAGENET1K_V2" if name.endswith("_v2") else "IMAGENET1K_V1"]  # type: ignore[index]


def torchvision_network(name: str) -> nn.Module:
    """With random weights, and statistics that keep the activations in bounds."""
    torch.manual_seed(1)
    options = {"init_weights": False} if name.startswith("googlenet") else {}
    net = torchvision.models.get_model(
        network_of(name),
        weights=None,
        **options,
        **({"transform_input": True} if name.startswith("googlenet") else {}),
    )
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.25)
    return net.eval()


def published_file(net: nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    return buffer.getvalue()


@pytest.fixture
def offer(site: Site, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the loopback server offer a file as one of the published models."""

    def as_published(name: str, body: bytes) -> CatalogEntry:
        site.body = body
        digest = hashlib.sha256(body).hexdigest()
        entry = replace(ENTRIES[name], url=site.url, sha256=digest[:8], size=len(body) + 400)
        for module in (plugins, pipeline):
            monkeypatch.setattr(module, "model_entries", lambda: {name: entry})
        return entry

    return as_published


def check(name: str, net: nn.Module, engines: tuple[str, ...]) -> None:
    """The model of that name says of a photo what torchvision's network says."""
    transform = weights_of(name).transforms()
    with Image.open(DOG) as image:
        pixels = transform(image.convert("RGB"))[None]
    with torch.inference_mode():
        expected = net(pixels).softmax(dim=1)[0].numpy()
    for engine in engines:
        classifier = cnntasks.load("classify", name, engine=engine, offline=True, top=None)
        found = classifier(DOG)
        scores = np.zeros(1000, np.float32)
        scores[found.labels] = found.scores
        # The pixels may differ by one grey level, as only what stays after the crop is resized.
        np.testing.assert_allclose(scores, expected, atol=0.02 * expected.max())
        assert int(scores.argmax()) == int(expected.argmax())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_resnet18_is_downloaded_in_two_parts_and_classifies(
    offer: Any, site: Site, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = torchvision_network("resnet18")
    body = published_file(net)
    offer("resnet18", body)
    site.cuts = [len(body) // 2]
    assert main(["models", "pull", "resnet18"]) == 0
    shown = capsys.readouterr()
    assert "the connection was cut" in shown.err
    assert site.requests[1]["range"] == f"bytes={len(body) // 2}-"
    folder = cache / "models" / "resnet18"
    assert shown.out == f"{folder}\n"
    assert verify_folder(folder) == []
    card = cnntasks.read_card(folder)
    assert card.metrics == {"published_top1": 0.69758, "published_top5": 0.89078}
    check("resnet18", net, ("onnx", "torch"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [name for name in ENTRIES if name != "resnet18"])
def test_every_other_one_is_converted(offer: Any, cache: Path, tmp_path: Path, name: str) -> None:
    net = torchvision_network(name)
    file = tmp_path / "published.pth"
    file.write_bytes(published_file(net))
    offer(name, file.read_bytes())
    assert main(["models", "pull", name, "--from", str(file)]) == 0
    assert verify_folder(cache / "models" / name) == []
    check(name, net, ("onnx",))


def test_cards_say_what_torchvision_publishes() -> None:
    assert {"alexnet", "vgg16", "vgg19", "googlenet", "resnet18", "resnet34", "resnet50",
            "resnet101", "resnet152", "mobilenet_v3_large"} <= set(ENTRIES)  # fmt: skip
    for name, entry in ENTRIES.items():
        weights = weights_of(name)
        card = entry.card
        assert card is not None
        assert entry.url == weights.url
        assert entry.sha256 == weights.url.rpartition("-")[2].removesuffix(".pth")
        assert entry.rounded
        assert entry.size == pytest.approx(weights.meta["_file_size"] * 2**20, abs=600)
        assert card.parameters == weights.meta["num_params"]
        accuracy = weights.meta["_metrics"]["ImageNet-1K"]
        assert card.metrics["published_top1"] == pytest.approx(accuracy["acc@1"] / 100)
        assert card.metrics["published_top5"] == pytest.approx(accuracy["acc@5"] / 100)
        assert card.classes == tuple(weights.meta["categories"])
        transform = weights.transforms()
        assert card.preprocessing["resize"] == transform.resize_size[0]
        assert card.preprocessing["crop"] == transform.crop_size[0]
        if name != "googlenet":  # whose network normalises once more
            assert card.preprocessing["mean"] == pytest.approx([255 * v for v in transform.mean])
            assert card.preprocessing["std"] == pytest.approx([255 * v for v in transform.std])
