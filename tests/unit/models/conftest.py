"""A small network's weights and graph, a loopback server, and a cache of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from loopback import cache as cache
from loopback import serve as serve
from loopback import site as site
from model_samples import Arrays, build_model
from numpy.typing import NDArray

from cnntasks.models.card import ModelCard


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(name="tiny", task="detect", network={"name": "tiny"}, classes=("cat",))


@pytest.fixture
def weights() -> Arrays:
    """The state dict of convolution, batch normalisation and linear layer, as torch names it."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> NDArray[Any]:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    return {
        "conv.weight": normal(32, 16, 3, 3),
        "bn.weight": normal(32) + 1,
        "bn.bias": normal(32),
        "bn.running_mean": normal(32),
        "bn.running_var": normal(32) ** 2 + 1,
        "bn.num_batches_tracked": np.array(7, dtype=np.int64),
        "fc.weight": normal(64, 32),
        "fc.bias": normal(64),
    }


@pytest.fixture
def model(weights: Arrays) -> onnx.ModelProto:
    """Conv, BatchNormalization, pooling and Gemm; the exporter renamed the linear layer."""
    return build_model(weights, rename={"fc.weight": "val_7"})
