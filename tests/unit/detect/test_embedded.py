"""The embedded detector: both engines agree, and it is right on the sample pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cnntasks

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.mark.parametrize("name", ["cat", "cow", "dog", "horses", "sheep", "street"])
def test_engines_agree_and_the_picture_is_understood(name: str) -> None:
    path = SAMPLES / f"{name}.webp"
    onnx = cnntasks.load("detect", offline=True)(path)
    torch = cnntasks.load("detect", offline=True, engine="torch")(path)
    assert onnx.names == torch.names
    np.testing.assert_allclose(onnx.scores, torch.scores, atol=1e-3)
    np.testing.assert_allclose(onnx.boxes, torch.boxes, atol=0.5)
    expected = {"horses": "horse", "street": "car"}.get(name, name)
    assert onnx.names[0] == expected
