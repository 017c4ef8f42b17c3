"""torchvision's detectors with random weights that find something, as published files hold them.

Freshly made, they find nothing: every score is nearly the same. So batch normalisation takes its
statistics from a picture, and the last layers are scaled until their outputs differ.
"""

from __future__ import annotations

from typing import Any

import torch
from cnntasks_detect.data.names import COCO_CATEGORIES
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.detection._utils import overwrite_eps
from torchvision.ops import FrozenBatchNorm2d

HEIGHT, WIDTH = 224, 320
UNUSED = sorted(set(range(1, 91)) - set(COCO_CATEGORIES.values()))


def noise(seed: int = 0) -> Tensor:
    """A picture of 224×320×3 uint8: smooth blots of colour, and fine noise in part of it.

    The exporter tries a network on fine noise: the statistics must be right for that, too.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 4, HEIGHT // 16, WIDTH // 16, generator=generator)
    fine = torch.rand(1, 3, HEIGHT, WIDTH, generator=generator)
    rough = nn.functional.interpolate(coarse[:, 3:], size=(HEIGHT, WIDTH)) > 0.6
    blots = nn.functional.interpolate(coarse[:, :3], size=(HEIGHT, WIDTH), mode="bicubic")
    picture = torch.where(rough, fine, blots)[0].clamp(0, 1) * 255
    return picture.permute(1, 2, 0).round().to(torch.uint8)


@torch.no_grad()
def torchvision_detector(name: str, sharpness: float = 1.0, **options: Any) -> Any:
    """The detector `name` in evaluation mode, for pictures of 224 by 320 pixels.

    A sharp one has high scores; in single precision its scores depend on the order of additions.
    """
    torch.manual_seed(0)
    sides = {"min_size": HEIGHT, "max_size": WIDTH}
    model: Any = get_model(name, weights=None, weights_backbone=None, **sides, **options)
    image = noise().permute(2, 0, 1) / 255
    for key, parameter in model.backbone.body.named_parameters():
        if parameter.ndim == 4:
            # Small outputs, so that the epsilon of a batch normalisation counts.
            parameter.mul_(0.02)
        elif key.endswith(("weight", "bias")):
            parameter.add_(0.2 * torch.randn_like(parameter))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    model.backbone.train()
    model.backbone(model.transform([image])[0].tensors)
    model.eval()
    if name != "fasterrcnn_resnet50_fpn_v2":
        _freeze_norms(model)
    if name == "fasterrcnn_resnet50_fpn":
        overwrite_eps(model, 0.0)
    rpn, roi = model.rpn.head, model.roi_heads.box_predictor
    for layer, spread in ((rpn.cls_logits, 3.0), (rpn.bbox_pred, 0.3)):
        _spread(model, layer, spread, image)
    rpn.cls_logits.bias -= 8  # most anchors are background, and the mobile ones drop those
    for layer, spread in ((roi.cls_score, 3.0 * sharpness), (roi.bbox_pred, 0.8)):
        _spread(model, layer, spread, image)
    roi.cls_score.bias[0] += 10 * sharpness  # most regions are background
    roi.cls_score.bias[UNUSED] = -1e4
    return model


def _freeze_norms(module: nn.Module) -> None:
    """What torchvision's detectors have in their place once they are given weights."""
    for key, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm2d(child.num_features, eps=child.eps)
            frozen.load_state_dict(child.state_dict())
            setattr(module, key, frozen)
        else:
            _freeze_norms(child)


def _spread(model: Any, layer: Any, spread: float, image: Tensor) -> None:
    """Give each of a layer's outputs a mean near 0, and all the standard deviation `spread`."""
    found: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _m, _i, output: found.append(output))
    model([image])
    hook.remove()
    values = torch.cat([it.transpose(0, 1).flatten(1) for it in found], dim=1)
    mean = values.mean(dim=1) - layer.bias
    scale = spread / (values - values.mean(dim=1, keepdim=True)).std()
    layer.weight.mul_(scale)
    layer.bias.copy_(-mean * scale).add_(0.3 * torch.randn_like(layer.bias))


def old_names(state: dict[str, Any]) -> dict[str, Any]:
    """The same tensors as the older published files name them."""
    renamed = {}
    for key, value in state.items():
        if key.startswith("backbone.fpn."):
            key = key.replace(".0.weight", ".weight").replace(".0.bias", ".bias")
        renamed[key.replace("rpn.head.conv.0.0.", "rpn.head.conv.")] = value
    return renamed
