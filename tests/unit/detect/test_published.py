"""torchvision's published detectors: what is said of them, and that conversion keeps them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cnntasks_detect.conversion import convert, rename
from cnntasks_detect.network import FasterRCNN, build
from cnntasks_detect.predictor import Detections, DetectPredictor, Picture
from cnntasks_detect.published import published_entries
from cnntasks_detect.settings import Settings
from torch import nn
from torchvision.models import get_model, get_model_weights
from torchvision_detectors import HEIGHT, UNUSED, WIDTH, noise, old_names, torchvision_detector

from cnntasks import CatalogEntry, ModelCard, ModelError, read_state

ENTRIES = {entry.name: entry for entry in published_entries()}
SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"
RESNETS = ("fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2")


def card_of(name: str) -> ModelCard:
    card = ENTRIES[name].card
    assert card is not None
    return card


def load(model: nn.Module, card: ModelCard) -> FasterRCNN:
    network = build(card).eval()
    network.load_state_dict(rename(model.state_dict(), network.settings.backbone))
    return network


def test_listing_them_imports_nothing_heavy() -> None:
    code = (
        "import sys; from cnntasks_detect.published import published_entries as entries; "
        "print(len(entries()), {'torch', 'torchvision', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "4 set()\n"


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda entry: entry.name)
def test_figures_are_torchvisions(entry: CatalogEntry) -> None:
    weights = get_model_weights(entry.name).COCO_V1  # type: ignore[attr-defined]
    card = card_of(entry.name)
    assert entry.url == weights.url
    assert entry.sha256 is not None
    assert len(entry.sha256) == 64
    assert weights.url.endswith(f"-{entry.sha256[:8]}.pth")
    assert entry.size / 2**20 == pytest.approx(weights.meta["_file_size"], abs=0.0005)
    assert card.parameters == weights.meta["num_params"]
    published = weights.meta["_metrics"]["COCO-val2017"]["box_map"]
    assert card.metrics["published_mAP"] == pytest.approx(published / 100)
    assert card.recipe["by"] == weights.meta["recipe"]
    assert card.classes == tuple(name for name in weights.meta["categories"][1:] if name != "N/A")
    assert "BSD-3-Clause" in card.licence
    assert "CC BY 4.0" in card.training_data


@pytest.mark.parametrize("name", ENTRIES)
def test_a_card_survives_json_and_builds_its_network(name: str) -> None:
    card = card_of(name)
    read = ModelCard.from_json(card.to_json(), "card.json")
    assert Settings.from_dict(read.network) == Settings.from_dict(card.network)
    assert json.loads(read.to_json()) == json.loads(card.to_json())
    with torch.device("meta"):
        network = build(read)
        published = get_model(name, weights=None, weights_backbone=None)
    # 1024 weights and a bias for the score of each of ten numbers without a class, and for its box.
    smaller = len(UNUSED) * 5 * 1025
    assert sum(it.numel() for it in network.parameters()) + smaller == sum(
        it.numel() for it in published.parameters()
    )


@pytest.mark.parametrize("name", ENTRIES)
def test_settings_are_those_with_which_torchvision_evaluates(name: str) -> None:
    with torch.device("meta"):
        model: Any = get_model(name, weights=None, weights_backbone=None)
    card = card_of(name)
    settings = Settings.from_dict(card.network)
    rpn, roi, transform = model.rpn, model.roi_heads, model.transform
    assert settings.rpn_candidates == rpn._pre_nms_top_n["testing"]
    assert settings.proposals == rpn._post_nms_top_n["testing"]
    assert settings.rpn_overlap == rpn.nms_thresh
    assert settings.rpn_threshold == rpn.score_thresh
    assert settings.anchor_sizes == rpn.anchor_generator.sizes
    assert {settings.anchor_ratios} == set(rpn.anchor_generator.aspect_ratios)
    assert card.defaults["iou"] == roi.nms_thresh
    preprocessing = card.preprocessing
    assert (preprocessing["shorter"],) == transform.min_size
    assert preprocessing["size"] == transform.max_size
    assert preprocessing["multiple"] == transform.size_divisible
    assert np.allclose(preprocessing["mean"], 255 * np.array(transform.image_mean))
    assert np.allclose(preprocessing["std"], 255 * np.array(transform.image_std))


def expected_detections(model: Any, pixels: torch.Tensor, card: ModelCard) -> Detections:
    """What torchvision finds; the labels are places among the 80 classes."""
    with torch.inference_mode():
        found = model([pixels.permute(2, 0, 1).double() / 255])[0]
    categories = get_model_weights(card.name).COCO_V1.meta["categories"]  # type: ignore[attr-defined]
    labels = [card.classes.index(categories[label]) for label in found["labels"]]
    boxes, scores = found["boxes"].numpy(), found["scores"].numpy()
    return Detections(boxes, scores, np.array(labels), card.classes, WIDTH, HEIGHT)


def found_detections(network: FasterRCNN, pixels: torch.Tensor, card: ModelCard) -> Detections:
    sizes = torch.tensor([[HEIGHT, WIDTH]], dtype=torch.float64)
    with torch.inference_mode():
        outputs = {key: value[0].numpy() for key, value in network(pixels[None], sizes).items()}
    predictor = DetectPredictor(card, threshold=0.05, iou=0.5)
    return predictor.postprocess(outputs, Picture(pixels.numpy(), HEIGHT, WIDTH))


def assert_same(found: Detections, expected: Detections) -> None:
    """Boxes within 0.1 pixels and scores within 1e-4; of equal scores either may be first."""
    assert len(found) == len(expected)
    for box, score, label in zip(expected.boxes, expected.scores, expected.labels, strict=True):
        far = np.abs(found.boxes - box).max(axis=1)
        close = (far < 0.1) & (np.abs(found.scores - score) < 1e-4) & (found.labels == label)
        assert close.sum() == 1, (box, score, label)


@pytest.mark.parametrize(
    "name",
    [
        SMALL,
        pytest.param("fasterrcnn_mobilenet_v3_large_fpn", marks=pytest.mark.slow),
        *(pytest.param(name, marks=pytest.mark.slow) for name in RESNETS),
    ],
)
def test_a_converted_detector_finds_what_torchvision_finds(name: str) -> None:
    """In double precision, so that no suppression hangs on the last bit of an overlap.

    Random networks amplify: the mean and divisor are made exact in double precision, too.
    """
    card = card_of(name)
    options = {}
    if name in RESNETS:
        # Fewer regions than published, for speed; how many is tested above.
        options["rpn_post_nms_top_n_test"] = 200
        card = replace(card, network={**card.network, "proposals": 200})
    model = torchvision_detector(name, **options).double()
    network = load(model, card).double()
    for buffer, values in (
        (network.mean, model.transform.image_mean),
        (network.std, model.transform.image_std),
    ):
        exact = 255 * torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1)
        assert torch.allclose(buffer, exact, rtol=1e-6)
        buffer.copy_(exact)
    for seed in (1, 2):
        pixels = noise(seed)
        expected = expected_detections(model, pixels, card)
        assert len(expected) >= 15
        assert len(set(expected.names)) >= 10
        assert_same(found_detections(network, pixels, card), expected)


@pytest.fixture(scope="module")
def small_state() -> dict[str, torch.Tensor]:
    """The state dict of the smallest of them, freshly made."""
    model = get_model(SMALL, weights=None, weights_backbone=None)
    return {key: value for key, value in model.state_dict().items() if "tracked" not in key}


def test_older_files_are_read_as_well(small_state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """Of 2019: other names, and the file format that torch wrote before version 1.6."""
    file = tmp_path / "older.pth"
    torch.save(old_names(small_state), file, _use_new_zipfile_serialization=False)
    older = read_state(file)
    assert "rpn.head.conv.weight" in older
    assert "backbone.fpn.inner_blocks.0.weight" in older
    networks = [build(card_of(SMALL)) for _ in range(2)]
    for network, state in zip(networks, (small_state, older), strict=True):
        network.load_state_dict(rename(state, network.settings.backbone))
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_only_the_rows_of_real_classes_remain() -> None:
    card = card_of(SMALL)
    numbers = torch.arange(91.0)
    renamed = rename(
        {
            "roi_heads.box_predictor.cls_score.bias": numbers,
            "roi_heads.box_predictor.bbox_pred.bias": numbers.repeat_interleave(4) + 0.5,
        },
        "mobilenet_v3_large",
    )
    rows = renamed["box_predictor.cls_score.bias"]
    assert len(rows) == 1 + len(card.classes)
    assert rows[0] == 0
    assert rows[1 + card.classes.index("toothbrush")] == 90
    assert not set(rows.tolist()) & set(UNUSED)
    boxes = renamed["box_predictor.bbox_pred.bias"].view(81, 4)
    assert torch.equal(boxes, rows[:, None] + 0.5 + torch.zeros(81, 4))


@pytest.mark.parametrize("wrong", ["outputs", "missing", "network", "pickle", "truncated"])
def test_another_file_is_refused_in_one_line(
    small_state: dict[str, torch.Tensor], wrong: str, tmp_path: Path
) -> None:
    file, folder = tmp_path / "published.pth", tmp_path / "model"
    folder.mkdir()
    state: dict[str, Any] = dict(small_state)
    if wrong == "outputs":  # trained by somebody for two classes
        for key, rows in (("cls_score", 3), ("bbox_pred", 12)):
            for part in ("weight", "bias"):
                name = f"roi_heads.box_predictor.{key}.{part}"
                state[name] = state[name][:rows].clone()
    elif wrong == "missing":
        del state["backbone.fpn.layer_blocks.1.0.weight"]
    elif wrong == "network":
        state = {"fc.weight": torch.zeros(10, 10)}
    elif wrong == "pickle":
        state = {"run": Path("anything")}
    torch.save(state, file)
    if wrong == "truncated":
        file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelError) as caught:
        convert(file, card_of(SMALL), folder)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == []


def test_a_box_without_an_area_is_no_detection() -> None:
    """As in torchvision, a box with a side below 0.01 pixels is dropped."""
    outputs = {
        "boxes": np.array([[0, 0, 10, 0.005], [5, 5, 5, 9], [0, 0, 0.02, 10]], np.float32),
        "scores": np.array([0.9, 0.8, 0.7], np.float32),
        "labels": np.zeros(3, np.int64),
    }
    picture = Picture(np.zeros((20, 20, 3), np.uint8), 20, 20)
    found = DetectPredictor(card_of(SMALL)).postprocess(outputs, picture)
    assert found.scores.tolist() == pytest.approx([0.7])
