"""A small network, as an ONNX graph and in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Arrays = dict[str, NDArray[Any]]


def build_model(weights: Arrays, rename: dict[str, str]) -> onnx.ModelProto:
    def name(key: str) -> str:
        return rename.get(key, key)

    bn = [name(f"bn.{key}") for key in ("weight", "bias", "running_mean", "running_var")]
    nodes = [
        helper.make_node("Conv", ["x", name("conv.weight")], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", *bn], ["b"], epsilon=1e-5),
        helper.make_node("GlobalAveragePool", ["b"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", name("fc.weight"), name("fc.bias")], ["y"], transB=1),
    ]
    used = [key for key in weights if "tracked" not in key]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])],
        [numpy_helper.from_array(weights[key], name(key)) for key in used],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run_in_numpy(weights: Arrays, x: NDArray[Any]) -> NDArray[Any]:
    """The network of `build_model`, written a second time."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    y = np.einsum("nchwij,ocij->nohw", windows, weights["conv.weight"])
    mean, var = weights["bn.running_mean"], weights["bn.running_var"]
    scale = weights["bn.weight"] / np.sqrt(var + 1e-5)
    y = (y - mean[:, None, None]) * scale[:, None, None] + weights["bn.bias"][:, None, None]
    return np.asarray(y.mean((2, 3)) @ weights["fc.weight"].T + weights["fc.bias"])
