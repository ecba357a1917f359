"""ONNX graphs as PyTorch modules. A graph is data: reading one runs none of its author's code.

The conversion is onnx2torch's, which does not know what today's exporters write by default: newer
graphs are converted to an older opset first.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from torch import fx

from models_zoo.errors import InputError, reason_of
from models_zoo.sources.onnx_operations import simplify
from models_zoo.sources.onnx_weights import expose_weights
from models_zoo.sources.optional import require

NEWEST_OPSET = 17
"""Newer graphs are converted to it first."""


def read_onnx(path: Path) -> tuple[fx.GraphModule, tuple[int | None, ...]]:
    """The network of an ONNX file, and the shape of an image as the graph states it.

    Args:
        path: an ``.onnx`` file that holds its weights itself.

    Returns:
        A module in eval mode whose trained tensors are parameters, and (channels, height, width),
        ``None`` where a dimension is open.

    Raises:
        InputError: the file is missing or damaged, keeps weights elsewhere, has other inputs or
            outputs than a classifier, or an operation that cannot be converted.
    """
    onnx = require("onnx", extra="onnx", purpose="ONNX files")
    converter = require("onnx2torch", extra="onnx", purpose="ONNX files")
    model = _read(onnx, path)
    shape = _image_shape(onnx, model.graph, path)
    model = _prepare(onnx, model)
    try:
        with warnings.catch_warnings(action="ignore"):
            network: fx.GraphModule = converter.convert(model, attach_onnx_mapping=True)
    except Exception as error:  # the converter fails in many ways on what it does not know
        raise InputError(
            f"model {path} cannot be converted to PyTorch ({reason_of(error)}); export it "
            f"with opset {NEWEST_OPSET} or lower, or give its weights with an architecture"
        ) from error
    calls = [node.name for node in network.graph.nodes if node.op == "call_module"]
    kinds = [node.op_type for node in model.graph.node]
    expose_weights(network, model.graph)
    simplify(network, dict(zip(calls, kinds, strict=True)))
    return network.eval(), shape


def _read(onnx: Any, path: Path) -> Any:
    try:
        model = onnx.load(path, load_external_data=False)
        _require_weights_inside(onnx, model, path)
        onnx.checker.check_model(model)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read model {path}: {error.strerror or error}") from error
    except Exception as error:
        raise InputError(
            f"model {path} is truncated or no ONNX file ({reason_of(error)}); "
            "download or export it again"
        ) from error
    return model


def _require_weights_inside(onnx: Any, model: Any, path: Path) -> None:
    if any(each.data_location == onnx.TensorProto.EXTERNAL for each in model.graph.initializer):
        raise InputError(
            f"model {path} keeps its weights in another file, which its hash would not cover; "
            "export it with external_data=False"
        )


def _image_shape(onnx: Any, graph: Any, path: Path) -> tuple[int | None, ...]:
    trained = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in trained]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise InputError(
            f"model {path} has {len(inputs)} inputs and {len(graph.output)} outputs; "
            "a classifier has one input, images, and one output, logits"
        )
    tensor = inputs[0].type.tensor_type
    dims = [dim.dim_value or None for dim in tensor.shape.dim]
    if len(dims) != 4 or tensor.elem_type != onnx.TensorProto.FLOAT:
        raise InputError(
            f"model {path} takes an input of {len(dims)} dimensions and type "
            f"{onnx.TensorProto.DataType.Name(tensor.elem_type)}; images are FLOAT (N, C, H, W)"
        )
    return tuple(dims[1:])


def _prepare(onnx: Any, model: Any) -> Any:
    """The graph in the dialect that the converter reads; what cannot be changed stays."""
    opset = max(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    if opset > NEWEST_OPSET:
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
