"""ONNX graphs as modules of torch.fx: onnx2torch's operators, put together here.

onnx2torch's own ``convert`` puts names of the graph into Python source and executes it. Here the
names are ours, and the code that torch.fx generates is compared with a grammar before it runs.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from typing import Any

import torch
from torch import fx, nn

from models_zoo.errors import InputError, reason_of
from models_zoo.sources.bounded import Bounded, memory_limit
from models_zoo.sources.generated_code import INPUT, guard
from models_zoo.sources.onnx_renaming import Names
from models_zoo.sources.optional import require

STORE = "initializers"
"""The submodule that holds tensors which are in no layer, as buffers under their names."""


def convert(model: Any, names: Names) -> fx.GraphModule:
    """A module that computes what a graph computes.

    Args:
        model: a ``ModelProto`` in a dialect that onnx2torch reads, all of whose names are ours.
        names: what the graph's parts were called, for messages.

    Returns:
        A module of one submodule a node, in their order, with the ``onnx_mapping`` that onnx2torch
        gave it. Initialisers are in layers that took them in, or buffers of :data:`STORE`.

    Raises:
        InputError: an operator is not known, or cannot be converted as it is used; without the
            file's name in front.
    """
    parts = require("onnx2torch.onnx_graph", extra="onnx", purpose="ONNX files")
    source = parts.OnnxGraph(model.graph)
    building = _Building(source)
    for index, node in enumerate(source.nodes.values()):
        module, mapping = _layer(node, source, model.opset_import[0].version, names)
        building.call(f"{node.operation_type}_{index}", node, module, mapping)
    (answer,) = source.output_values
    building.graph.output(building.read(answer))
    building.graph.lint()
    return fx.GraphModule(building.root, building.graph)


def _layer(node: Any, source: Any, opset: int, names: Names) -> tuple[nn.Module, Any]:
    """What onnx2torch makes of a node, and its mapping; layers' random starts disturb nothing."""
    registry = require("onnx2torch.node_converters", extra="onnx", purpose="ONNX files")
    what = names.node(node.proto)
    try:
        converter = registry.get_converter(node.operation_type, opset)
    except NotImplementedError as error:
        raise InputError(
            f"has {what}, an operator that cannot be converted to PyTorch; export the network "
            "without it, or give its weights with an architecture"
        ) from error
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            torch.random.fork_rng(devices=[]),
            Bounded(memory_limit()),
        ):
            module, mapping = converter(node, source)
    except InputError as error:
        raise InputError(f"has {what}, which {error}") from error
    except Exception as error:  # the converter fails in many ways on what it does not know
        computed = [each for each in node.input_values[1:] if each not in source.initializers]
        reason = reason_of(error)
        if isinstance(error, KeyError) and any(computed):
            values = ", ".join(names.value(each) for each in computed if each)
            reason = f"its input {values} is not constant"
        raise InputError(f"has {what}, which cannot be converted to PyTorch: {reason}") from error
    return module, mapping


class _Building:
    """A graph of torch.fx that grows by one node of the source at a time."""

    def __init__(self, source: Any) -> None:
        self.root = nn.Module()
        self.root.add_module(STORE, nn.Module())
        self.graph = guard(fx.Graph())
        self._source = source
        self._made = {source.input_values[0]: self.graph.placeholder(INPUT)}

    def call(self, name: str, node: Any, module: nn.Module, mapping: Any) -> None:
        """Add the call of a node's module under a name of ours."""
        module.__dict__["onnx_mapping"] = mapping
        self.root.add_module(name, module)
        args = [self.read(value) for value in mapping.inputs]
        kwargs: dict[str, Any] = {}
        if None in args:  # what comes after an input that was left out is given by name
            first = args.index(None)
            accepted = list(inspect.signature(module.forward).parameters)[first : len(args)]
            kwargs = {
                name: value
                for name, value in zip(accepted, args[first:], strict=False)
                if value is not None
            }
            args = args[:first]
        called = self.graph.call_module(name, tuple(args), kwargs)
        self._made.update({value: called for value in node.output_values if value})

    def read(self, value: str) -> fx.Node | None:
        """What stands for a value in the graph; ``None`` for an input that was left out."""
        if not value:
            return None
        if value in self._made and value in self._source.initializers:
            return self._made[value]
        if value in self._source.initializers:
            store = self.root.get_submodule(STORE)
            name = f"t{len(list(store.buffers()))}"
            store.register_buffer(name, self._source.initializers[value].to_torch())
            self._made[value] = self.graph.get_attr(f"{STORE}.{name}")
            return self._made[value]
        made = self._made[value]
        if value in self._source.input_values:
            return made
        node, index = self._source.value_as_node_output(value)
        if len(node.output_values) > 1:
            return self.graph.call_function(operator.getitem, (made, index))
        return made
