"""Letterbox, augmentation, mean IoU, and the two heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_segment.augment import augmented
from cnntasks_segment.geometry import IGNORED, Letterbox
from cnntasks_segment.learner import Batch, SegmentationLearner
from cnntasks_segment.metrics import Confusion
from cnntasks_segment.network import HEADS, build, choose_stages
from cnntasks_segment.predictor import Segmentation

import cnntasks

PREPROCESSING = {"size": 64, "fill": 124}


def card(head: str = "lraspp", **network: object) -> cnntasks.ModelCard:
    named = {"name": "segmentation", "backbone": "resnet18", "head": head,
             "stages": ["layer2", "layer4"]}  # fmt: skip
    return cnntasks.ModelCard("m", "segment", {**named, **network}, ("a", "b"), PREPROCESSING)


def test_a_mask_and_its_scores_find_their_way_back() -> None:
    """Scores of a letterboxed mask give the mask again, at the size of the picture."""
    box = Letterbox(64, 124)
    mask = np.zeros((40, 80), np.uint8)
    mask[10:30, 20:60] = 1
    square = box.mask(mask)
    assert square.shape == (64, 64)
    assert (square[32:] == IGNORED).all()
    scores = np.stack([square == number for number in range(2)]).astype(np.float32)
    labels, best = box.back(scores, 40, 80)
    assert labels.shape == best.shape == (40, 80)
    assert (labels == mask).mean() > 0.95
    assert (labels[12:28, 23:57] == 1).all()
    assert best.max() == pytest.approx(1)


def test_pictures_keep_their_proportions() -> None:
    box = Letterbox(64, 124)
    square = box.picture(np.zeros((20, 10, 3), np.uint8))
    assert (square[:, :32] == 0).all()
    assert (square[:, 32:] == 124).all()
    assert box.inner(1, 1000) == (1, 64)


def test_picture_and_mask_are_augmented_alike_and_by_the_seed() -> None:
    mask = np.arange(40 * 50).reshape(40, 50) % 200
    picture = np.repeat(mask[:, :, None], 3, axis=2)
    pictures, masks = augmented(picture.astype(np.uint8), mask.astype(np.uint8), 5)
    assert pictures.shape[:2] == masks.shape
    # The same grey level stays the same one, whatever brightness does to it.
    levels = {}
    for number, level in zip(masks.ravel(), pictures[:, :, 0].ravel(), strict=True):
        assert levels.setdefault(number, level) == level
    again = augmented(picture.astype(np.uint8), mask.astype(np.uint8), 5)
    np.testing.assert_array_equal(again[0], pictures)
    assert augmented(picture.astype(np.uint8), mask.astype(np.uint8), 6)[1].shape != masks.shape


def test_mean_iou_by_hand() -> None:
    truth = np.array([[0, 0, 1, 1, 255]], np.uint8)
    found = np.array([[0, 1, 1, 1, 0]], np.uint8)
    confusion = Confusion(("a", "b", "c"))
    confusion.add(truth, found)
    score = confusion.score()
    assert score.metrics["mIoU"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert score.metrics["pixel_accuracy"] == pytest.approx(3 / 4)
    assert [row["class"] for row in score.table] == ["a", "b"]
    assert score.table[0] == {"class": "a", "pixels": 2, "IoU": 0.5, "recall": 0.5}
    assert Confusion(("a", "b")).score().metrics == {"mIoU": 0.0, "pixel_accuracy": 0.0}


@pytest.mark.parametrize("head", HEADS)
def test_a_head_gives_scores_at_the_finest_stage(head: str) -> None:
    network = build(card(head)).eval()
    pixels = torch.randint(0, 255, (2, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        scores = network(pixels)["scores"]
    assert scores.shape == (2, 2, 8, 8)
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(2, 8, 8))


def test_ignored_pixels_have_no_part_in_the_loss() -> None:
    network = build(card("fcn")).eval()
    learner = SegmentationLearner(card("fcn"), [], [])
    pixels = torch.randint(0, 255, (1, 64, 64, 3), dtype=torch.uint8)
    masks = torch.full((1, 64, 64), IGNORED)
    assert learner.losses(network, Batch(pixels, masks))["pixels"].detach().item() == 0
    masks[:, :32] = 1
    half = learner.losses(network, Batch(pixels, masks))["pixels"]
    logits = network.logits(pixels)["logits"]
    large = torch.nn.functional.interpolate(logits, (64, 64), mode="bilinear")[:, :, :32]
    expected = -large.log_softmax(dim=1)[:, 1].mean()
    torch.testing.assert_close(half, expected)


def test_stages_follow_from_strides() -> None:
    backbone = cnntasks.create_backbone("resnet18")
    assert choose_stages(backbone, "resnet18", 512) == ("layer2", "layer3", "layer4")
    assert choose_stages(backbone, "resnet18", 64) == ("layer1", "layer2", "layer3", "layer4")
    with pytest.raises(cnntasks.UsageError, match="lenet5: segmentation needs a backbone"):
        choose_stages(cnntasks.create_backbone("lenet5", 3), "lenet5", 64)


@pytest.mark.parametrize(
    ("network", "message"),
    [({"name": "classifier"}, "is not one for segment"), ({"head": "u"}, "is not one for segment"),
     ({"stages": "layer4"}, "needs a backbone and its stages")],
)  # fmt: skip
def test_a_card_of_another_network_is_refused(network: dict[str, str], message: str) -> None:
    with pytest.raises(cnntasks.ModelError, match=message):
        build(card(**network))


def test_a_result_lists_what_is_there_and_tints_it() -> None:
    labels = np.array([[0, 0, 0], [0, 0, 2]], np.uint8)
    result = Segmentation(labels, np.full((2, 3), 0.5, np.float32), ("a", "b", "c"))
    assert [row["class"] for row in result.to_rows()] == ["a", "c"]
    assert result.to_rows()[1] == {"class": "c", "share": 0.1667, "score": 0.5}
    assert result.to_dict()["width"] == 3
    few = Segmentation(labels, result.scores, result.classes, smallest=0.2)
    assert [row["class"] for row in few.to_rows()] == ["a"]
    drawn = result.draw(np.zeros((2, 3, 3), np.uint8))
    assert tuple(drawn[1, 2]) == cnntasks.class_color(2)
    assert (2 * drawn[0, 0].astype(int) - np.array(cnntasks.class_color(0))).max() <= 1
    assert result.palette()[6:9] == list(cnntasks.class_color(2))
