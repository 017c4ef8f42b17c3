"""AlexNet, twice: as in the paper of 2012, and the one-tower variant of 2014.

`alexnet2012` is Krizhevsky, Sutskever & Hinton 2012: response normalisation, and groups where the
paper's two towers do not see each other. `alexnet` is Krizhevsky 2014 ("One weird trick"), for
which torchvision publishes weights.
"""

from __future__ import annotations

from torch import nn

from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.family import Family, Head
from cnntasks.backbones.layers import imagenet_backbone, normal_linear

# Output channels, kernel size, stride and padding of conv1..conv5.
_CONVS = {
    "alexnet": ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)),
    "alexnet2012": ((96, 11, 4, 2), (256, 5, 1, 2), (384, 3, 1, 1), (384, 3, 1, 1), (256, 3, 1, 1)),
}
_GROUPED = (2, 4, 5)  # of 2012: the convolutions that see the maps of their own tower only
_ONES = (2, 4, 5)  # of 2012: the convolutions whose biases begin at 1 (section 5)
_POOLED = (1, 2, 5)
_WIDTH = 4096  # of fc6 and fc7


def alexnet(name: str, in_channels: int = 3) -> Backbone:
    """Stages `conv1`..`conv5` (after the ReLU), and `pool1`, `pool2`, `pool5` (3×3, stride 2).

    For pictures of 224×224, padded by 2: this gives the 55×55 places of the paper, which 224
    without padding does not. Maps are a pixel or so smaller than the input divided by the stride.
    """
    paper = name == "alexnet2012"
    parts: list[tuple[Stage, nn.Module]] = []
    total, before = 1, in_channels
    for number, (channels, kernel, stride, padding) in enumerate(_CONVS[name], 1):
        groups = 2 if paper and number in _GROUPED else 1
        conv = nn.Conv2d(before, channels, kernel, stride, padding, groups=groups)
        if paper:
            nn.init.normal_(conv.weight, 0, 0.01)
            nn.init.constant_(conv.bias, float(number in _ONES))  # type: ignore[arg-type]
        total *= stride
        part = nn.Sequential(conv, nn.ReLU(inplace=True))
        parts.append((Stage(f"conv{number}", channels, total), part))
        if number in _POOLED:
            total *= 2
            pool: list[nn.Module] = [nn.MaxPool2d(3, 2)]
            if paper and number < 5:
                pool.insert(0, response_norm())
            parts.append((Stage(f"pool{number}", channels, total), nn.Sequential(*pool)))
        before = channels
    return imagenet_backbone(parts, in_channels)


def response_norm() -> nn.LocalResponseNorm:
    """Local response normalisation of section 3.3: n = 5, k = 2, alpha = 1e-4, beta = 0.75.

    torch divides alpha by n, the paper does not.
    """
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def _head(name: str, backbone: Backbone, classes: int) -> Head:
    places = backbone.stages[-1].channels * 6 * 6
    pool = (nn.AdaptiveAvgPool2d(6), nn.Flatten())
    relu = nn.ReLU(inplace=True)
    if name == "alexnet":
        fc6, fc7 = nn.Linear(places, _WIDTH), nn.Linear(_WIDTH, _WIDTH)
        embed = nn.Sequential(*pool, nn.Dropout(), fc6, relu, nn.Dropout(), fc7, relu)
        return Head(embed, nn.Sequential(nn.Linear(_WIDTH, classes)))
    fc6, fc7 = normal_linear(places, _WIDTH), normal_linear(_WIDTH, _WIDTH)
    for layer in (fc6, fc7):
        nn.init.ones_(layer.bias)
    embed = nn.Sequential(*pool, fc6, relu, nn.Dropout(), fc7, relu)
    return Head(embed, nn.Sequential(nn.Dropout(), normal_linear(_WIDTH, classes)))


def _prefixes(name: str) -> dict[str, str]:
    if name != "alexnet":
        return {}  # nothing is published
    convs = {
        f"features.{n}": f"backbone.parts.conv{c}.0" for c, n in enumerate((0, 3, 6, 8, 10), 1)
    }
    return {
        **convs,
        "classifier.1": "embed.3",
        "classifier.4": "embed.6",
        "classifier.6": "output.0",
    }


FAMILY = Family(tuple(_CONVS), alexnet, _head, _prefixes)
