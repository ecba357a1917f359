"""Evaluating nodes of an ONNX graph whose inputs are constants, within memory limits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from models_zoo.errors import InputError
from models_zoo.sources.bounded import Bounded
from models_zoo.sources.onnx_dialect import OPSET
from models_zoo.sources.optional import require

ELEMENTWISE = frozenset(
    (
        *("Acosh", "Asinh", "Atanh", "CastLike", "Cosh", "DequantizeLinear", "Gelu"),
        *(
            "LpNormalization",
            "Mish",
            "QuantizeLinear",
            "Shrink",
            "Sinh",
            "ThresholdedRelu",
            "Trilu",
        ),
    )
)
"""Operators without a converter whose result has as many values as their first input."""

_KNOWN = 21
"""Opset from which the reference implementation has these operators; earlier ones have the same
form."""

RANDOM = frozenset(
    ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform")
) | {"RandomUniformLike", "Dropout"}
"""Operators that are never folded."""


def evaluate(
    onnx: Any, node: Any, opset: int, constants: Mapping[str, np.ndarray], memory: int
) -> list[np.ndarray] | None:
    """The value of a node whose inputs are constants.

    Args:
        onnx: the package.
        node: a ``NodeProto`` all of whose inputs are constants.
        opset: of its graph.
        constants: the values of its inputs by name.
        memory: maximum number of bytes in total.

    Returns:
        One array per output, or ``None`` if the node cannot be computed here.

    Raises:
        InputError: it needs more memory.
    """
    if node.op_type in RANDOM:
        return None
    if node.op_type == "Constant":
        return _constant(onnx, node)
    if node.op_type in ELEMENTWISE:
        return _reference(node, opset, constants, memory)
    return _converted(onnx, node, opset, constants, memory)


@contextmanager
def _quietly(memory: int) -> Iterator[None]:
    """No warnings or gradients, limited memory, and the caller's generator unchanged."""
    with (
        warnings.catch_warnings(action="ignore"),
        torch.random.fork_rng(devices=[]),
        torch.no_grad(),
        Bounded(memory),
    ):
        yield


def _constant(onnx: Any, node: Any) -> list[np.ndarray] | None:
    (given,) = node.attribute
    if given.name == "value":
        return [np.asarray(onnx.numpy_helper.to_array(given.t))]
    kinds: dict[str, type[np.generic]] = {"value_float": np.float32, "value_floats": np.float32}
    kinds |= {"value_int": np.int64, "value_ints": np.int64}
    if given.name not in kinds:
        return None
    return [np.asarray(onnx.helper.get_attribute_value(given), kinds[given.name])]


def _reference(
    node: Any, opset: int, constants: Mapping[str, np.ndarray], memory: int
) -> list[np.ndarray] | None:
    given = {name: constants[name] for name in node.input if name}
    if 8 * constants[node.input[0]].size > memory:
        raise InputError("computes more from its constants than its size allows")
    reference = require("onnx.reference", extra="onnx", purpose="ONNX files")
    try:
        with np.errstate(all="ignore"):
            evaluator = reference.ReferenceEvaluator(node, opsets={"": max(opset, _KNOWN)})
            return [np.asarray(each) for each in evaluator.run(None, given)]
    except Exception:  # inputs that do not fit; conversion says what is wrong with the node
        return None


def _converted(
    onnx: Any, node: Any, opset: int, constants: Mapping[str, np.ndarray], memory: int
) -> list[np.ndarray] | None:
    parts = require("onnx2torch.onnx_node", extra="onnx", purpose="ONNX files")
    values = require("onnx2torch.onnx_tensor", extra="onnx", purpose="ONNX files")
    registry = require("onnx2torch.node_converters", extra="onnx", purpose="ONNX files")
    known = {
        name: values.OnnxTensor.from_numpy(constants[name], name) for name in node.input if name
    }
    source = SimpleNamespace(
        initializers=known, value_info={}, value_as_node_output=known.__getitem__
    )
    try:
        with _quietly(memory):
            converter = registry.get_converter(node.op_type, min(opset, OPSET))
            module, mapping = converter(parts.OnnxNode(node, node.name), source)
            if "" in mapping.inputs:
                return None
            given = [torch.from_numpy(constants[each].copy()) for each in mapping.inputs]
            results = module.eval()(*given)
    except InputError as error:
        raise InputError("computes more from its constants than its size allows") from error
    except Exception:  # inputs that do not fit; conversion says what is wrong with the node
        return None
    results = results if isinstance(results, tuple | list) else (results,)
    if not all(isinstance(each, torch.Tensor) for each in results):
        return None
    return [each.contiguous().numpy() for each in results]
