"""`weights.safetensors` of a model folder: writing in half precision, reading, byte spans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS_FILE = "weights.safetensors"

#: Larger floating tensors are stored in half precision. The smaller ones (biases, the statistics
#: of a normalisation) weigh next to nothing and are the more sensitive to rounding.
_HALF_ABOVE = 1000


def as_stored(weights: Mapping[str, NDArray[Any]], half: bool) -> dict[str, NDArray[Any]]:
    """The arrays as they go to disk: contiguous, floats as float32 or, where large, float16.

    A tensor with a finite value beyond the range of float16 (65504) stays float32 whole.
    """
    import numpy as np

    stored = {}
    for name, array in weights.items():
        # Not ascontiguousarray, which would turn a scalar into a vector.
        array = np.asarray(array, order="C")
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        if half and array.dtype == np.float32 and array.size > _HALF_ABOVE:
            with np.errstate(over="ignore"):
                halved = array.astype(np.float16)
            if not (np.isinf(halved) & np.isfinite(array)).any():
                array = halved
        stored[name] = array
    return stored


def write_tensors(path: Path, stored: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a safetensors file; raises `OSError`.

    Serialised in memory first: the library's own file writer reports a full disk as an error of
    its format, without the error number.
    """
    from safetensors.numpy import save

    path.write_bytes(save(dict(stored)))


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read a safetensors file; floats come back as float32, whatever they are stored as.

    Raises:
        ModelError: the file is missing, truncated, corrupt, or of a type that NumPy lacks.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError as error:
        raise ModelError(
            f"{path}: there is no such file; the model folder is incomplete"
        ) from error
    except (SafetensorError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path}: truncated or not a safetensors file ({error}); fetch the model again"
        ) from error
    return {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in tensors.items()
    }


def tensor_spans(path: Path) -> dict[str, tuple[int, int]]:
    """Where each tensor of a well-formed safetensors file lies: name to (offset, length) in bytes.

    Offsets count from the start of the file. The format: eight bytes with the header's length
    (little endian), the header (JSON, its `data_offsets` relative to the header's end), the data.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return {
        name: (
            8 + length + info["data_offsets"][0],
            info["data_offsets"][1] - info["data_offsets"][0],
        )
        for name, info in header.items()
        if name != "__metadata__"
    }
