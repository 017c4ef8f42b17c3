"""The losses of Faster R-CNN (Ren et al. 2015, equation 1), for data in which not all is labelled.

Some things go beyond the paper. Regions to ignore (COCO's crowds, VOC's difficult boxes) teach
neither "object" nor "background". A data set that labels only some of the classes does not teach
the others as background: its background probability is the sum over what may really be there
(a partial-label cross-entropy, as in Cour et al. 2011). The places that teach "object" are shared
out among the objects of a picture, so that a large one, which many anchors fit, does not crowd out
a small one; and labelled objects of unwanted classes teach the proposal network what an object is.
Boxes are regressed with the generalised IoU loss (Rezatofighi et al. 2019) beside the paper's
smooth L1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import box_iou, generalized_box_iou_loss

from cnntasks_detect.boxes import decode_boxes, encode_boxes, intersection_over_area
from cnntasks_detect.network import ROI_WEIGHTS, RPN_WEIGHTS, FasterRCNN

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of one picture; all boxes in pixels of the network's input.

    Attributes:
        boxes: N×4, objects of the wanted classes.
        labels: N, 0-based class index.
        ignore: M×4, regions of which nothing is known.
        others: K×4, labelled objects of classes that are not wanted: they are background to the
            classifier (good hard negatives) and objects to the proposal network.
        known: C bool, which of the wanted classes are exhaustively labelled here.
    """

    boxes: Tensor
    labels: Tensor
    ignore: Tensor
    others: Tensor
    known: Tensor

    def to(self, device: torch.device) -> Target:
        """The same on another device."""
        return Target(
            self.boxes.to(device),
            self.labels.to(device),
            self.ignore.to(device),
            self.others.to(device),
            self.known.to(device),
        )


def match(
    boxes: Tensor, objects: Tensor, ignore: Tensor, high: float, low: float, allow_low: bool
) -> tuple[Tensor, Tensor]:
    """Assign each box (N×4) to an object (K×4).

    Returns:
        The index of the best object (N; 0 where there is none), and N of POSITIVE (overlap at
        least `high`, or, with `allow_low`, the best for some object), NEGATIVE (below `low`, and
        not mostly inside an ignored region) or IGNORED.
    """
    status = torch.full((len(boxes),), NEGATIVE, device=boxes.device)
    index = torch.zeros(len(boxes), dtype=torch.long, device=boxes.device)
    if len(ignore):
        inside = intersection_over_area(boxes, ignore).amax(dim=1) > 0.5
        status[inside] = IGNORED
    if len(objects):
        overlaps = box_iou(boxes, objects)
        best, index = overlaps.max(dim=1)
        status[(best >= low) & (best < high)] = IGNORED
        status[best >= high] = POSITIVE
        if allow_low:
            # Every object gets its best anchors, however small their overlap (section 3.1.2).
            top = overlaps.amax(dim=0).clamp(min=0.05)
            rows, columns = torch.nonzero(overlaps >= top[None] - 1e-5, as_tuple=True)
            index[rows] = columns
            status[rows] = POSITIVE
    return index, status


def sample(status: Tensor, count: int, fraction: float, priority: Tensor) -> Tensor:
    """Choose up to `count` boxes, at most `fraction` of them positive; the lowest `priority` first.

    Args:
        status: N of POSITIVE, NEGATIVE, IGNORED.
        priority: N; uniform random numbers choose uniformly.

    Returns:
        Indices, positives first.
    """
    chosen = []
    left = count
    for kind, most in ((POSITIVE, int(count * fraction)), (NEGATIVE, count)):
        places = torch.nonzero(status == kind).squeeze(1)
        take = min(len(places), most, left)
        order = priority[places].argsort()[:take]
        chosen.append(places[order])
        left -= take
    return torch.cat(chosen)


def shared_out(index: Tensor, status: Tensor) -> Tensor:
    """Random priorities (N) by which `sample` takes of each object's boxes equally many.

    Args:
        index: N, the object of each box.
        status: N of POSITIVE, NEGATIVE, IGNORED.
    """
    priority = torch.rand(len(status), device=status.device)
    positive = torch.nonzero(status == POSITIVE).squeeze(1)
    shuffled = positive[priority[positive].argsort()]
    objects, order = index[shuffled].sort(stable=True)
    turn = torch.arange(len(objects), device=status.device) - torch.searchsorted(objects, objects)
    # The first box of every object comes before the second of any.
    priority[shuffled[order]] += turn
    return priority


def rpn_losses(
    anchors: Tensor,
    logits: Tensor,
    offsets: Tensor,
    targets: list[Target],
    per_picture: int = 256,
) -> dict[str, Tensor]:
    """Objectness (binary cross-entropy) and box regression of the proposal network.

    Args:
        anchors: N×4 over all levels.
        logits: B×N.
        offsets: B×N×4.
    """
    objectness = logits.sum() * 0
    regression = offsets.sum() * 0
    for picture, target in enumerate(targets):
        objects = torch.cat([target.boxes, target.others])
        index, status = match(anchors, objects, target.ignore, 0.6, 0.3, allow_low=True)
        if target.known.float().mean() < 0.5:
            # What looks like an object here may be one of the many classes that nobody labelled.
            doubtful = (logits[picture].detach() > 0) & (status == NEGATIVE)
            status[doubtful] = IGNORED
        places = sample(status, per_picture, 0.5, shared_out(index, status))
        truth = (status[places] == POSITIVE).to(logits.dtype)
        objectness = objectness + functional.binary_cross_entropy_with_logits(
            logits[picture, places], truth, reduction="sum"
        ) / max(len(places), 1)
        positive = places[status[places] == POSITIVE]
        if len(positive):
            wanted = encode_boxes(objects[index[positive]], anchors[positive], RPN_WEIGHTS)
            regression = regression + functional.smooth_l1_loss(
                offsets[picture, positive], wanted, beta=1 / 9, reduction="sum"
            ) / max(len(places), 1)
    count = max(len(targets), 1)
    return {"rpn_objectness": objectness / count, "rpn_boxes": regression / count}


@torch.no_grad()
def sample_regions(
    proposals: Tensor, real: Tensor, targets: list[Target], per_picture: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose the regions that teach the box head; true boxes are added to the proposals.

    Args:
        proposals: B×P×4.
        real: B×P bool, false for fillers.

    Returns:
        Regions B×R×4, their class B×R (0 background, -1 for a filler), their true box B×R×4.
    """
    regions = proposals.new_zeros(len(targets), per_picture, 4)
    regions[..., 2:] = 1
    classes = torch.full((len(targets), per_picture), -1, device=proposals.device)
    truth = torch.zeros_like(regions)
    for picture, target in enumerate(targets):
        boxes = torch.cat([proposals[picture][real[picture]], target.boxes, target.others])
        index, status = match(boxes, target.boxes, target.ignore, 0.5, 0.5, allow_low=False)
        places = sample(status, per_picture, 0.35, shared_out(index, status))
        count = len(places)
        regions[picture, :count] = boxes[places]
        classes[picture, :count] = 0
        positive = status[places] == POSITIVE
        if positive.any():
            best = index[places[positive]]
            slots = torch.nonzero(positive).squeeze(1)
            classes[picture, slots] = target.labels[best] + 1
            truth[picture, slots] = target.boxes[best]
    return regions, classes, truth


def region_losses(
    logits: Tensor,
    offsets: Tensor,
    regions: Tensor,
    classes: Tensor,
    truth: Tensor,
    known: Tensor,
    weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """Classification and box regression of the box head.

    Args:
        logits: B×R×(C+1); 0 is the background.
        offsets: B×R×K×4, K = 1 or C+1.
        regions, classes, truth: from `sample_regions`.
        known: B×C bool, the classes that are labelled in each picture's data set.
        weights: C, how much an object of each class counts in the classification; 1 when None.
    """
    log_probability = logits.log_softmax(dim=2)
    # Background of a picture: really background, or an object of a class not labelled there.
    maybe = torch.cat([torch.ones_like(known[:, :1]), ~known], dim=1)[:, None]
    nothing = log_probability.masked_fill(~maybe, -torch.inf).logsumexp(dim=2)
    something = log_probability.gather(2, classes.clamp(min=0)[:, :, None]).squeeze(2)
    chosen = torch.where(classes > 0, something, nothing)
    used = classes >= 0
    count = used.sum().clamp(min=1)
    weight = used.to(logits.dtype)
    if weights is not None:
        weight = weight * torch.cat([weights.new_ones(1), weights])[classes.clamp(min=0)]
    losses = {"roi_classes": -(chosen * weight).sum() / count}
    positive = classes > 0
    if not positive.any():
        return {**losses, "roi_boxes": offsets.sum() * 0}
    column = classes[positive] if offsets.shape[2] > 1 else torch.zeros_like(classes[positive])
    found = offsets[positive][torch.arange(len(column), device=column.device), column]
    base, wanted = regions[positive], truth[positive]
    smooth = functional.smooth_l1_loss(
        found, encode_boxes(wanted, base, ROI_WEIGHTS), beta=1.0, reduction="sum"
    )
    overlap = generalized_box_iou_loss(
        decode_boxes(found, base, ROI_WEIGHTS), wanted, reduction="sum"
    )
    return {**losses, "roi_boxes": (smooth + overlap) / count}


def detection_losses(
    network: FasterRCNN,
    pixels: Tensor,
    sizes: Tensor,
    targets: list[Target],
    regions_per_picture: int = 80,
    proposals: int = 256,
    weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """The four named losses of one batch; arguments as of `FasterRCNN.forward` and the others."""
    maps = network.features(pixels)
    logits, offsets = network.rpn(maps)
    levels = network.anchors(maps)
    losses = rpn_losses(torch.cat(levels), torch.cat(logits, 1), torch.cat(offsets, 1), targets)
    with torch.no_grad():
        boxes, score = network.propose(levels, logits, offsets, sizes, proposals)
    regions, classes, truth = sample_regions(boxes, score > -5e3, targets, regions_per_picture)
    scores, shifts = network.classify(maps, regions)
    known = torch.stack([target.known for target in targets])
    return {**losses, **region_losses(scores, shifts, regions, classes, truth, known, weights)}
