"""What is known of a picture, and places in it, for tests of the losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from cnntasks_detect.losses import Target
from torch import Tensor

Rows = Sequence[Sequence[float]]


def target(
    boxes: Rows = (),
    labels: Sequence[int] = (),
    ignore: Rows = (),
    others: Rows = (),
    known: Sequence[bool] = (True, True, True),
) -> Target:
    def rows(values: Rows) -> Tensor:
        return torch.tensor(values, dtype=torch.float32).reshape(-1, 4)

    return Target(
        rows(boxes),
        torch.tensor(labels, dtype=torch.long),
        rows(ignore),
        rows(others),
        torch.tensor(known),
    )


GRID = torch.tensor(
    [[x, y, x + 20.0, y + 20.0] for y in range(0, 100, 20) for x in range(0, 100, 20)]
)
PLACE = [20.0, 40.0, 40.0, 60.0]  # the box in row 2, column 1 of the grid
INDEX = 11
