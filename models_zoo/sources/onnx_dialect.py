"""Rewriting operators of newer opsets in the form of opset 17, which onnx2torch reads.

Most operators changed only in the number types they accept; these are the few that need rewriting.
ONNX's own converter changes a whole graph or nothing, and is C++ code that trusts its input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from models_zoo.errors import InputError
from models_zoo.sources.onnx_renaming import Names

OPSET = 17
"""The newest opset that onnx2torch reads."""

Constants = Mapping[str, np.ndarray]


def adapt(onnx: Any, node: Any, constants: Constants, names: Names) -> None:
    """Rewrite a node of a newer opset in the form of opset 17; in place.

    Args:
        onnx: the package.
        node: a ``NodeProto`` of an opset above :data:`OPSET`.
        constants: known values.
        names: the author's names for the parts of the graph, for messages.

    Raises:
        InputError: it is used in a way that opset 17 does not support.
    """
    change = _CHANGES.get(node.op_type)
    if node.op_type.startswith("Reduce") and node.op_type != "ReduceSum":  # already rewritten
        change = _reduce
    reason = change(onnx, node, constants) if change is not None else None
    if reason:
        raise InputError(f"has {names.node(node)} {reason}, which cannot be converted to PyTorch")


def drop_zero(node: Any, constants: Constants) -> None:
    """Remove a ``Reshape``'s attribute about zeros in the shape if the shape has none; in place."""
    if node.op_type == "Reshape":
        shape = constants.get(node.input[1])
        if shape is None or bool(np.all(shape != 0)):
            _take(node, "allowzero")


def _take(node: Any, name: str) -> Any:
    """An attribute, removed from its node; ``None`` if it is missing."""
    for index, each in enumerate(node.attribute):
        if each.name == name:
            taken = type(each)()
            taken.CopyFrom(each)
            del node.attribute[index]
            return taken
    return None


def _reduce(onnx: Any, node: Any, constants: Constants) -> str | None:
    empty = _take(node, "noop_with_empty_axes")
    if len(node.input) < 2 or not node.input[1]:
        del node.input[1:]
        return "without axes that does nothing" if empty is not None and empty.i else None
    axes = constants.get(node.input[1])
    if axes is None or axes.dtype.kind != "i":
        return "over axes that are not constant integers"
    if not axes.size:
        return "over no axes"
    del node.input[1:]
    node.attribute.append(onnx.helper.make_attribute("axes", [int(each) for each in axes.flat]))
    return None


def _pad(onnx: Any, node: Any, constants: Constants) -> str | None:
    return "along given axes" if len(node.input) > 3 and node.input[3] else None


def _average(onnx: Any, node: Any, constants: Constants) -> str | None:
    dilations = _take(node, "dilations")
    return "with dilations" if dilations is not None and set(dilations.ints) != {1} else None


def _cast(onnx: Any, node: Any, constants: Constants) -> str | None:
    _take(node, "saturate")
    _take(node, "round_mode")
    return None


def _range(onnx: Any, node: Any, constants: Constants) -> str | None:
    _take(node, "stash_type")
    return None


def _resize(onnx: Any, node: Any, constants: Constants) -> str | None:
    policy, antialias, axes = (
        _take(node, name) for name in ("keep_aspect_ratio_policy", "antialias", "axes")
    )
    if policy is not None and policy.s != b"stretch":
        return "that keeps the aspect ratio"
    if antialias is not None and antialias.i:
        return "with antialiasing"
    return "along given axes" if axes is not None else None


def _split(onnx: Any, node: Any, constants: Constants) -> str | None:
    count = _take(node, "num_outputs")
    return "of another number" if count is not None and count.i != len(node.output) else None


_CHANGES: dict[str, Callable[[Any, Any, Constants], str | None]] = {
    "AveragePool": _average,
    "Cast": _cast,
    "Pad": _pad,
    "Range": _range,
    "Resize": _resize,
    "Split": _split,
}
