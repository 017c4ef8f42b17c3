"""Graphs whose initialisers lie in the weights file: right, small, and confined to their folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from model_samples import Arrays, build_model, run_in_numpy
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cnntasks.errors import ModelError
from cnntasks.models.card import ModelCard
from cnntasks.models.folder import (
    check_graph,
    graph_path,
    read_weights,
    verify_folder,
    write_model_folder,
)
from cnntasks.models.weights import tensor_spans

X = np.random.default_rng(1).normal(size=(3, 16, 9, 7)).astype(np.float32)


def write(
    folder: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto, half: bool = True
) -> onnx.ModelProto:
    """Write the folder, check it in every way there is, and return the graph as it lies there."""
    write_model_folder(folder, card, weights, model.SerializeToString(), half=half)
    assert verify_folder(folder) == []
    check_graph(folder)
    onnx.checker.check_model(str(graph_path(folder)), full_check=True)
    return onnx.load(graph_path(folder), load_external_data=False)


def run(folder: Path) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(
        str(graph_path(folder)), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {"x": X})[0])


def external(model: onnx.ModelProto) -> dict[str, dict[str, str]]:
    return {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in model.graph.initializer
        if tensor.external_data
    }


def test_the_runtime_computes_what_numpy_computes(
    tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto
) -> None:
    graph = write(tmp_path / "m", card, weights, model)
    assert external(graph).keys() == {"conv.weight.half", "val_7.half", "fc.bias"}
    assert [node.op_type for node in graph.graph.node[:3]] == ["Cast", "Cast", "Conv"]
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(weights, X), atol=2e-3)
    # Exactly the network of the weights that are stored, not merely something near it.
    stored = read_weights(tmp_path / "m")
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(stored, X), atol=1e-5)


def test_the_weights_are_on_disk_once(
    tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto
) -> None:
    graph = write(tmp_path / "m", card, weights, model)
    assert graph_path(tmp_path / "m").stat().st_size < 2500
    spans = tensor_spans(tmp_path / "m" / "weights.safetensors")
    for name, key in (("conv.weight.half", "conv.weight"), ("val_7.half", "fc.weight")):
        entry = external(graph)[name]
        assert (int(entry["offset"]), int(entry["length"])) == spans[key]
        assert entry["location"] == "weights.safetensors"


def test_in_full_precision_nothing_is_cast(
    tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto
) -> None:
    graph = write(tmp_path / "m", card, weights, model, half=False)
    assert external(graph).keys() == {"conv.weight", "val_7", "fc.bias"}
    assert "Cast" not in {node.op_type for node in graph.graph.node}
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(weights, X), atol=1e-5)


def test_a_tensor_that_overflows_is_referred_to_in_full_precision(
    tmp_path: Path, card: ModelCard, weights: Arrays
) -> None:
    weights["conv.weight"][0, 0, 0, 0] = 1e6
    graph = write(tmp_path / "m", card, weights, build_model(weights, {}))
    assert external(graph).keys() == {"conv.weight", "fc.weight.half", "fc.bias"}
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(weights, X), rtol=2e-3, atol=2e-3)


def test_what_the_exporter_transposed_or_folded_stays_in_the_graph(
    tmp_path: Path, card: ModelCard, weights: Arrays
) -> None:
    model = build_model(weights, {})
    [tensor] = [it for it in model.graph.initializer if it.name == "fc.weight"]
    tensor.CopyFrom(numpy_helper.from_array(weights["fc.weight"].T.copy(), "fc.weight"))
    del model.graph.node[-1].attribute[:]
    graph = write(tmp_path / "m", card, weights, model)
    assert external(graph).keys() == {"conv.weight.half", "fc.bias"}
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(weights, X), atol=2e-3)


def test_among_equal_tensors_the_name_decides(
    tmp_path: Path, card: ModelCard, weights: Arrays
) -> None:
    twins = {"a.first": weights["conv.weight"], **weights, "z.last": weights["conv.weight"]}
    graph = write(tmp_path / "m", card, twins, build_model(weights, {}))
    spans = tensor_spans(tmp_path / "m" / "weights.safetensors")
    entry = external(graph)["conv.weight.half"]
    assert int(entry["offset"]) == spans["conv.weight"][0] != spans["a.first"][0]


def test_an_equal_name_with_other_values_is_no_match(
    tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto
) -> None:
    changed = {**weights, "conv.weight": weights["conv.weight"] * 1.01}
    graph = write(tmp_path / "m", card, changed, model)
    assert external(graph).keys() == {"val_7.half", "fc.bias"}
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(weights, X), atol=2e-3)


def test_names_that_are_taken_and_old_style_inputs(
    tmp_path: Path, card: ModelCard, weights: Arrays
) -> None:
    model = build_model(weights, {"fc.weight": "conv.weight.half"})
    for tensor in model.graph.initializer:
        value = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.append(value)
    graph = write(tmp_path / "m", card, weights, model)
    assert {"conv.weight.half_", "conv.weight.half.half"} <= external(graph).keys()
    assert "conv.weight" not in {value.name for value in graph.graph.input}
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(weights, X), atol=2e-3)


def test_documentation_and_metadata_are_dropped_everywhere(
    tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto
) -> None:
    def branch(name: str) -> onnx.GraphProto:
        node = helper.make_node("Identity", ["y"], [name], doc_string="SECRET " * 1000)
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64])
        return helper.make_graph([node], name, [], [output])

    flag = numpy_helper.from_array(np.array(True), "flag")
    flag.doc_string = "SECRET"
    model.graph.initializer.append(flag)
    node = helper.make_node("If", ["flag"], ["z"], then_branch=branch("t"), else_branch=branch("e"))
    model.graph.node.append(node)
    model.graph.output[0].name = "z"
    model.doc_string = "SECRET"
    for message in (model, model.graph, *model.graph.node, model.graph.input[0]):
        message.metadata_props.add(key="pkg.torch.stack_trace", value="SECRET " * 1000)
    write(tmp_path / "m", card, weights, model)
    assert b"SECRET" not in graph_path(tmp_path / "m").read_bytes()
    np.testing.assert_allclose(run(tmp_path / "m"), run_in_numpy(weights, X), atol=2e-3)


def test_what_is_no_complete_model_is_refused(
    tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto
) -> None:
    with pytest.raises(ModelError, match="not an ONNX model"):
        write_model_folder(tmp_path / "m", card, weights, b"\x00rubbish")
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(ModelError, match="external data"):
        write_model_folder(tmp_path / "m", card, weights, model.SerializeToString())
    assert list(tmp_path.iterdir()) == []


def set_entry(tensor: onnx.TensorProto, key: str, value: str) -> None:
    for entry in tensor.external_data:
        if entry.key == key:
            entry.value = value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("location", "../weights.safetensors", "only 'weights.safetensors' is allowed"),
        ("location", "/etc/passwd", "only 'weights.safetensors' is allowed"),
        ("location", "card.json", "only 'weights.safetensors' is allowed"),
        ("location", "*/_ORT_MEM_ADDR_/*", "only 'weights.safetensors' is allowed"),
        ("location", "", "only 'weights.safetensors' is allowed"),
        ("offset", "999999999", "beyond the"),
        ("offset", "-4", "does not fit its shape"),
        ("offset", "much", "no valid type, offset and length"),
        ("length", "4", "does not fit its shape"),
    ],
)
def test_a_graph_cannot_read_beyond_its_weights(
    tmp_path: Path,
    card: ModelCard,
    weights: Arrays,
    model: onnx.ModelProto,
    key: str,
    value: str,
    expected: str,
) -> None:
    graph = write(tmp_path / "m", card, weights, model)
    tensor = next(it for it in graph.graph.initializer if it.external_data)
    set_entry(tensor, key, value)
    graph_path(tmp_path / "m").write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match=expected):
        check_graph(tmp_path / "m")
    assert any(expected in problem for problem in verify_folder(tmp_path / "m"))


def test_a_reference_cannot_hide(
    tmp_path: Path, card: ModelCard, weights: Arrays, model: onnx.ModelProto
) -> None:
    graph = write(tmp_path / "m", card, weights, model)
    twice = onnx.ModelProto()
    twice.CopyFrom(graph)
    tensor = next(it for it in twice.graph.initializer if it.external_data)
    good = {entry.key: entry.value for entry in tensor.external_data}["location"]
    set_entry(tensor, "location", "/etc/passwd")
    tensor.external_data.add(key="location", value=good)

    constant = onnx.ModelProto()
    constant.CopyFrom(graph)
    hidden = numpy_helper.from_array(np.zeros(1, np.float32), "hidden")
    hidden.data_location = TensorProto.EXTERNAL
    hidden.external_data.add(key="location", value="/etc/passwd")
    constant.graph.node.append(helper.make_node("Constant", [], ["k"], value=hidden))

    for bad in (twice, constant):
        graph_path(tmp_path / "m").write_bytes(bad.SerializeToString())
        with pytest.raises(ModelError, match="is allowed"):
            check_graph(tmp_path / "m")


@pytest.mark.slow
def test_what_torch_exports_is_found_again(tmp_path: Path, card: ModelCard) -> None:
    import torch
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v3_small().eval()
    x = torch.rand(1, 3, 64, 64)
    exported = torch.onnx.export(network, (x,), dynamo=True, optimize=False, verbose=False)
    assert exported is not None
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    write_model_folder(tmp_path / "m", card, weights, exported.model_proto.SerializeToString())
    assert verify_folder(tmp_path / "m") == []
    assert graph_path(tmp_path / "m").stat().st_size < 150_000
    session = onnxruntime.InferenceSession(str(graph_path(tmp_path / "m")))
    [y] = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(y, network(x).detach().numpy(), atol=1e-3)
