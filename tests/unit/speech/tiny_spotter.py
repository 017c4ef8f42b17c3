"""A model folder that spots two "words", a low and a high tone; its weights are set by hand.

The middle of a window counts most, and a band of mel filters must be louder than silence. So tests
know what it must find, and need no training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from recordings import tone

import cnntasks

CLASSES = ("silence", "low", "high", "unknown")
LOW_HERTZ, HIGH_HERTZ = 440.0, 2500.0
FRAMES, MELS = 98, 40
#: Mel filters that the tones fall into, and one between them.
_BANDS = {"low": (5, 9), "high": (23, 25), "unknown": (14, 17)}


def write_tiny_spotter(folder: Path, **defaults: Any) -> Path:
    """Write the model and return its folder."""
    weights = np.zeros((MELS, len(CLASSES)), np.float32)
    bias = np.zeros(len(CLASSES), np.float32)
    for name, (start, stop) in _BANDS.items():
        weights[start:stop, CLASSES.index(name)] = 1.5 / (stop - start)
        bias[CLASSES.index(name)] = 1.5 * 8.0
    middle = np.hanning(FRAMES + 2)[1:-1] ** 2
    middle = (middle / middle.sum()).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "middle"], ["mels"]),
            helper.make_node("MatMul", ["mels", "bands"], ["sums"]),
            helper.make_node("Add", ["sums", "bias"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", MELS, FRAMES])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(CLASSES)])],
        [
            helper.make_tensor("middle", TensorProto.FLOAT, middle.shape, middle),
            helper.make_tensor("bands", TensorProto.FLOAT, weights.shape, weights.ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, bias.shape, bias),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    card = cnntasks.ModelCard(
        name="tones",
        task="speech",
        network={"name": "speech-spotter", "backbone": "none", "rejects": ["silence", "unknown"]},
        classes=CLASSES,
        preprocessing={
            "rate": 16000,
            "window_ms": 30.0,
            "hop_ms": 10.0,
            "n_mels": MELS,
            "low": 20.0,
            "high": 8000.0,
            "floor": 1e-6,
            "frames": FRAMES,
        },
        defaults={"threshold": 0.6, **defaults},
    )
    named = {"middle": middle, "bands": weights, "bias": bias}
    cnntasks.write_model_folder(folder, card, named, model.SerializeToString(), half=False)
    return folder


def write_tiny_transcriber(folder: Path) -> Path:
    """Write a transcribing model of the same tones, one output frame for each frame."""
    weights = np.zeros((MELS, 3), np.float32)
    bias = np.array([4.0, 0.0, 0.0], np.float32)
    for unit, name in ((1, "low"), (2, "high")):
        start, stop = _BANDS[name]
        weights[start:stop, unit] = 4.0 / (stop - start)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["features"], ["frames"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["frames", "bands"], ["sums"]),
            helper.make_node("Add", ["sums", "bias"], ["scores"]),
            helper.make_node("LogSoftmax", ["scores"], ["log_probs"], axis=-1),
        ],
        "tiny",
        [
            value("features", TensorProto.FLOAT, ["batch", MELS, "time"]),
            value("lengths", TensorProto.INT64, ["batch"]),
        ],
        [value("log_probs", TensorProto.FLOAT, ["batch", "time", 3])],
        [
            helper.make_tensor("bands", TensorProto.FLOAT, weights.shape, weights.ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, bias.shape, bias),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    card = cnntasks.ModelCard(
        name="dictation",
        task="speech",
        network={"name": "speech-ctc", "backbone": "none", "units": "words", "context": 5,
                 "stride": 1},
        classes=("low", "high"),
        preprocessing={"rate": 16000, "window_ms": 30.0, "hop_ms": 10.0, "n_mels": MELS,
                       "low": 20.0, "high": 8000.0, "floor": 1e-6},
    )  # fmt: skip
    named = {"bands": weights, "bias": bias}
    cnntasks.write_model_folder(folder, card, named, model.SerializeToString(), half=False)
    return folder


def spoken(
    words: list[tuple[str, float]], seconds: float, rate: int = 16000, length: float = 0.5
) -> NDArray[np.float32]:
    """A recording of tones: each word begins at its second and is `length` long."""
    samples = np.random.default_rng(3).normal(0, 1e-4, round(seconds * rate)).astype(np.float32)
    for word, start in words:
        hertz = LOW_HERTZ if word == "low" else HIGH_HERTZ
        place = round(start * rate)
        sound = tone(length, rate, hertz, 0.3)
        samples[place : place + len(sound)] += sound[: max(len(samples) - place, 0)]
    return samples
