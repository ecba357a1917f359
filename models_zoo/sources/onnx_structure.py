"""Checking in Python whether an ONNX file contains a valid graph.

ONNX's own checker, shape inference and version converter are C++ code that trusts much of its
input. So before a graph is passed to them, each node must be a known operator with existing inputs
and valid attributes, and each tensor must hold as many numbers as it claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import prod
from typing import Any

from models_zoo.errors import InputError, shown
from models_zoo.sources.onnx_renaming import tensors

OLDEST_OPSET = 7
"""Opset since which operators broadcast as they do now."""

LARGEST = 2**28
"""Maximum number of values in a tensor, claimed or stored."""

NODES = 50_000
"""Maximum number of nodes of a graph."""

RANK = 16
"""Maximum number of dimensions of a tensor."""

BITS = {
    **{"FLOAT": 32, "DOUBLE": 64, "FLOAT16": 16, "BFLOAT16": 16, "BOOL": 8},
    **{"INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64},
    **{"UINT8": 8, "UINT16": 16, "UINT32": 32, "UINT64": 64, "INT4": 4, "UINT4": 4},
    **{"FLOAT8E4M3FN": 8, "FLOAT8E4M3FNUZ": 8, "FLOAT8E5M2": 8, "FLOAT8E5M2FNUZ": 8},
}
"""Supported tensor types, with the bits per value."""

_TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
_TEXT = re.compile(rb"[A-Za-z0-9_,.> -]{0,200}")
_POSITIVE = frozenset(("strides", "dilations", "kernel_shape", "group", "output_shape"))
_MODERATE = 2**31
_ANY_SIZE = frozenset(("Constant", "Slice"))


def check_structure(onnx: Any, model: Any) -> None:
    """Require a graph of ONNX's own operators in which every value is computed once and before use.

    Args:
        onnx: the package.
        model: a ``ModelProto`` as it was read; it is not changed.

    Raises:
        InputError: what is wrong; the message does not include the file's name.
    """
    for tensor in tensors(model):
        _check_data(onnx, tensor)
    version = _opset(onnx, model)
    graph = model.graph
    if graph.sparse_initializer:
        name = shown(graph.sparse_initializer[0].values.name)
        raise InputError(f"holds the sparse tensor {name}; export its weights as dense tensors")
    if not graph.node:
        raise InputError("contains no graph: it has no nodes; export it again")
    for value in (*graph.input, *graph.output, *graph.value_info):
        _check_type(onnx, value)
    functions = {(each.domain, each.name) for each in model.functions}
    if len(graph.node) > NODES:
        raise InputError(f"has {len(graph.node)} nodes; networks of up to {NODES} are read")
    for node in graph.node:
        _check_node(onnx, node, version, functions)
    _check_order(graph)


def describe_node(node: Any) -> str:
    """A node for messages: the author's name for it, and its operator."""
    return f"node {shown(node.name)} ({shown(node.op_type).strip(chr(39))})"


def _opset(onnx: Any, model: Any) -> int:
    versions = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if len(versions) != 1:
        raise InputError(f"states {len(versions)} versions of ONNX's operators; it must state one")
    if not OLDEST_OPSET <= versions[0] <= newest:
        raise InputError(
            f"is of opset {versions[0]}; this version of onnx reads {OLDEST_OPSET} to {newest}"
        )
    return int(versions[0])


def _check_data(onnx: Any, tensor: Any) -> None:
    name = shown(tensor.name)
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise InputError(
            f"keeps its weights in another file (tensor {name}), which its hash would not cover; "
            "export it with external_data=False"
        )
    types = {number: kind for kind, number in onnx.TensorProto.DataType.items()}
    kind = types.get(tensor.data_type, str(tensor.data_type))
    if kind not in BITS:
        raise InputError(f"holds tensor {name} of element type {kind}, which is not read")
    _check_dims(tensor.dims, f"holds tensor {name}")
    numbers = prod(tensor.dims)
    held = len(tensor.raw_data) if tensor.HasField("raw_data") else None
    needed = (numbers * BITS[kind] + 7) // 8
    if held is None:
        held = max(len(getattr(tensor, field)) for field in _TYPED)
        needed = numbers if BITS[kind] >= 8 else (numbers * BITS[kind] + 7) // 8
    if held != needed:
        raise InputError(
            f"holds tensor {name} of {'x'.join(map(str, tensor.dims)) or 1} numbers of type {kind} "
            "with the data of another size; download or export it again"
        )


def _check_dims(dims: Iterable[int], what: str) -> None:
    sizes = list(dims)
    if len(sizes) > RANK or any(size < 0 for size in sizes) or prod(sizes) > LARGEST:
        text = "x".join(map(str, sizes[: RANK + 1]))
        raise InputError(
            f"{what} of {shown(text).strip(chr(39))} numbers; at most {RANK} dimensions and "
            f"{LARGEST} numbers are read"
        )


def _check_type(onnx: Any, value: Any) -> None:
    if not value.type.HasField("tensor_type"):
        raise InputError(
            f"states that {shown(value.name)} is not a tensor; only tensors are supported"
        )
    dims = value.type.tensor_type.shape.dim
    _check_dims(
        (dim.dim_value if dim.HasField("dim_value") else 1 for dim in dims),
        f"states {shown(value.name)}",
    )


def _check_node(onnx: Any, node: Any, version: int, functions: set[tuple[str, str]]) -> None:
    what = describe_node(node)
    if (node.domain, node.op_type) in functions:
        raise InputError(
            f"defines an operator itself, which {what} calls; inline it with "
            "onnx.inliner.inline_local_functions"
        )
    if node.domain not in ("", "ai.onnx"):
        raise InputError(
            f"has {what} of the operators of {shown(node.domain)}; only ONNX's own are known"
        )
    try:
        schema = onnx.defs.get_schema(node.op_type, version, "")
    except Exception:
        raise InputError(
            f"has {what}, an operator that opset {version} of ONNX does not know"
        ) from None
    if schema.deprecated:
        raise InputError(f"has {what}, which opset {version} of ONNX has removed")
    if not schema.min_input <= len(node.input) <= schema.max_input:
        raise InputError(f"has {what} with {len(node.input)} inputs, which it cannot have")
    if not schema.min_output <= len(node.output) <= schema.max_output:
        raise InputError(f"has {what} with {len(node.output)} outputs, which it cannot have")
    _check_attributes(onnx, node, schema, what)


def _check_attributes(onnx: Any, node: Any, schema: Any, what: str) -> None:
    kinds = onnx.AttributeProto
    read = {kinds.FLOAT, kinds.INT, kinds.STRING, kinds.TENSOR}
    read |= {kinds.FLOATS, kinds.INTS, kinds.STRINGS}
    given = [each.name for each in node.attribute]
    missing = [key for key, each in schema.attributes.items() if each.required and key not in given]
    if missing or len(set(given)) < len(given):
        text = f"lacks the attribute {missing[0]}" if missing else "has an attribute twice"
        raise InputError(f"has {what}, which {text}")
    if node.op_type == "Constant" and len(given) != 1:
        raise InputError(f"has {what} with {len(given)} values; it has one")
    for each in node.attribute:
        known = schema.attributes.get(each.name)
        if known is None or int(known.type) != each.type:
            raise InputError(
                f"has {what} with the attribute {shown(each.name)}, which it does not have"
            )
        if each.type not in read or each.ref_attr_name:
            raise InputError(
                f"has {what}, which holds a graph of its own or another value that is not read; "
                "only networks without branches and loops are"
            )
        if any(not _TEXT.fullmatch(text) for text in (each.s, *each.strings)):
            raise InputError(f"has {what} with a text in {each.name} that no operator supports")
        values = [each.i, *each.ints]
        if any(abs(value) > _MODERATE for value in values) and node.op_type not in _ANY_SIZE:
            raise InputError(f"has {what} with {each.name} out of range")
        if each.name in _POSITIVE and any(value < 1 for value in (each.ints or [each.i])):
            raise InputError(f"has {what} with {each.name} below 1")


def _check_order(graph: Any) -> None:
    known: set[str] = {""}
    for initializer in graph.initializer:
        if initializer.name in known:
            raise InputError(
                f"holds two weights called {shown(initializer.name)}, or one without a name"
            )
        known.add(initializer.name)
    for each in graph.input:
        if not each.name:
            raise InputError("has an input without a name")
        known.add(each.name)
    for node in graph.node:
        for name in node.input:
            if name not in known:
                raise InputError(
                    f"has {describe_node(node)}, which reads {shown(name)}: no node before it "
                    "computes that (a cycle, or nodes in the wrong order)"
                )
        if not any(node.output):
            raise InputError(f"has {describe_node(node)}, whose outputs have no name")
        for name in node.output:
            if name and name in known:
                raise InputError(
                    f"has {describe_node(node)}, which computes {shown(name)} a second time"
                )
            known.add(name)
    for each in graph.output:
        if each.name not in known or not each.name:
            raise InputError(f"has the output {shown(each.name)}, which no node computes")
