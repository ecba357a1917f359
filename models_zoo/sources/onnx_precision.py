"""Converting ONNX graphs to single precision: all floating-point values become float32.

Scores are those of a network in float32, as for checkpoints of other formats: half, bfloat16 and
double weights become float32, and conversions between these types do nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models_zoo.errors import InputError
from models_zoo.sources.onnx_renaming import Names

OTHERS = ("FLOAT16", "BFLOAT16", "DOUBLE")
"""Number types that become ``FLOAT``."""

_TYPES = frozenset(("to", "dtype", "stash_type", "output_dtype", "softmax_precision"))
"""Attributes that are types."""


def to_single(onnx: Any, model: Any, names: Names) -> None:
    """Convert every floating-point tensor, value and cast of a graph to float32; in place.

    Args:
        onnx: the package.
        model: a ``ModelProto`` that was checked.
        names: the author's names for its parts, for messages.

    Raises:
        InputError: a double is too large for float32.
    """
    types = onnx.TensorProto
    others = {getattr(types, each) for each in OTHERS}
    for tensor in model.graph.initializer:
        if tensor.data_type in others:
            _convert(onnx, tensor, names.value(tensor.name))
    for node in model.graph.node:
        for each in node.attribute:
            if each.HasField("t") and each.t.data_type in others:
                _convert(onnx, each.t, names.node(node))
            if each.name in _TYPES and each.i in others:
                each.i = types.FLOAT
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type in others:
            value.type.tensor_type.elem_type = types.FLOAT


def _convert(onnx: Any, tensor: Any, name: str) -> None:
    given = np.asarray(onnx.numpy_helper.to_array(tensor))
    with np.errstate(over="ignore"):
        single = given.astype(np.float32)
    if not np.array_equal(np.isinf(single), np.isinf(given.astype(np.float64))):
        raise InputError(f"holds doubles in {name} that are too large for float32")
    called = tensor.name
    tensor.CopyFrom(onnx.numpy_helper.from_array(single, called))
