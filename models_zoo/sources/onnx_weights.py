"""The weights of a converted ONNX graph as parameters, under the names the graph gives them.

onnx2torch names layers after graph nodes, and keeps the weights of operations that are not layers,
such as a matrix product, in buffers. Attacks on weights perturb parameters, and draw their random
starts by name. A graph therefore gets the names of the network it was exported from, so that it has
the same scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import fx, nn

from models_zoo.sources.onnx_renaming import Names, is_path

MULTIPLYING = frozenset(("Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul"))
"""Operations at which the network proper begins: what is applied before is normalization."""

WEIGHTED = MULTIPLYING | {
    *("Add", "Concat", "Div", "Gather", "Mul", "PRelu", "Sub"),
    *("BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"),
}
"""Operations whose constant tensors are trained, if they are floating-point and not scalars."""


def expose_weights(network: fx.GraphModule, graph: Any, names: Names) -> None:
    """Rename layers and weights after the graph's initializers, and make weights parameters.

    Parameters are registered in the order of the initializers. A layer whose initializers are not
    called ``<layer>.weight`` keeps the converter's name. A name that is not a path of plain
    identifiers, or is in use, is replaced with one of ours.

    Args:
        network: the converted graph, with onnx2torch's mapping attached; changed in place.
        graph: the ONNX graph from which it was converted.
        names: the author's names for its parts.
    """
    values = [each.name for each in graph.initializer]
    layers, reads = _uses(network, graph, set(values))
    trained = _trained(graph, names.buffers)
    placed = [each for each in values if each in layers or (each in reads and each in trained)]
    called = {each: names.values.get(each, "") for each in placed}
    prefix = _shared_prefix([name for name in called.values() if is_path(name)])
    for value, name in called.items():
        path = name.removeprefix(prefix) if is_path(name) else f"weights.{value}"
        if value in layers:
            first, *others = layers[value]
            _rename_layer(network, first, path)
            _share(network, first, others, reads.get(value, []))
        else:
            _make_parameter(network, reads[value], path)
    network.delete_all_unused_submodules()
    network.recompile()


def _uses(
    network: fx.GraphModule, graph: Any, names: set[str]
) -> tuple[dict[str, list[fx.Node]], dict[str, list[fx.Node]]]:
    """The layers that contain an initializer, and where the module reads it."""
    layers: dict[str, list[fx.Node]] = {}
    reads: dict[str, list[fx.Node]] = {}
    calls = [node for node in network.graph.nodes if node.op == "call_module"]
    for node, operation in zip(calls, graph.node, strict=True):
        mapping = network.get_submodule(str(node.target)).__dict__.pop("onnx_mapping")
        values = [value for value in mapping.inputs if value]
        for value, given in zip(values, _given(node), strict=True):
            if value in names:
                reads.setdefault(value, []).append(given)
        for value in set(operation.input) & names - set(values):
            layers.setdefault(value, []).append(node)
    return layers, reads


def _given(node: fx.Node) -> list[Any]:
    """The arguments of a module, in order, without omitted ones."""
    return [each for each in (*node.args, *node.kwargs.values()) if each is not None]


def _trained(graph: Any, buffers: set[str]) -> set[str]:
    """Initializers that are weights: not the normalization of the images, sizes or constants."""
    floating = {
        each.name
        for each in graph.initializer
        if each.data_type == each.FLOAT and prod(each.dims) > 1 and each.name not in buffers
    }
    found: set[str] = set()
    started = False
    factors = _factors(graph)
    for operation in graph.node:
        started = started or operation.op_type in MULTIPLYING
        if started and operation.op_type in WEIGHTED:
            found |= floating & set(operation.input)
        if factors.intersection(operation.output):
            found |= floating & set(operation.input)
    return found


def _factors(graph: Any) -> set[str]:
    """Values from which the second factors of products are computed, back to earlier products."""
    factors: set[str] = set()
    for operation in reversed(graph.node):
        if operation.op_type in MULTIPLYING:
            factors.update(operation.input[1:2])
        elif factors.intersection(operation.output):
            factors.update(operation.input)
    return factors


def _shared_prefix(names: Sequence[str]) -> str:
    """The prefix that a wrapper added to every name, with its dots."""
    paths = [name.split(".") for name in names]
    shared = 0
    longest = min((len(path) for path in paths), default=0) - 2  # <layer>.weight is kept
    while shared < longest and len({path[shared] for path in paths}) == 1:
        shared += 1
    return "".join(f"{part}." for part in paths[0][:shared]) if paths else ""


def _rename_layer(network: fx.GraphModule, node: fx.Node, path: str) -> None:
    layer, _, kind = path.rpartition(".")
    if kind == "weight" and _is_free(network, layer):
        network.add_submodule(layer, network.get_submodule(str(node.target)))
        node.target = layer


def _share(
    network: fx.GraphModule, first: fx.Node, others: Sequence[fx.Node], reads: Sequence[fx.Node]
) -> None:
    """Let layers and operations that use the same matrix of the file share a parameter.

    Vectors are not shared: exporters store equal ones, such as zero biases, only once.
    """
    layer = str(first.target)
    for name, weight in network.get_submodule(layer).named_parameters(recurse=False):
        if weight.ndim < 2:
            continue
        for other in others:
            module = network.get_submodule(str(other.target))
            for called, same in list(module.named_parameters(recurse=False)):
                if same.shape == weight.shape and torch.equal(same, weight):
                    setattr(module, called, weight)
        for read in reads:
            if torch.equal(network.get_buffer(str(read.target)), weight):
                read.target = f"{layer}.{name}"


def _make_parameter(network: fx.GraphModule, reads: Sequence[fx.Node], path: str) -> None:
    value = network.get_buffer(str(reads[0].target))
    if not bool(torch.isfinite(value).all()):
        return  # a mask; moved by a share of its norm, it would not be finite
    if not _is_free(network, path):
        path = f"weights.{path.replace('.', '_')}"
    home, _, name = path.rpartition(".")
    if home and _is_free(network, home):
        network.add_submodule(home, nn.Module())
    network.get_submodule(home).register_parameter(name, nn.Parameter(value))
    for node in reads:
        node.target = path


def _is_free(network: nn.Module, path: str) -> bool:
    """Whether a dotted path can be added: it is unused, and all its parents are modules."""
    module, parts = network, path.split(".")
    for part in parts:
        if not part:
            return False
        if not hasattr(module, part):
            return True
        module = getattr(module, part)
        if not isinstance(module, nn.Module):
            return False
    return False
