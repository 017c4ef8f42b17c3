"""Faster R-CNN: its settings, its levels, and what comes out of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import onnxruntime
import pytest
import torch
from cnntasks_detect.boxes import decode_boxes
from cnntasks_detect.learner import graph_spec
from cnntasks_detect.network import ROI_WEIGHTS, FasterRCNN, build
from cnntasks_detect.settings import Settings, default_settings
from small_detectors import noise, sizes_of, small_card, small_detector, small_settings
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign, box_iou

from cnntasks import ModelError, UsageError
from cnntasks.training.export import export_graph


def detect(network: FasterRCNN, pixels: Tensor, sizes: Tensor | None = None) -> dict[str, Tensor]:
    with torch.inference_mode():
        found: dict[str, Tensor] = network(pixels, sizes_of(pixels) if sizes is None else sizes)
    return found


def fix_proposals(network: FasterRCNN, boxes: list[list[float]], real: list[bool]) -> None:
    """Let the proposal network always say the same."""
    logits = torch.tensor([[1.0 if yes else -1e4 for yes in real]])
    network.propose = lambda *_: (torch.tensor([boxes]), logits)  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "settings",
    [
        small_settings(),
        small_settings(shared_boxes=False, head_convolutions=2, norm_epsilon=1e-5, rpn_depth=2),
        small_settings(pyramid_norm=True, head=(1024, 512)),
    ],
)
def test_settings_survive_json(settings: Settings) -> None:
    text = json.dumps(settings.to_dict())
    again = Settings.from_dict(json.loads(text))
    assert again == settings
    assert hash(again) == hash(settings)  # tuples all the way down, as it is frozen


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "yolo"}, "'yolo' is not one that detect knows"),
        ({"name": None}, "None is not one that detect knows"),
        ({"depth": 3, "alpha": 1}, "unknown settings: alpha, depth"),
        ({"backbone": ...}, "incomplete .*backbone"),
        ({"anchor_sizes": ...}, "incomplete .*anchor_sizes"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    network = {**small_settings().to_dict(), **change}
    network = {key: value for key, value in network.items() if value is not ...}
    with pytest.raises(ModelError, match=message):
        Settings.from_dict(network)


def test_levels_of_anchors_and_of_features_must_be_equal() -> None:
    with pytest.raises(ModelError, match="3 levels of anchors for 4 levels of features"):
        FasterRCNN(small_settings(anchor_sizes=((8.0,), (16.0,), (32.0,))), 2)


def test_an_unknown_level_is_named() -> None:
    with pytest.raises(UsageError, match="no stage 'b99'"):
        FasterRCNN(small_settings(levels=("b4", "b10", "b99")), 2)


def test_build_follows_the_card() -> None:
    card = small_card(("cat", "dog"))
    card.preprocessing.update(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0])

    network = build(card)

    assert network.settings == small_settings()
    assert network.classes == 2
    assert network.mean.flatten().tolist() == [1, 2, 3]
    assert network.std.flatten().tolist() == [4, 5, 6]


def test_normalisation_is_the_backbones_unless_told() -> None:
    network = FasterRCNN(small_settings(), 2)
    assert network.mean.flatten().tolist() == [127.0] * 3
    assert network.std.flatten().tolist() == [128.0] * 3
    assert not {"mean", "std", "anchors0"} & network.state_dict().keys()


def test_parts_behind_the_last_level_are_not_kept() -> None:
    network = FasterRCNN(small_settings(), 2)
    assert list(network.backbone.parts)[-1] == "b15"


def test_the_epsilon_of_the_backbones_normalisation() -> None:
    network = FasterRCNN(small_settings(norm_epsilon=0.5), 2)
    norms = [m for m in network.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert {norm.eps for norm in norms} == {0.5}


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "mobilenet_v3_small"])
def test_the_default_detector_of_a_backbone_has_four_levels(name: str) -> None:
    settings = replace(default_settings(name), proposals=10, head=(16,))
    network = FasterRCNN(settings, 2).eval()

    maps = network.features(noise(64, 96))

    assert network.strides == [8, 16, 32, 64]
    assert [tuple(x.shape[2:]) for x in maps] == [(8, 12), (4, 6), (2, 3), (1, 2)]
    assert len(detect(network, noise(64, 96))["scores"][0]) == 20


def test_the_papers_form_of_vgg16() -> None:
    settings = default_settings("vgg16")

    assert settings.levels == ("conv5_3",)
    assert settings.pyramid == 0
    assert settings.anchor_sizes == ((128.0, 256.0, 512.0),)
    assert settings.anchor_ratios == (0.5, 1.0, 2.0)
    assert settings.head == (4096, 4096)
    assert (settings.rpn_candidates, settings.proposals) == (6000, 300)
    assert not settings.shared_boxes


def test_the_papers_form_detects_in_a_small_picture() -> None:
    # (the full layers of 4096 are for the slow test below)
    network = FasterRCNN(replace(default_settings("vgg16"), head=(32, 32), proposals=30), 20).eval()
    pixels = noise(64, 96)

    found = detect(network, pixels)

    assert network.strides == [16]
    assert tuple(network.features(pixels)[0].shape) == (1, 512, 4, 6)
    assert tuple(network.anchors(network.features(pixels))[0].shape) == (4 * 6 * 9, 4)
    assert tuple(found["boxes"].shape) == (1, 300, 4)
    assert bool(found["scores"].isfinite().all())


@pytest.mark.slow
def test_the_papers_form_in_full() -> None:
    network = FasterRCNN(default_settings("vgg16"), 20).eval()
    # 136.7 million for VOC in the authors' model; it counts a separate RPN convolution of 512.
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(136.7e6, rel=0.01)
    assert tuple(detect(network, noise(64, 96))["boxes"].shape) == (1, 300, 4)


def test_shapes_types_ranges_and_order() -> None:
    network = small_detector(classes=3)
    pixels = noise(64, 96, batch=2)

    found = detect(network, pixels)

    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "boxes": (2, 40, 4),
        "scores": (2, 40),
        "labels": (2, 40),
    }
    scores, boxes = found["scores"], found["boxes"]
    assert bool((scores[:, :-1] >= scores[:, 1:]).all())
    assert 0 <= float(scores.min()) <= float(scores.max()) <= 1
    assert found["labels"].dtype == torch.int64
    assert set(found["labels"].flatten().tolist()) <= {0, 1, 2}
    assert bool((boxes[..., 2:] >= boxes[..., :2]).all())
    assert float(boxes.min()) >= 0
    assert float(boxes[..., [0, 2]].max()) <= 96
    assert float(boxes[..., [1, 3]].max()) <= 64


def test_no_more_candidates_than_regions_times_classes() -> None:
    found = detect(small_detector(classes=1, proposals=20), noise(64, 64))
    assert found["scores"].shape == (1, 20)


def test_two_in_a_batch_are_as_each_alone() -> None:
    network = small_detector()
    pixels = noise(96, 96, batch=2)
    sizes = torch.tensor([[96.0, 96.0], [70.0, 90.0]])

    together = detect(network, pixels, sizes)

    for row in range(2):
        alone = detect(network, pixels[row : row + 1], sizes[row : row + 1])
        # Rounding may swap neighbours whose scores are equal; else everything is in its place.
        close = {"atol": 1e-3, "rtol": 1e-4}
        torch.testing.assert_close(together["scores"][row], alone["scores"][0], **close)
        left = list(range(len(alone["scores"][0])))
        for place, score in enumerate(together["scores"][row]):
            same = next(
                other
                for other in left
                if torch.isclose(score, alone["scores"][0][other], **close)
                and together["labels"][row][place] == alone["labels"][0][other]
                and torch.allclose(together["boxes"][row][place], alone["boxes"][0][other], **close)
            )
            left.remove(same)
        assert not left


def test_padding_changes_little() -> None:
    """The fill is the mean: behind the normalisation it is the zero that convolutions pad with.

    What may differ are proposals of anchors that are centred beyond the picture's edge.
    """
    same = 0
    for seed in range(4):
        torch.manual_seed(seed)
        network = FasterRCNN(small_settings(proposals=10), 3).eval()
        for module in network.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):  # of zero comes zero, and the rest stays large
                nn.init.constant_(module.weight, 1.5)
        nn.init.constant_(network.rpn_head.cls_logits.bias, -1.0)
        nn.init.normal_(network.rpn_head.cls_logits.weight, 0, 0.5)
        nn.init.normal_(network.box_predictor.cls_score.weight, 0, 2.0)
        pixels = noise(64, 64, seed=seed)
        padded = torch.full((1, 96, 128, 3), 127, dtype=torch.uint8)
        padded[:, :64, :64] = pixels

        plain, found = detect(network, pixels), detect(network, padded, sizes_of(pixels))

        assert float(plain["scores"].std()) > 0.02
        torch.testing.assert_close(found["scores"], plain["scores"], atol=0.03, rtol=0)
        overlaps = box_iou(plain["boxes"][0], found["boxes"][0])
        overlaps *= plain["labels"][0][:, None] == found["labels"][0]
        same += int((overlaps.amax(dim=1) > 0.9).sum())
    assert same >= 0.7 * 4 * 30


def test_boxes_stay_within_the_unpadded_picture() -> None:
    found = detect(small_detector(), noise(96, 96), torch.tensor([[40.0, 50.0]]))
    assert float(found["boxes"][..., [0, 2]].max()) <= 50
    assert float(found["boxes"][..., [1, 3]].max()) <= 40


def test_fewer_anchors_than_proposals_are_filled_up_with_score_zero() -> None:
    network = small_detector(proposals=50, detections=150, anchor_ratios=(1.0,))
    pixels = noise(32, 32)

    found = detect(network, pixels)

    anchors = sum(len(part) for part in network.anchors(network.features(pixels)))
    assert anchors == 16 + 4 + 1 + 1
    positive = int((found["scores"] > 0).sum())
    assert 0 < positive <= anchors * 3
    assert found["scores"].shape == (1, 150)
    assert not found["scores"][0, positive:].any()


def test_a_filler_never_has_a_score_however_sure_the_classifier() -> None:
    network = small_detector(classes=2, proposals=2)
    fix_proposals(network, [[8.0, 8.0, 24.0, 24.0], [30.0, 30.0, 60.0, 60.0]], [True, False])
    nn.init.constant_(network.box_predictor.cls_score.bias, 5.0)

    found = detect(network, noise(64, 64))

    assert int((found["scores"] > 0).sum()) == 2  # one region, two classes
    assert not found["scores"][0, 2:].any()


def test_scores_are_the_softmax_and_labels_count_from_zero() -> None:
    network = small_detector(classes=2, proposals=1)
    fix_proposals(network, [[8.0, 8.0, 24.0, 24.0]], [True])
    nn.init.zeros_(network.box_predictor.cls_score.weight)
    network.box_predictor.cls_score.bias.data = torch.tensor([1.0, 2.0, 4.0])

    found = detect(network, noise(64, 64))

    expected = torch.tensor([1.0, 2.0, 4.0]).softmax(dim=0)
    assert found["labels"].tolist() == [[1, 0]]
    torch.testing.assert_close(found["scores"][0], expected[[2, 1]])


def test_scores_count_the_objectness_to_its_power() -> None:
    regions = [[8.0, 8.0, 24.0, 24.0], [30.0, 30.0, 60.0, 60.0]]
    found = {}
    for power in (0.0, 0.5):
        network = small_detector(classes=2, proposals=2, objectness=power)
        fix_proposals(network, regions, [True, True])
        found[power] = detect(network, noise(64, 64))["scores"]
    weight = torch.tensor(1.0).sigmoid() ** 0.5  # the logit of `fix_proposals`
    torch.testing.assert_close(found[0.5], found[0.0] * weight)


@pytest.mark.parametrize("shared", [True, False])
def test_each_class_has_its_own_box_unless_they_share_one(shared: bool) -> None:
    network = small_detector(classes=2, proposals=1, shared_boxes=shared)
    region = [20.0, 20.0, 40.0, 44.0]
    fix_proposals(network, [region], [True])
    predictor = network.box_predictor.bbox_pred
    nn.init.zeros_(predictor.weight)
    predictor.bias.data = torch.arange(float(len(predictor.bias))) / 10

    found = detect(network, noise(64, 64))

    offsets = predictor.bias.detach().view(-1, 4)
    for label, box in zip(found["labels"][0].tolist(), found["boxes"][0], strict=True):
        row = 0 if shared else label + 1
        expected = decode_boxes(offsets[row], torch.tensor(region), ROI_WEIGHTS)
        torch.testing.assert_close(box, expected)


def test_regions_are_read_from_the_level_that_torchvision_chooses() -> None:
    network = small_detector()
    generator = torch.Generator().manual_seed(3)
    height, width = 512, 640
    maps = [
        torch.randn(2, 16, height // stride, width // stride, generator=generator)
        for stride in (8, 16, 32, 64)
    ]
    # Sides from 2 to 500 pixels, evenly in the logarithm, so that every level has its share.
    side = 2 * 250 ** torch.rand(2, 60, 2, generator=generator)
    corner = torch.rand(2, 60, 2, generator=generator) * torch.tensor([width, height]) * 0.5
    boxes = torch.cat([corner, corner + side], dim=2)
    boxes[0, :3] = torch.tensor(
        # Exactly at the edges between levels: 112, 224, 448.
        [[0.0, 0.0, 112.0, 112.0], [0.0, 0.0, 224.0, 224.0], [10.0, 10.0, 458.0, 458.0]]
    )
    pool = MultiScaleRoIAlign(["0", "1", "2"], 5, sampling_ratio=2)
    named = {str(level): x for level, x in enumerate(maps[:3])}
    expected = pool(named, list(boxes), [(height, width)] * 2)
    index = torch.arange(2.0)[:, None, None].expand(-1, 60, -1)

    found = network._align(maps, torch.cat([index, boxes], dim=2).reshape(-1, 5))

    torch.testing.assert_close(found, expected)


def test_proposals_come_best_first_and_do_not_overlap() -> None:
    network = small_detector()
    pixels = noise(96, 96)
    with torch.inference_mode():
        maps = network.features(pixels)
        logits, offsets = network.rpn(maps)
        boxes, scores = network.propose(
            network.anchors(maps), logits, offsets, sizes_of(pixels), keep=15
        )

    assert boxes.shape == (1, 15, 4)
    assert bool((scores[0, :-1] >= scores[0, 1:]).all())
    best = torch.cat(logits, dim=1).max()
    torch.testing.assert_close(scores[0, 0], best)


@pytest.mark.parametrize("size", [(64, 96), (96, 160)])
def test_fitted_anchors_are_torchvisions_on_every_level(size: tuple[int, int]) -> None:
    network = small_detector(fitted_anchors=True)
    with torch.inference_mode():
        maps = network.features(noise(*size))
    generator = AnchorGenerator(network.settings.anchor_sizes, ((0.5, 1.0, 2.0),) * 4)
    (expected,) = generator(ImageList(torch.zeros(1, 3, *size), [size]), maps)

    assert torch.equal(torch.cat(network.anchors(maps)), expected)


def test_objectness_and_offsets_are_in_the_order_of_the_anchors() -> None:
    """The convolution's output at one place of one anchor is the row of that anchor."""
    network = small_detector(anchor_ratios=(0.5, 2.0))
    pixels = noise(64, 96)
    with torch.inference_mode():
        maps = network.features(pixels)
        raw_logits, raw_offsets = network.rpn_head(maps)
        logits, offsets = network.rpn(maps)
    level, y, x, anchor = 1, 2, 3, 1
    width = maps[level].shape[3]
    row = (y * width + x) * 2 + anchor

    assert float(logits[level][0, row]) == float(raw_logits[level][0, anchor, y, x])
    expected = raw_offsets[level][0, 4 * anchor : 4 * anchor + 4, y, x]
    assert torch.equal(offsets[level][0, row], expected)
    box = network.anchors(maps)[level][row]
    center = ((box[:2] + box[2:]) / 2).tolist()
    assert center == [x * 16.0, y * 16.0]


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"shared_boxes": False, "pyramid_norm": True}])
def test_the_exported_graph_detects_the_same_in_every_shape(changes: dict[str, Any]) -> None:
    network = small_detector(**changes)
    graph = export_graph(network, graph_spec(32))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for batch, height, width in ((2, 128, 160), (1, 32, 32), (1, 96, 64), (3, 64, 224)):
        pixels = noise(height, width, batch, seed=5)
        sizes = sizes_of(pixels) - torch.arange(batch)[:, None] * 7
        expected = detect(network, pixels, sizes)

        values = session.run(None, {"pixels": pixels.numpy(), "sizes": sizes.numpy()})

        found = dict(zip(("boxes", "scores", "labels"), map(torch.tensor, values), strict=True))
        torch.testing.assert_close(found["scores"], expected["scores"], atol=1e-3, rtol=0)
        # Of equal scores the order is free: compare what has a score of its own.
        clear = expected["scores"].diff(dim=1).abs() > 1e-3
        clear = torch.cat([clear[:, :1], clear[:, :-1] & clear[:, 1:]], dim=1)
        assert int(clear.sum()) > 2 * batch
        clear = torch.nn.functional.pad(clear, (0, 1))
        assert torch.equal(found["labels"][clear], expected["labels"][clear])
        torch.testing.assert_close(
            found["boxes"][clear], expected["boxes"][clear], atol=0.5, rtol=0
        )
