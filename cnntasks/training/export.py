"""From a trained torch network to an ONNX graph, checked against it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from cnntasks.errors import ModelError
from cnntasks.task import GraphSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

OPSET = 18


def export_graph(network: nn.Module, spec: GraphSpec) -> bytes:
    """Export to ONNX with the initialisers inside.

    Args:
        network: in evaluation mode, on the CPU; its `forward` takes the feeds by name.
        spec: example feeds and the axes that may vary. A symbol `"32*height"` is an axis that is
            a multiple of 32.

    Raises:
        ModelError: the network does something that ONNX cannot express.
    """
    feeds = {name: torch.from_numpy(np.asarray(value)) for name, value in spec.feeds.items()}
    try:
        with _silence(), torch.no_grad():
            program = torch.onnx.export(
                network,
                kwargs=feeds,
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=_dynamic_shapes(spec),
                input_names=list(feeds),
                output_names=list(spec.outputs),
                optimize=False,  # see `_simplify`
                verbose=False,
            )
            assert program is not None
            _simplify(program.model)
            return bytes(program.model_proto.SerializeToString())
    except Exception as error:  # the exporter has a whole hierarchy of its own
        line = " ".join(str(error).split())[:300]
        raise ModelError(f"the network cannot be exported to ONNX ({line})") from error


def _simplify(model: Any) -> None:
    """Fold constants and drop what is not used.

    Not the exporter's whole optimiser: it also folds batch normalisation into the kernels, which
    would then no longer equal the stored weights. ONNX Runtime does that when it opens the graph.
    """
    from onnxscript import optimizer

    optimizer.inline(model)
    optimizer.fold_constants(model)
    optimizer.remove_unused_nodes(model)
    optimizer.remove_unused_functions(model)


def _dynamic_shapes(spec: GraphSpec) -> dict[str, Any]:
    symbols: dict[str, Any] = {}
    shapes: dict[str, Any] = {}
    for name in spec.feeds:
        axes: dict[int, Any] = {}
        for axis, symbol in spec.dynamic.get(name, {}).items():
            factor, _, plain = symbol.rpartition("*")
            if plain not in symbols:
                symbols[plain] = torch.export.Dim(plain, min=1)
            axes[axis] = int(factor) * symbols[plain] if factor else symbols[plain]
        shapes[name] = axes
    return shapes


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter's progress and remarks are of no use to a person who trains."""
    loggers = [
        logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")
    ]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def compare_outputs(first: Arrays, second: Arrays) -> dict[str, float]:
    """Largest absolute difference of each output.

    Raises:
        ModelError: the outputs differ in name or shape.
    """
    if first.keys() != second.keys():
        raise ModelError(f"outputs differ: {sorted(first)} and {sorted(second)}")
    differences = {}
    for name, values in first.items():
        if values.shape != second[name].shape:
            raise ModelError(f"output {name!r}: {values.shape} and {second[name].shape}")
        difference = np.abs(values.astype(np.float64) - second[name].astype(np.float64))
        differences[name] = float(difference.max(initial=0.0))
    return differences
