"""ONNX graphs as modules of torch.fx, built from onnx2torch's operators.

onnx2torch's own ``convert`` writes names from the graph into Python source code and executes it.
Here all names are ours, and the code that torch.fx generates is checked against a grammar before it
runs.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections import Counter
from typing import Any

import torch
from torch import Tensor, fx, nn

from models_zoo.errors import InputError, reason_of
from models_zoo.sources.bounded import Bounded, memory_limit
from models_zoo.sources.generated_code import INPUT, guard
from models_zoo.sources.onnx_renaming import Names
from models_zoo.sources.optional import require

STORE = "initializers"
"""The submodule with the tensors that belong to no layer, as buffers under their names."""


def convert(model: Any, names: Names, images: Tensor) -> fx.GraphModule:
    """A module that computes what a graph computes.

    Each node's module is called as soon as it is built, so that the next one is built for the
    shapes of its outputs and a failing node can be named. ONNX's own shape inference is C++ code
    that crashes on malformed graphs.

    Args:
        model: a ``ModelProto`` in a dialect that onnx2torch reads, all of whose names are ours.
        names: the author's names for the graph's parts, for messages.
        images: some images (N, C, H, W) to try it with.

    Returns:
        A module with one submodule per node, in their order, with the ``onnx_mapping`` that
        onnx2torch gave it. Initializers are part of layers, or buffers of :data:`STORE`.

    Raises:
        InputError: an operator is unknown, cannot be converted in the way it is used, or does not
            take the images. The message does not include the file's name.
    """
    parts = require("onnx2torch.onnx_graph", extra="onnx", purpose="ONNX files")
    source = parts.OnnxGraph(model.graph)
    building = _Building(source, images)
    with (
        warnings.catch_warnings(action="ignore"),
        torch.random.fork_rng(devices=[]),  # layers are made with random weights
        torch.no_grad(),
        Bounded(memory_limit()),
    ):
        for index, node in enumerate(source.nodes.values()):
            module, mapping = _layer(node, source, model.opset_import[0].version, names)
            made = module.eval(), mapping, building.call(index, node, module, mapping)
            try:
                building.run(node, *made)
            except InputError as error:
                raise InputError(f"has {names.node(node.proto)}, which {error}") from error
            except Exception as error:
                shape = "x".join(map(str, images.shape[1:]))
                raise InputError(
                    f"cannot take a batch of {len(images)} images of {shape} at "
                    f"{names.node(node.proto)}: {reason_of(error)}; export it in eval mode with a "
                    "batch dimension of any size, or give the shape it was made for"
                ) from error
    (answer,) = source.output_values
    building.graph.output(building.read(answer))
    building.graph.lint()
    return fx.GraphModule(building.root, building.graph)


def _layer(node: Any, source: Any, opset: int, names: Names) -> tuple[nn.Module, Any]:
    """The module that onnx2torch builds for a node, and its mapping."""
    registry = require("onnx2torch.node_converters", extra="onnx", purpose="ONNX files")
    what = names.node(node.proto)
    if _in_training_mode(node, source):
        raise InputError(
            f"has {what} in training mode, where outputs are random or depend on the batch; export "
            "the network in eval mode"
        )
    try:
        converter = registry.get_converter(node.operation_type, opset)
    except NotImplementedError as error:
        raise InputError(
            f"has {what}, an operator that cannot be converted to PyTorch; export the network "
            "without it, or give its weights with an architecture"
        ) from error
    try:
        module, mapping = converter(node, source)
    except InputError as error:
        raise InputError(f"has {what}, which {error}") from error
    except Exception as error:  # the converter raises many kinds of errors on unsupported input
        computed = [each for each in node.input_values[1:] if each not in source.initializers]
        reason = reason_of(error)
        if isinstance(error, KeyError) and any(computed):
            values = ", ".join(names.value(each) for each in computed if each)
            reason = f"its input {values} is not constant"
        raise InputError(f"has {what}, which cannot be converted to PyTorch: {reason}") from error
    return module, mapping


def _in_training_mode(node: Any, source: Any) -> bool:
    """Whether a node is to compute as in training, which onnx2torch ignores."""
    if node.operation_type == "BatchNormalization":
        return bool(node.attributes.get("training_mode", 0))
    if node.operation_type != "Dropout" or len(node.input_values) < 3 or not node.input_values[2]:
        return False
    mode = node.input_values[2]
    return mode not in source.initializers or bool(source.initializers[mode].to_torch())


class _Building:
    """A graph of torch.fx to which the nodes of the source are added one at a time."""

    def __init__(self, source: Any, images: Tensor) -> None:
        self.root = nn.Module()
        self.root.add_module(STORE, nn.Module())
        self.graph = guard(fx.Graph())
        self._source = source
        self._made = {source.input_values[0]: self.graph.placeholder(INPUT)}
        self._tried: dict[str, Any] = {}
        self._single: set[str] = set()
        self._readers = Counter(
            each for node in source.nodes.values() for each in node.input_values
        )
        self._keep(source.input_values[0], images)

    def call(self, index: int, node: Any, module: nn.Module, mapping: Any) -> list[str]:
        """Add the call of a node's module; the names of inputs after one that was left out."""
        name = f"{node.operation_type}_{index}"  # the name of an ONNX operator, and a number
        module.__dict__["onnx_mapping"] = mapping
        self.root.add_module(name, module)
        args = [self.read(value) for value in mapping.inputs]
        first = args.index(None) if None in args else len(args)
        named = list(inspect.signature(module.forward).parameters)[first : len(args)]
        kwargs: dict[str, Any] = {
            each: value
            for each, value in zip(named, args[first:], strict=False)
            if value is not None
        }
        called = self.graph.call_module(name, tuple(args[:first]), kwargs)
        self._made.update({value: called for value in node.output_values if value})
        return named

    def run(self, node: Any, module: nn.Module, mapping: Any, named: list[str]) -> None:
        """Call a node's module with the outputs of earlier ones, and record the shapes."""
        given = [self._given(value) for value in mapping.inputs]
        first = len(given) - len(named)
        later = zip(named, given[first:], strict=True)
        results = module(*given[:first], **{each: one for each, one in later if one is not None})
        several = isinstance(results, tuple | list)
        if not several:  # such as a mask of dropout, which the module does not return
            self._single.add(node.unique_name)
            for value in node.output_values[1:]:
                self._made.pop(value, None)
        for value, result in zip(
            node.output_values, results if several else (results,), strict=False
        ):
            self._keep(value, result)
        for value in node.input_values:
            self._readers[value] -= 1
            if not self._readers[value]:
                self._tried.pop(value, None)

    def _given(self, value: str) -> Any:
        if value in self._source.initializers:
            stored = self._made[value].target
            return self.root.get_buffer(str(stored))
        return self._tried[value] if value else None

    def _keep(self, value: str, result: Any) -> None:
        if isinstance(result, Tensor):
            helper = require("onnx.helper", extra="onnx", purpose="ONNX files")
            shape = helper.make_tensor_value_info(value, 1, list(result.shape))
            self._source.value_info[value] = shape
        if self._readers[value]:
            self._tried[value] = result

    def read(self, value: str) -> fx.Node | None:
        """The node of a value in the graph; ``None`` for an omitted input."""
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
        if value not in self._made:
            raise InputError("reads a second result of a node that has but one when it is scored")
        made = self._made[value]
        if value in self._source.input_values:
            return made
        node, index = self._source.value_as_node_output(value)
        if len(node.output_values) > 1 and node.unique_name not in self._single:
            return self.graph.call_function(operator.getitem, (made, index))
        return made
