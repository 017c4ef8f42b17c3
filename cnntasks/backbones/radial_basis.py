"""The output layer of LeNet-5: Euclidean radial basis functions on a code for each class.

LeCun, Bottou, Bengio & Haffner 1998, section II.B and Figure 3: the code of a digit is a picture of
it, 7 wide and 12 high, ink +1 and ground -1, so that digits that look alike have codes that are
near each other. The pictures here are our own drawings.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, HEIGHT = 7, 12

_DIGITS = """
 ..###.. ...#... .#####. .#####. ....##.
 .#...#. ..##... ##...## ##...## ...###.
 ##...## .###... .....## .....## ..#.##.
 ##...## ...#... .....## .....## ..#.##.
 ##...## ...#... ....##. ....##. .#..##.
 ##...## ...#... ...##.. ..###.. .#..##.
 ##...## ...#... ..##... ....##. ##..##.
 ##...## ...#... ..##... .....## #######
 ##...## ...#... .##.... .....## ....##.
 .#...#. ...#... ##..... ##...## ....##.
 ..###.. .#####. ####### .#####. ....##.
 ....... ....... ....... ....... .......

 ####### ..####. ####### .#####. .#####.
 ##..... .##.... ##...## ##...## ##...##
 ##..... ##..... .....## ##...## ##...##
 ##..... ##..... ....##. ##...## ##...##
 ######. ##.###. ....##. .##.##. ##..###
 .....## ###..## ...##.. ..###.. .###.##
 .....## ##...## ...##.. .##.##. .....##
 .....## ##...## ..##... ##...## .....##
 .....## ##...## ..##... ##...## .....##
 ##...## ##...## ..##... ##...## ....##.
 .#####. .#####. ..##... .#####. .####..
 ....... ....... ....... ....... .......
"""


class RadialBasis(nn.Module):
    """The squared distance to each class's code, negated so that the nearest class is largest.

    The codes are a buffer, `weight` (K×84): chosen by hand, or at random, and never trained.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weight: Tensor
        self.register_buffer("weight", class_codes(classes))

    @property
    def out_features(self) -> int:
        """The number of classes, K."""
        return len(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """B×84 to B×K logits, `-sum_j (x_j - w_kj)^2`."""
        return -(x[:, None] - self.weight).square().sum(dim=2)


def class_codes(classes: int) -> Tensor:
    """K×84 of ±1: the pictures of the ten digits; for other numbers of classes random ones.

    Random ones are the same each time, and those of fewer classes begin those of more.
    """
    if classes == 10:
        return digit_bitmaps().flatten(1)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(2, (classes, WIDTH * HEIGHT), generator=generator) * 2.0 - 1


def digit_bitmaps() -> Tensor:
    """10×12×7 pictures of the digits: ink +1, ground -1."""
    bitmaps = []
    for block in _DIGITS.strip().split("\n\n"):
        rows = [line.split() for line in block.splitlines()]
        bitmaps += [
            [[1.0 if dot == "#" else -1.0 for dot in row[digit]] for row in rows]
            for digit in range(len(rows[0]))
        ]
    return torch.tensor(bitmaps)
