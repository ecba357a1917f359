"""The arithmetic of a converted ONNX graph as PyTorch functions.

onnx2torch wraps a sum or a reshape in a module that inspects its arguments first. PyTorch's own
functions are faster, and certificates can bound them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

ARITHMETIC = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div}
"""Operations of two floating-point tensors, by their PyTorch function."""


def simplify(network: fx.GraphModule, operations: dict[str, str]) -> None:
    """Replace wrapped arithmetic, reshapes to a fixed shape and constants; in place.

    Args:
        network: the converted graph.
        operations: the kind of every ONNX node, by the name of its graph node.
    """
    for node in network.graph.nodes:
        kind = operations.get(node.name)
        if kind == "Constant":
            _read_constant(network, node)
        elif kind == "Reshape":
            _reshape(network, node)
        elif kind in ARITHMETIC and _is_plain(network, node):
            node.op, node.target = "call_function", ARITHMETIC[kind]
    network.delete_all_unused_submodules()
    network.recompile()


def _read_constant(network: fx.GraphModule, node: fx.Node) -> None:
    value = getattr(network.get_submodule(str(node.target)), "value", None)
    if isinstance(value, Tensor):
        node.op, node.target = "get_attr", f"{node.target}.value"


def _reshape(network: fx.GraphModule, node: fx.Node) -> None:
    images, shape = node.args
    sizes = _constant(network, shape)
    if sizes is not None and not bool((sizes == 0).any()):  # 0 keeps the size of the input
        node.op, node.target = "call_method", "reshape"
        node.args = (images, *sizes.tolist())


def _is_plain(network: fx.GraphModule, node: fx.Node) -> bool:
    """Whether an operation has a constant that makes it floating-point, and no legacy options."""
    values = [_constant(network, each) for each in node.args]
    floating = any(value is not None and value.is_floating_point() for value in values)
    return floating and not getattr(network.get_submodule(str(node.target)), "broadcast", None)


def _constant(network: fx.GraphModule, given: Any) -> Tensor | None:
    if not isinstance(given, fx.Node) or given.op != "get_attr":
        return None
    value: Any = network
    for part in str(given.target).split("."):
        value = getattr(value, part)
    return value if isinstance(value, Tensor) else None
