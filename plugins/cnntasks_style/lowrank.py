"""`vgg19_lowrank`: the first eight convolutions of VGG-19 at a fifth of their work.

Each 3×3 convolution is split into one with few outputs and a 1×1 convolution that spreads them
again: what the eight layers answer to pictures lies almost within a few directions (Zhang, Zou, He
& Sun 2016, "Accelerating Very Deep Convolutional Networks for Classification and Detection",
section 3.1). `factorize` takes those directions from the answers of a VGG-19; training the result
to imitate that VGG-19 mends what the split has lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cnntasks import Backbone, ModelError, Stage, read_state

#: Stage, input and output channels, directions kept, whether it ends in pooling, its stride.
LAYERS = (
    ("conv1_1", 3, 64, 8, False, 1),
    ("pool1", 64, 64, 16, True, 2),
    ("conv2_1", 64, 128, 24, False, 2),
    ("pool2", 128, 128, 32, True, 4),
    ("conv3_1", 128, 256, 48, False, 4),
    ("conv3_2", 256, 256, 48, False, 4),
    ("conv3_3", 256, 256, 40, False, 4),
    ("conv3_4", 256, 256, 40, False, 4),
)
NAME = "vgg19_lowrank"


def create(in_channels: int = 3, weights: str | Path | None = None) -> Backbone:
    """Build `vgg19_lowrank`, as `cnntasks.create_backbone` does.

    Its stages are VGG-19's of the same names, `pool1` and `pool2` behind their pooling.

    Raises:
        ModelError: the weights cannot be read or do not fit.
    """
    parts: list[tuple[Stage, nn.Module]] = []
    for name, inputs, outputs, rank, pooled, stride in LAYERS:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs if parts else in_channels, rank, 3, padding=1, bias=False),
            nn.Conv2d(rank, outputs, 1),
        ]
        # The largest of four and the positive part may be taken in either order; so is cheaper.
        layers += [nn.MaxPool2d(2), nn.ReLU()] if pooled else [nn.ReLU()]
        parts.append((Stage(name, outputs, stride), nn.Sequential(*layers)))
    backbone = Backbone(parts)
    if in_channels != 3:  # with ImageNet's normalisation, its average for other channels
        mean, std = (sum(it) / 3 for it in (backbone.mean, backbone.std))
        backbone = Backbone(parts, (mean,) * in_channels, (std,) * in_channels)
    if weights is not None:
        if str(weights) == "imagenet":
            raise ModelError(f"{NAME}: no ImageNet weights come along; use the model style-vgg")
        state = {key.removeprefix("backbone."): v for key, v in read_state(Path(weights)).items()}
        try:
            backbone.load_state_dict(state)
        except RuntimeError as error:
            line = " ".join(str(error).split())[:200]
            raise ModelError(f"{weights}: not the weights of {NAME} ({line})") from error
    return backbone


@torch.no_grad()
def factorize(teacher: Backbone, pictures: Sequence[Tensor]) -> Backbone:
    """`vgg19_lowrank` with the directions in which `teacher` answers to `pictures` most.

    Args:
        teacher: VGG-19, down to `conv3_4` at least.
        pictures: B×3×H×W each, normalised for the teacher.

    The answers y = Wx + b of a layer, before its ReLU, have a mean m and a covariance whose first
    r eigenvectors are the columns of U; y is replaced by U Uᵀ (y - m) + m.
    """
    student = create()
    convolutions = [m for m in teacher.modules() if isinstance(m, nn.Conv2d)][: len(LAYERS)]
    answers = [_Answers(conv) for conv in convolutions]
    for picture in pictures:
        teacher(picture, ["conv3_4"])
    for answer, conv, (name, *_) in zip(answers, convolutions, LAYERS, strict=True):
        answer.close()
        narrow, spread = _pair(student.parts[name])
        mean, directions = answer.directions(narrow.out_channels)
        assert conv.bias is not None
        assert spread.bias is not None
        narrow.weight.copy_(torch.einsum("or,oixy->rixy", directions, conv.weight))
        spread.weight.copy_(directions[:, :, None, None])
        spread.bias.copy_(directions @ (directions.T @ (conv.bias - mean)) + mean)
    return student


def _pair(part: nn.Module) -> tuple[nn.Conv2d, nn.Conv2d]:
    assert isinstance(part, nn.Sequential)
    narrow, spread = part[0], part[1]
    assert isinstance(narrow, nn.Conv2d)
    assert isinstance(spread, nn.Conv2d)
    return narrow, spread


class _Answers:
    """Mean and covariance of what a convolution answers, gathered as it runs."""

    def __init__(self, conv: nn.Conv2d) -> None:
        self.sum = torch.zeros(conv.out_channels, dtype=torch.float64)
        self.products = torch.zeros(conv.out_channels, conv.out_channels, dtype=torch.float64)
        self.places = 0
        self._hook = conv.register_forward_hook(self._take)

    def _take(self, module: nn.Module, args: object, output: Tensor) -> None:
        rows = output.permute(0, 2, 3, 1).reshape(-1, output.shape[1]).double()
        self.sum += rows.sum(dim=0)
        self.products += rows.T @ rows
        self.places += len(rows)

    def close(self) -> None:
        """Stop listening."""
        self._hook.remove()

    def directions(self, count: int) -> tuple[Tensor, Tensor]:
        """The mean, C, and the `count` directions of largest variance, C×count."""
        mean = self.sum / self.places
        covariance = self.products / self.places - torch.outer(mean, mean)
        _, vectors = torch.linalg.eigh(covariance)  # in ascending order
        return mean.float(), vectors.flip(1)[:, :count].float()
