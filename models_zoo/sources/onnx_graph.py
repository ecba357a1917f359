"""ONNX graphs as PyTorch modules. A graph is data: reading one runs none of its author's code.

The conversion is onnx2torch's, which does not know what today's exporters write by default: newer
graphs are converted to an older opset first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import fx

from models_zoo.errors import InputError, reason_of
from models_zoo.sources.onnx_conversion import convert
from models_zoo.sources.onnx_operations import simplify
from models_zoo.sources.onnx_renaming import rename
from models_zoo.sources.onnx_structure import check_structure
from models_zoo.sources.onnx_weights import expose_weights
from models_zoo.sources.optional import require

NEWEST_OPSET = 17
"""Newer graphs are converted to it first."""


def read_onnx(content: bytes) -> tuple[fx.GraphModule, tuple[int | None, ...]]:
    """The network of an ONNX file, and the shape of an image as the graph states it.

    Args:
        content: the bytes of an ``.onnx`` file that holds its weights itself.

    Returns:
        A module in eval mode whose trained tensors are parameters, and (channels, height, width),
        ``None`` where a dimension is open.

    Raises:
        InputError: the file is damaged, keeps weights elsewhere, has other inputs or outputs than a
            classifier, or an operation that cannot be converted; the message goes on after the
            file's name.
    """
    onnx = require("onnx", extra="onnx", purpose="ONNX files")
    require("onnx2torch", extra="onnx", purpose="ONNX files")
    model = _parse(onnx, content)
    check_structure(onnx, model)
    names = rename(model)
    shape = _image_shape(onnx, model.graph)
    model = _prepare(onnx, model)
    network = convert(model, names)
    calls = [node.name for node in network.graph.nodes if node.op == "call_module"]
    kinds = [node.op_type for node in model.graph.node]
    expose_weights(network, model.graph, names)
    simplify(network, dict(zip(calls, kinds, strict=True)))
    return network.eval(), shape


def _parse(onnx: Any, content: bytes) -> Any:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # of the protobuf library, whichever it is
        raise InputError(
            f"is truncated or no ONNX file ({reason_of(error)}); download or export it again"
        ) from error
    if not model.HasField("graph"):
        raise InputError("is truncated or no ONNX file: it holds no graph; export it again")
    return model


def _image_shape(onnx: Any, graph: Any) -> tuple[int | None, ...]:
    trained = {each.name for each in graph.initializer}
    for each in [each for each in graph.input if each.name in trained]:
        graph.input.remove(each)  # old files list weights there as well
    inputs = graph.input
    if len(inputs) != 1 or len(graph.output) != 1:
        raise InputError(
            f"has {len(inputs)} inputs and {len(graph.output)} outputs; "
            "a classifier has one input, images, and one output, logits"
        )
    tensor = inputs[0].type.tensor_type
    dims = [dim.dim_value or None for dim in tensor.shape.dim]
    if len(dims) != 4 or tensor.elem_type != onnx.TensorProto.FLOAT:
        kinds = {number: kind for kind, number in onnx.TensorProto.DataType.items()}
        raise InputError(
            f"takes an input of {len(dims)} dimensions and type "
            f"{kinds.get(tensor.elem_type, tensor.elem_type)}; images are FLOAT (N, C, H, W)"
        )
    return tuple(dims[1:])


def _prepare(onnx: Any, model: Any) -> Any:
    """The graph in the dialect that the converter reads; what cannot be changed stays."""
    if model.opset_import[0].version > NEWEST_OPSET:
        try:
            model = onnx.version_converter.convert_version(model, NEWEST_OPSET)
        except Exception:  # an operation that did not exist then; the converter may know it
            model = type(model).FromString(model.SerializeToString())
    _undo_sharing(model.graph)
    shapes = {
        each.name: onnx.numpy_helper.to_array(each)
        for each in model.graph.initializer
        if each.data_type == onnx.TensorProto.INT64
    }
    for node in model.graph.node:
        if node.op_type == "Reshape" and np.all(shapes.get(node.input[1], np.zeros(1)) != 0):
            # The flag says what a zero in the shape means, and there is none.
            kept = [each for each in node.attribute if each.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(kept)
    return model


def _undo_sharing(graph: Any) -> None:
    """Give every weight its own tensor: exporters store equal ones once and name the others after.

    What was equal when it was exported is still two weights, which an attack may move apart.
    """
    values = {each.name: each for each in graph.initializer}
    answers = {each.name for each in graph.output}
    for node in list(graph.node):
        shared = values.get(node.input[0]) if node.op_type == "Identity" else None
        if shared is not None and node.output[0] not in answers:
            own = graph.initializer.add()
            own.CopyFrom(shared)
            own.name = node.output[0]
            values[own.name] = own
            graph.node.remove(node)
