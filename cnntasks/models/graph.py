"""`graph.onnx` of a model folder: a small graph whose initialisers lie in the weights file.

ONNX calls this external data (onnx.proto, `TensorProto.external_data`): a file's name relative
to the graph, an offset and a length. Whoever opens the graph maps the weights from the
safetensors file, so that they are on disk once, for torch and ONNX Runtime alike.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, TensorProto

GRAPH_FILE = "graph.onnx"

#: Smaller tensors stay in the graph, where they take less room than a reference would, and where
#: a runtime that infers shapes finds the values it needs.
_EXTERNAL_FROM = 64


def link_graph(
    graph: bytes,
    stored: Mapping[str, NDArray[Any]],
    spans: Mapping[str, tuple[int, int]],
    location: str,
) -> bytes:
    """Replace the initialisers of a graph that equal a stored tensor by references to it.

    Exporters rename, so equality of shape and bytes decides; among equal tensors the one of the
    same name is taken. A float32 initialiser equals a float16 tensor where it rounds to it; the
    reference is then float16 and a Cast node in front of the graph gives it back its name and
    type. What matches nothing (folded or transposed weights) stays in the graph. Documentation
    and the exporter's metadata (names of source files, stack traces) are dropped.

    Args:
        graph: a serialised ONNX `ModelProto` with embedded initialisers.
        stored: the tensors of the weights file, as stored.
        spans: offset and length in bytes of each of them in that file.
        location: the weights file's name.

    Raises:
        ModelError: `graph` is not an ONNX model, or has external data already.
    """
    from onnx import TensorProto, helper

    model = _parse(graph, "the exported graph")
    used = _strip(model)
    by_content: dict[bytes, list[str]] = {}
    for name, array in stored.items():
        if array.size >= _EXTERNAL_FROM:
            by_content.setdefault(_fingerprint(array), []).append(name)

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise ModelError("the exported graph has external data: export it with its weights")
        match = _match(tensor, by_content)
        if match is None:
            continue
        name = tensor.name
        if stored[match].dtype != helper.tensor_dtype_to_np_dtype(tensor.data_type):
            tensor.name = _unused(f"{name}.half", used)
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=tensor.data_type))
            tensor.data_type = TensorProto.FLOAT16
        _refer(tensor, location, *spans[match])

    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _drop_inputs(model, {cast.output[0] for cast in casts})
    return bytes(model.SerializeToString())


def graph_problems(path: Path, weights: Path) -> list[str]:
    """What is wrong with the external data of a graph; an empty list where all is well.

    A graph may only refer to the weights file beside it: one that names any other path could
    have a runtime read a file that the person never meant to open.
    """
    from onnx import TensorProto

    try:
        model = _parse(path.read_bytes(), str(path))
        size = weights.stat().st_size
    except (OSError, ModelError) as error:
        return [str(error)]
    problems = []
    for message in _messages(model):
        if isinstance(message, TensorProto) and (
            message.external_data or message.data_location == TensorProto.EXTERNAL
        ):
            problem = _external_problem(message, weights.name, size)
            if problem:
                problems.append(f"{path}: tensor {message.name!r} {problem}")
    return problems


def _external_problem(tensor: TensorProto, location: str, size: int) -> str | None:
    from onnx import helper

    entries = {entry.key: entry.value for entry in tensor.external_data}
    # A repeated key is read by some as its first and by some as its last value.
    if len(entries) != len(tensor.external_data) or entries.get("location") != location:
        return f"refers to {entries.get('location')!r}; only {location!r} is allowed"
    try:
        offset, length = int(entries["offset"]), int(entries["length"])
        itemsize = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError):
        return "has no valid type, offset and length"
    if min(offset, length, *tensor.dims, 0) < 0 or length != math.prod(tensor.dims) * itemsize:
        return f"has {length} bytes at {offset}, which does not fit its shape"
    if offset + length > size:
        return f"ends at byte {offset + length}, beyond the {size} bytes of {location}"
    return None


def _parse(data: bytes, origin: str) -> ModelProto:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto

    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(f"{origin}: not an ONNX model ({error})") from error
    if not model.graph.node:
        raise ModelError(f"{origin}: not an ONNX model (no nodes)")
    return model


def _messages(message: Any) -> Iterator[Any]:
    """`message` and every message in it, whichever field of whichever subgraph holds it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in value if isinstance(value, Sequence) else (value,):
                yield from _messages(child)


def _strip(model: ModelProto) -> set[str]:
    """Drop documentation and metadata everywhere; returns the names of all values."""
    names: set[str] = set()
    for message in _messages(model):
        fields = message.DESCRIPTOR.fields_by_name
        for field in ("doc_string", "metadata_props"):
            if field in fields:
                message.ClearField(field)
        if message.DESCRIPTOR.name == "NodeProto":
            names.update(message.output)
        elif message.DESCRIPTOR.name in ("TensorProto", "ValueInfoProto"):
            names.add(message.name)
    return names


def _fingerprint(array: NDArray[Any]) -> bytes:
    return hashlib.sha256(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).digest()


def _match(tensor: TensorProto, by_content: Mapping[bytes, list[str]]) -> str | None:
    """The name of the stored tensor that equals an initialiser, exactly or in half precision."""
    import numpy as np
    from onnx import numpy_helper

    if math.prod(tensor.dims) < _EXTERNAL_FROM:
        return None
    array = numpy_helper.to_array(tensor)
    names = by_content.get(_fingerprint(array))
    if names is None and array.dtype == np.float32:
        with np.errstate(over="ignore"):
            names = by_content.get(_fingerprint(array.astype(np.float16)))
    if names is None:
        return None
    return tensor.name if tensor.name in names else names[0]


def _refer(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    """Make an initialiser point at `length` bytes from `offset` on."""
    from onnx import TensorProto

    for field in ("raw", "float", "double", "int32", "int64", "uint64"):
        tensor.ClearField(f"{field}_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))


def _unused(name: str, used: set[str]) -> str:
    while name in used:
        name += "_"
    used.add(name)
    return name


def _drop_inputs(model: ModelProto, names: set[str]) -> None:
    """Old exporters list initialisers as inputs too; one that a Cast now computes cannot be."""
    inputs = [value for value in model.graph.input if value.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
