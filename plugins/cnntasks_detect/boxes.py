"""Box arithmetic in torch: anchors, the box coder, clipping. All boxes are xyxy in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

#: No step may enlarge a side more than from 16 to 1000 pixels (Girshick's Fast R-CNN code).
MAX_LOG_SCALE = math.log(1000.0 / 16)


def base_anchors(sizes: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Anchors centred on the origin (Ren et al. 2015, section 3.1.1).

    Args:
        sizes: square roots of the anchors' areas, in pixels.
        ratios: height over width.

    Returns:
        (len(ratios) * len(sizes))×4, rounded to whole pixels as in the authors' code.
    """
    rows = []
    for ratio in ratios:
        for size in sizes:
            height, width = size * math.sqrt(ratio), size / math.sqrt(ratio)
            rows.append([-width / 2, -height / 2, width / 2, height / 2])
    return torch.tensor(rows).round()


def grid_anchors(base: Tensor, height: int, width: int, steps: tuple[int, int]) -> Tensor:
    """Shift `base` (A×4) over a feature map: (height * width * A)×4, anchors varying fastest.

    Args:
        base: as from `base_anchors`.
        height, width: of the feature map, in cells.
        steps: pixels from a cell to the one below it, and to the one on its right.
    """
    ys = torch.arange(height, device=base.device, dtype=base.dtype) * steps[0]
    xs = torch.arange(width, device=base.device, dtype=base.dtype) * steps[1]
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    shifts = torch.stack([x, y, x, y], dim=-1)
    return (shifts[:, :, None, :] + base[None, None]).reshape(-1, 4)


def encode_boxes(boxes: Tensor, anchors: Tensor, weights: Sequence[float]) -> Tensor:
    """Offsets from `anchors` to `boxes`, both N×4 times `weights` (Ren et al. 2015, eq. 2)."""
    size = (anchors[:, 2:] - anchors[:, :2]).clamp(min=1e-3)
    center = anchors[:, :2] + size / 2
    target = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-3)
    middle = boxes[:, :2] + target / 2
    offsets = torch.cat([(middle - center) / size, (target / size).log()], dim=1)
    return offsets * offsets.new_tensor(list(weights))


def decode_boxes(offsets: Tensor, anchors: Tensor, weights: Sequence[float]) -> Tensor:
    """The inverse of `encode_boxes`; `offsets` and `anchors` are ...×4 and broadcast."""
    wx, wy, ww, wh = weights
    width = anchors[..., 2] - anchors[..., 0]
    height = anchors[..., 3] - anchors[..., 1]
    x = anchors[..., 0] + width / 2 + offsets[..., 0] / wx * width
    y = anchors[..., 1] + height / 2 + offsets[..., 1] / wy * height
    half_w = torch.exp((offsets[..., 2] / ww).clamp(max=MAX_LOG_SCALE)) * width / 2
    half_h = torch.exp((offsets[..., 3] / wh).clamp(max=MAX_LOG_SCALE)) * height / 2
    return torch.stack([x - half_w, y - half_h, x + half_w, y + half_h], dim=-1)


def clip_boxes(boxes: Tensor, sizes: Tensor) -> Tensor:
    """Clip B×N×4 boxes to the pictures' `sizes` (B×2: height, width)."""
    limit = torch.stack([sizes[:, 1], sizes[:, 0], sizes[:, 1], sizes[:, 0]], dim=1)[:, None]
    return torch.minimum(boxes.clamp(min=0), limit)


def intersection_over_area(boxes: Tensor, regions: Tensor) -> Tensor:
    """Which part of each box (N×4) lies in each region (M×4): N×M in 0..1."""
    top_left = torch.maximum(boxes[:, None, :2], regions[None, :, :2])
    bottom_right = torch.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    shared = (bottom_right - top_left).clamp(min=0).prod(dim=2)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    return shared / area.clamp(min=1e-6)[:, None]
