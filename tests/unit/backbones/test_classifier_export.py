"""A classifier exported to ONNX says what it says in torch."""

from __future__ import annotations

import onnxruntime
import pytest
import torch
from published_networks import randomize

from cnntasks.backbones import alexnet
from cnntasks.backbones.classifier import create_classifier
from cnntasks.task import GraphSpec
from cnntasks.training.export import compare_outputs, export_graph

OUTPUTS = ("logits", "embedding")


def check(name: str, channels: int, side: int) -> None:
    classifier = create_classifier(name, classes=10, in_channels=channels).eval()
    if name != "lenet5":  # whose weights are random enough
        randomize(classifier).eval()
    x = torch.randn(3, channels, side, side, generator=torch.Generator().manual_seed(0))
    spec = GraphSpec({"x": x[:2].numpy()}, {"x": {0: "batch"}}, OUTPUTS)

    graph = export_graph(classifier, spec)

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"x": x.numpy()}), strict=True))
    with torch.inference_mode():
        expected = {key: value.numpy() for key, value in classifier(x).items()}
    scale = max(1.0, float(abs(expected["logits"]).max()))
    assert float(expected["logits"].std(axis=0).max()) > 1e-3
    assert max(compare_outputs(expected, found).values()) < 1e-4 * scale


def test_lenet5() -> None:
    check("lenet5", 1, 32)


@pytest.mark.slow
def test_alexnet_of_2012(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alexnet, "_WIDTH", 12)
    check("alexnet2012", 3, 224)


@pytest.mark.slow
def test_googlenet() -> None:
    check("googlenet", 3, 64)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side"),
    [("mobilenet_v3_small", 64), ("torchvision:densenet121", 64), ("efficientnet_lite0", 64)],
)
def test_further_ones(name: str, side: int) -> None:
    check(name, 3, side)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "channels"), [("kim_cnn", 20), ("vdcnn9", 16), ("dpcnn7", 8), ("char_cnn", 8)]
)
def test_text_of_any_length(name: str, channels: int) -> None:
    classifier = create_classifier(name, classes=3, in_channels=channels).eval()
    example = torch.randn(2, channels, 72).numpy()
    spec = GraphSpec({"x": example}, {"x": {0: "batch", 2: "8*length"}}, OUTPUTS)
    session = onnxruntime.InferenceSession(
        export_graph(classifier, spec), providers=["CPUExecutionProvider"]
    )
    x = torch.randn(1, channels, 128)
    with torch.inference_mode():
        expected = classifier(x)["logits"].numpy()
    (found,) = session.run(["logits"], {"x": x.numpy()})
    assert abs(found - expected).max() < 1e-4
