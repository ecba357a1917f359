"""Replacing every name in an ONNX graph with one of ours, and removing everything but the graph.

Names in a file are chosen by its author. A converter that writes Python code gets none of them:
values are called ``v0``, ``v1``, ..., and nodes by their operator and number. The author's name of
a weight is kept separately, and becomes a path in the network only if it is a plain identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from models_zoo.errors import shown

KEPT = {
    "ModelProto": {"ir_version", "opset_import", "graph"},
    "OperatorSetIdProto": {"domain", "version"},
    "GraphProto": {"node", "name", "initializer", "input", "output", "value_info"},
    "NodeProto": {"input", "output", "name", "op_type", "domain", "attribute"},
    "AttributeProto": {"name", "type", "f", "i", "s", "t", "floats", "ints", "strings"},
    "ValueInfoProto": {"name", "type"},
    "TypeProto": {"tensor_type"},
    "Tensor": {"elem_type", "shape"},
    "TensorShapeProto": {"dim"},
    "Dimension": {"dim_value", "dim_param"},
}
"""Fields of ONNX messages that are read; others, such as doc strings, are removed unread.

All fields of tensors are kept: besides numbers, these are a name, which is replaced, a doc string,
which is removed, and the location of data in other files, which is refused.
"""

_KIND = "pkg.torch.export.graph_signature.InputSpec.kind"


@dataclass(frozen=True)
class Names:
    """The author's names for the parts of a graph, by our names.

    Attributes:
        values: of inputs, initializers and outputs of nodes.
        nodes: of nodes.
        buffers: our names of initializers that the exporter marks as not being parameters.
    """

    values: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    buffers: set[str] = field(default_factory=set)

    def value(self, name: str) -> str:
        """A value for messages: the author's name, if there is one, escaped and shortened."""
        return shown(self.values.get(name, name))

    def node(self, node: Any) -> str:
        """A node for messages: its operator, and the author's name for it."""
        return f"node {shown(self.nodes.get(node.name, node.name))} ({node.op_type})"


def rename(model: Any) -> Names:
    """Replace every name in a graph and remove unused fields; in place.

    Args:
        model: a ``ModelProto`` whose nodes are in the order of computation, with each value
            computed once (:func:`models_zoo.sources.onnx_structure.check_structure`).

    Returns:
        The author's names for the parts.
    """
    names = Names()
    ours: dict[str | bytes, str] = {}

    def value(name: str | bytes) -> str:
        if name and name not in ours:
            ours[name] = f"v{len(ours)}"
            names.values[ours[name]] = _text(name)
        return ours.get(name, "")

    graph = model.graph
    (version,) = (each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    del model.opset_import[:]
    model.opset_import.add(domain="", version=version)
    buffers = {each.name for each in graph.value_info if _is_buffer(each)}
    for message in _messages(model):
        _strip(message)
    graph.name = "graph"
    sizes: dict[str, str] = {}
    for each in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        each.name = value(each.name)
        if each.DESCRIPTOR.name == "ValueInfoProto":
            for dim in each.type.tensor_type.shape.dim:
                if dim.dim_param:
                    dim.dim_param = sizes.setdefault(dim.dim_param, f"d{len(sizes)}")
    for index, node in enumerate(graph.node):
        given, computed = [*map(value, node.input)], [*map(value, node.output)]
        del node.input[:], node.output[:]
        node.input.extend(given)
        node.output.extend(computed)
        called = f"{node.op_type}_{index}"
        names.nodes[called] = _text(node.name)
        node.name = called
        node.domain = ""
        for each in node.attribute:
            if each.HasField("t"):
                each.t.ClearField("name")
    names.buffers.update(ours[name] for name in buffers if name in ours)
    return names


def _text(name: str | bytes) -> str:
    """A name as text; protobuf returns one that is not UTF-8 as bytes."""
    return name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")


def _is_buffer(value: Any) -> bool:
    return any(each.key == _KIND and each.value == "BUFFER" for each in value.metadata_props)


def _messages(message: Any) -> Iterator[Any]:
    """A message and all messages in it that are kept."""
    yield message
    for kind, value in message.ListFields():
        if kind.message_type is not None:
            for each in value if kind.is_repeated else (value,):
                yield from _messages(each)


def _strip(message: Any) -> None:
    kind = message.DESCRIPTOR.name
    if kind == "TensorProto":
        message.ClearField("doc_string")
        message.ClearField("metadata_props")
        message.ClearField("segment")
        return
    for each, _ in message.ListFields():
        if each.name not in KEPT[kind]:
            message.ClearField(each.name)


def tensors(message: Any) -> Iterator[Any]:
    """Every tensor in a message: initializers and attributes, including those of nested graphs."""
    for each in _messages(message):
        if each.DESCRIPTOR.name == "TensorProto":
            yield each


_PART = re.compile(r"(?!__)([A-Za-z_][A-Za-z0-9_]*|0|[1-9][0-9]{0,8})", re.ASCII)
_LONGEST, _DEEPEST = 256, 32


def is_path(name: str) -> bool:
    """Whether a name can be a path in a network: identifiers or numbers with dots between them."""
    parts = name.split(".")
    return (
        len(name) <= _LONGEST
        and len(parts) <= _DEEPEST
        and all(_PART.fullmatch(part) and not iskeyword(part) for part in parts)
    )
