"""ONNX graphs as PyTorch modules. A graph is data: reading one runs none of its author's code.

A file is parsed, checked, given new names, converted to single precision and to an opset that
onnx2torch reads, and its constants are folded; only then is it converted to PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import fx

from models_zoo.architectures import Shape
from models_zoo.errors import InputError, reason_of
from models_zoo.sources.examination import random_images
from models_zoo.sources.onnx_conversion import convert
from models_zoo.sources.onnx_folding import fold
from models_zoo.sources.onnx_operations import simplify
from models_zoo.sources.onnx_precision import to_single
from models_zoo.sources.onnx_renaming import rename
from models_zoo.sources.onnx_size import require_moderate
from models_zoo.sources.onnx_structure import check_structure
from models_zoo.sources.onnx_weights import expose_weights
from models_zoo.sources.optional import require


def read_onnx(
    content: bytes, decide: Callable[[tuple[int | None, ...]], Shape]
) -> tuple[fx.GraphModule, Shape]:
    """The network of an ONNX file, and the shape of an image.

    Args:
        content: the bytes of an ``.onnx`` file that includes its weights.
        decide: from (channels, height, width) as the graph states them, with ``None`` for a dynamic
            dimension, to the shape of an image.

    Returns:
        A module in eval mode whose trained tensors are parameters, and the result of ``decide``.

    Raises:
        InputError: the file is damaged, has weights in another file, does not have the inputs and
            outputs of a classifier, or has an operation that cannot be converted. The message is to
            be preceded by the file's name.
    """
    onnx = require("onnx", extra="onnx", purpose="ONNX files")
    require("onnx2torch", extra="onnx", purpose="ONNX files")
    model = _parse(onnx, content)
    check_structure(onnx, model)
    names = rename(model)
    to_single(onnx, model, names)
    shape = decide(_image_shape(onnx, model.graph))
    try:
        fold(onnx, model, names)
        network = convert(model, names, random_images(shape))
        calls = [node.name for node in network.graph.nodes if node.op == "call_module"]
        kinds = [node.op_type for node in model.graph.node]
        expose_weights(network, model.graph, names)
        simplify(network, dict(zip(calls, kinds, strict=True)))
    except InputError:
        raise
    except Exception as error:  # only a damaged or hostile graph can cause these
        raise InputError(f"cannot be converted to PyTorch: {reason_of(error)}") from error
    return network.eval(), shape


def _parse(onnx: Any, content: bytes) -> Any:
    require_moderate(content, onnx.ModelProto.DESCRIPTOR)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # of any implementation of the protobuf library
        raise InputError(
            f"is truncated or not an ONNX file ({reason_of(error)}); download or export it again"
        ) from error
    if not model.HasField("graph"):
        raise InputError("is truncated or not an ONNX file: it contains no graph; export it again")
    return model


def _image_shape(onnx: Any, graph: Any) -> tuple[int | None, ...]:
    trained = {each.name for each in graph.initializer}
    for each in [each for each in graph.input if each.name in trained]:
        graph.input.remove(each)  # old files list weights there too
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
