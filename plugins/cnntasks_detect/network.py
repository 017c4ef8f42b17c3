"""Faster R-CNN (Ren et al. 2015) with a feature pyramid (Lin et al. 2017), written to export.

Every tensor between the input and the output has a shape that follows from the input's: rankings
have a fixed length (missing entries have score 0), and what non-maximum suppression drops is
masked rather than removed. So one module serves training, eager prediction and the ONNX graph.

Departures from the paper: RoIAlign (He et al. 2017) instead of RoI pooling; a pyramid unless the
backbone is a VGG; the final suppression of overlapping detections is the predictor's, in NumPy,
so that both engines share it and its threshold stays an option.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FeaturePyramidNetwork, nms, roi_align
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from cnntasks import Backbone, ModelCard, ModelError, create_backbone
from cnntasks_detect.boxes import base_anchors, clip_boxes, decode_boxes, grid_anchors
from cnntasks_detect.settings import Settings

RPN_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
ROI_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
_DROPPED = -1e4  # a logit that no real one reaches; -inf would make NaN in a softmax or product


class BoxHead(nn.Module):
    """Fully connected layers with ReLU on the flattened region."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        for number, width in enumerate(widths, start=6):
            setattr(self, f"fc{number}", nn.Linear(inputs, width))
            inputs = width

    def forward(self, x: Tensor) -> Tensor:
        """R×C×S×S to R×width."""
        x = x.flatten(start_dim=1)
        for layer in self.children():
            x = torch.relu(layer(x))
        return x


class FasterRCNN(nn.Module):
    """The detector: backbone, pyramid, region proposal network, box head.

    Args:
        settings: its shape.
        classes: number of foreground classes; output 0 of the classifier is the background.
        mean, std: per-channel normalisation on the 0..255 scale; the backbone's by default.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        settings: Settings,
        classes: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.classes = classes
        self.backbone: Backbone = create_backbone(settings.backbone)
        stages = [self.backbone.stage(name) for name in settings.levels]
        self._drop_unused_parts()
        self.strides = [stage.stride for stage in stages]
        channels = stages[-1].channels
        self.pyramid: FeaturePyramidNetwork | None = None
        if settings.pyramid:
            channels = settings.pyramid
            self.pyramid = FeaturePyramidNetwork(
                [stage.channels for stage in stages],
                channels,
                extra_blocks=LastLevelMaxPool(),
                norm_layer=nn.BatchNorm2d if settings.pyramid_norm else None,
            )
            self.strides.append(self.strides[-1] * 2)
        if len(settings.anchor_sizes) != len(self.strides):
            raise ModelError(
                f"{len(settings.anchor_sizes)} levels of anchors for {len(self.strides)} "
                "levels of features; they must be equal"
            )
        anchors = [base_anchors(sizes, settings.anchor_ratios) for sizes in settings.anchor_sizes]
        for level, base in enumerate(anchors):
            self.register_buffer(f"anchors{level}", base, persistent=False)
        self.rpn_head = RPNHead(channels, len(anchors[0]), conv_depth=settings.rpn_depth)
        size = settings.roi_size
        if settings.head_convolutions:
            self.box_head: nn.Module = FastRCNNConvFCHead(
                (channels, size, size),
                [256] * settings.head_convolutions,
                list(settings.head),
                norm_layer=nn.BatchNorm2d,
            )
        else:
            self.box_head = BoxHead(channels * size * size, settings.head)
        self.box_predictor = FastRCNNPredictor(settings.head[-1], classes + 1)
        if settings.shared_boxes:
            self.box_predictor.bbox_pred = nn.Linear(settings.head[-1], 4)
        for name, values in (
            ("mean", mean or self.backbone.mean),
            ("std", std or self.backbone.std),
        ):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)
        if settings.norm_epsilon is not None:
            for module in self.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eps = settings.norm_epsilon

    def _drop_unused_parts(self) -> None:
        """Remove the backbone's parts behind the last level: they would only add to the file."""
        names = list(self.backbone.parts)
        for name in names[max(names.index(level) for level in self.settings.levels) + 1 :]:
            del self.backbone.parts[name]

    def features(self, pixels: Tensor) -> list[Tensor]:
        """Feature maps, fine to coarse, of B×H×W×3 pixels (any type, 0..255)."""
        x = pixels.permute(0, 3, 1, 2).to(self.mean.dtype)
        x = (x - self.mean) / self.std
        maps = self.backbone(x, self.settings.levels)
        ordered = {name: maps[name] for name in self.settings.levels}
        if self.pyramid is not None:
            ordered = self.pyramid(ordered)
        return list(ordered.values())

    def anchors(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Anchors of each level, each (h*w*A)×4."""
        height, width = (side * self.strides[0] for side in maps[0].shape[2:])
        grids = []
        for level, (x, stride) in enumerate(zip(maps, self.strides, strict=True)):
            rows, columns = x.shape[2:]
            steps = (stride, stride)
            if self.settings.fitted_anchors:
                steps = (height // rows, width // columns)
            grids.append(grid_anchors(getattr(self, f"anchors{level}"), rows, columns, steps))
        return grids

    def rpn(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Objectness logits (B×N) and box offsets (B×N×4) of each level, in anchor order."""
        logits, offsets = self.rpn_head(maps)
        flat_logits = [x.permute(0, 2, 3, 1).flatten(1) for x in logits]
        flat_offsets = []
        for x in offsets:
            batch, depth, height, width = x.shape
            y = x.view(batch, depth // 4, 4, height, width).permute(0, 3, 4, 1, 2)
            flat_offsets.append(y.reshape(batch, -1, 4))
        return flat_logits, flat_offsets

    def propose(
        self,
        anchors: Sequence[Tensor],
        logits: Sequence[Tensor],
        offsets: Sequence[Tensor],
        sizes: Tensor,
        keep: int,
    ) -> tuple[Tensor, Tensor]:
        """The best regions of each picture (Ren et al. 2015, section 3.1).

        Args:
            anchors, logits, offsets: per level, as from `anchors` and `rpn`.
            sizes: B×2, height and width of each picture within the padded input.
            keep: regions per picture.

        Returns:
            Boxes B×keep×4, best first, and their objectness logits B×keep; a picture with fewer
            regions is filled up with boxes of logit `-1e4`.
        """
        count = self.settings.rpn_candidates
        boxes, scores, shifts = [], [], []
        batch = logits[0].shape[0]
        for level, (base, logit, offset) in enumerate(zip(anchors, logits, offsets, strict=True)):
            filler = logit.new_full((batch, count), _DROPPED)
            score, index = torch.cat([logit, filler], dim=1).topk(count, dim=1)
            index = torch.minimum(index, torch.full_like(index, base.shape[0] - 1))
            chosen = offset.gather(1, index[:, :, None].expand(-1, -1, 4))
            box = clip_boxes(decode_boxes(chosen, base[index], RPN_WEIGHTS), sizes)
            unfit = ((box[..., 2:] - box[..., :2]) < 1e-3).any(dim=-1)
            if self.settings.rpn_threshold:
                unfit = unfit | (score.sigmoid() < self.settings.rpn_threshold)
            boxes.append(box)
            scores.append(torch.where(unfit, torch.full_like(score, _DROPPED), score))
            shifts.append(torch.full_like(score, float(level)))
        box, score, shift = (torch.cat(parts, dim=1) for parts in (boxes, scores, shifts))
        group = shift + len(anchors) * torch.arange(batch, device=box.device)[:, None]
        survives = suppress(box, score, group, self.settings.rpn_overlap)
        score = torch.where(survives, score, torch.full_like(score, _DROPPED))
        score, index = score.topk(keep, dim=1)
        return box.gather(1, index[:, :, None].expand(-1, -1, 4)), score

    def classify(self, maps: Sequence[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits (B×P×(classes+1)) and offsets (B×P×K×4, K = 1 or classes+1) of regions.

        Args:
            maps: from `features`.
            boxes: B×P×4.
        """
        batch, count = boxes.shape[:2]
        index = torch.arange(batch, device=boxes.device, dtype=boxes.dtype)
        index = index[:, None, None].expand(-1, count, -1)
        rois = torch.cat([index, boxes], dim=2).reshape(-1, 5)
        logits, offsets = self.box_predictor(self.box_head(self._align(maps, rois)))
        return logits.view(batch, count, -1), offsets.view(batch, count, -1, 4)

    def _align(self, maps: Sequence[Tensor], rois: Tensor) -> Tensor:
        """R×C×S×S from the pyramid level that suits each region (Lin et al. 2017, equation 1)."""
        size = self.settings.roi_size
        levels = len(self.settings.levels)
        if self.strides[0] == self.strides[levels - 1]:
            # One level, or several of one stride: then there is no coarser one for large regions,
            # and the first serves all, as in torchvision's pooling.
            single: Tensor = roi_align(maps[0], rois, size, 1 / self.strides[0], sampling_ratio=2)
            return single
        area = ((rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])).clamp(min=1e-6)
        # A region of 224 pixels belongs to stride 16, one of half that side to stride 8, ...
        octave = torch.floor(4 + torch.log2(area.sqrt() / 224) + 1e-6)
        first = float(self.strides[0].bit_length() - 1)
        place = octave.clamp(first, first + levels - 1) - first
        pooled = rois.new_zeros(rois.shape[0], maps[0].shape[1], size, size)
        for level in range(levels):
            index = torch.nonzero(place == level).squeeze(1)
            part = roi_align(
                maps[level], rois[index], size, 1 / self.strides[level], sampling_ratio=2
            )
            pooled = pooled.index_put((index,), part.to(pooled.dtype))
        return pooled

    def forward(self, pixels: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            pixels: B×H×W×3 uint8, H and W multiples of the coarsest stride of the backbone.
            sizes: B×2 float, height and width of each picture within the padded input.

        Returns:
            `boxes` B×D×4 (xyxy pixels of the input), `scores` B×D in 0..1, best first, and
            `labels` B×D (0-based class index); overlapping boxes are not yet suppressed.
        """
        maps = self.features(pixels)
        logits, offsets = self.rpn(maps)
        proposals, objectness = self.propose(
            self.anchors(maps), logits, offsets, sizes, self.settings.proposals
        )
        scores, boxes = self.classify(maps, proposals)
        real = (objectness > _DROPPED / 2).to(scores.dtype)[:, :, None]
        if self.settings.objectness:
            real = real * objectness.sigmoid()[:, :, None] ** self.settings.objectness
        probability = (scores.softmax(dim=2)[:, :, 1:] * real).flatten(1)
        top, index = probability.topk(
            min(self.settings.detections, self.settings.proposals * self.classes), dim=1
        )
        region = index // self.classes
        label = index % self.classes
        shape = (-1, -1, 4)
        anchor = proposals.gather(1, region[:, :, None].expand(shape))
        if self.settings.shared_boxes:
            chosen = boxes[:, :, 0].gather(1, region[:, :, None].expand(shape))
        else:
            flat = boxes.flatten(1, 2)
            place = region * (self.classes + 1) + label + 1
            chosen = flat.gather(1, place[:, :, None].expand(shape))
        found = clip_boxes(decode_boxes(chosen, anchor, ROI_WEIGHTS), sizes)
        return {"boxes": found, "scores": top, "labels": label}


def suppress(boxes: Tensor, scores: Tensor, groups: Tensor, overlap: float) -> Tensor:
    """Greedy non-maximum suppression within groups; nothing is removed, only marked.

    Args:
        boxes: B×N×4.
        scores: B×N.
        groups: B×N; boxes of different groups never suppress each other.
        overlap: intersection over union above which the lower-scoring box is suppressed.

    Returns:
        B×N bool, true for the boxes that survive.
    """
    if not torch.compiler.is_exporting() and boxes.shape[0] > 1:
        # The work grows with the square of the boxes: a picture at a time.
        parts = zip(boxes, scores, groups, strict=True)
        return torch.cat([suppress(b[None], s[None], g[None], overlap) for b, s, g in parts])
    flat = boxes.reshape(-1, 4)
    apart = groups.reshape(-1, 1).to(flat.dtype) * (flat.max() + 1)
    kept = nms(flat + apart, scores.reshape(-1), overlap)
    marks = torch.zeros_like(scores.reshape(-1)).index_fill(0, kept, 1.0)
    return marks.reshape(scores.shape) > 0.5


def build(card: ModelCard) -> FasterRCNN:
    """The network that a card describes, with random weights.

    Raises:
        ModelError: the card's network or preprocessing is not one that detect knows.
    """
    preprocessing = card.preprocessing
    return FasterRCNN(
        Settings.from_dict(card.network),
        len(card.classes),
        mean=preprocessing.get("mean"),
        std=preprocessing.get("std"),
    )
