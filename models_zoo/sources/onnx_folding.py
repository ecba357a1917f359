"""Computing the constants of an ONNX graph once, so that its layers read initializers.

Exporters leave weights in ``Constant`` nodes and behind transpositions, conversions, products,
reshapes and dequantization. An attack on weights perturbs initializers: one that is read only by a
transposition would be a constant, and the network would seem robust to any attack.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from models_zoo.sources.onnx_dialect import OPSET, adapt, drop_zero
from models_zoo.sources.onnx_evaluation import evaluate
from models_zoo.sources.onnx_renaming import Names, is_path

SPARE = 2**26
"""Bytes that constants may take in addition to :data:`GROWTH` times the file: 64 MiB."""

GROWTH = 8
"""Maximum size of folded constants relative to the file: 4-bit weights become 32-bit ones."""


def fold(onnx: Any, model: Any, names: Names) -> None:
    """Turn what is computed from constants into initializers, and the rest into opset 17; in place.

    A weight that is changed by one node keeps its name: the result has the name of the initializer
    it was computed from. A transposition before a product is moved into the product instead, so
    that the weight is perturbed in the shape it was trained in.

    Args:
        onnx: the package.
        model: a ``ModelProto`` that was checked, with our names.
        names: the author's names for its parts; results are added.

    Raises:
        InputError: constants would take too much memory for the size of the file, or a node is used
            in a way that cannot be converted.
    """
    opset = model.opset_import[0].version
    folding = _Folding(onnx, model, names)
    for index, node in enumerate(folding.nodes):
        if index in folding.dropped:
            continue
        if opset > OPSET:
            adapt(onnx, node, folding.constants, names)
        if not folding.absorb(index, node):
            folding.compute(index, node, opset)
        drop_zero(node, folding.constants)
    folding.finish()
    model.opset_import[0].version = min(opset, OPSET)


class _Constants(dict[str, np.ndarray]):
    """Computed values, and initializers, which are unpacked each time they are read."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        super().__init__()
        self._unpack = onnx.numpy_helper.to_array
        self._tensors = {each.name: each for each in graph.initializer}

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._tensors

    def __missing__(self, name: str) -> np.ndarray:
        return np.asarray(self._unpack(self._tensors[name]))

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a constant, or ``default`` if it is not a constant."""
        if name not in self:
            return default
        return self[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a constant, without unpacking it."""
        tensor = self._tensors.get(name)
        return self[name].shape if tensor is None else tuple(tensor.dims)


class _Folding:
    """A graph while its constants are computed."""

    def __init__(self, onnx: Any, model: Any, names: Names) -> None:
        self.nodes = list(model.graph.node)
        self.dropped: set[int] = set()
        self.constants = _Constants(onnx, model.graph)
        self._onnx = onnx
        self._graph = model.graph
        self._names = names
        self._memory = SPARE + GROWTH * model.ByteSize()
        self._answers = {each.name for each in model.graph.output}
        self._sources: dict[str, tuple[str, ...]] = {}  # initializers of a result
        self._copies: set[str] = set()
        self._readers: dict[str, list[int]] = {}
        for index, node in enumerate(self.nodes):
            for name in set(node.input):
                self._readers.setdefault(name, []).append(index)

    def compute(self, index: int, node: Any, opset: int) -> None:
        """Replace a node with its results, if it can be computed."""
        if any(each and each not in self.constants for each in node.input):
            return
        if not node.input and node.op_type != "Constant":
            return
        results = evaluate(self._onnx, node, opset, self.constants, self._memory)
        if results is None or len(results) < len(node.output):
            return
        made_of = [self._sources.get(each, (each,)) for each in node.input if each]
        for name, value in zip(node.output, results, strict=False):
            self._memory -= value.nbytes
            self.constants[name] = value
            self._sources[name] = tuple(dict.fromkeys(each for some in made_of for each in some))
            if node.op_type == "Identity":
                self._copies.add(name)
        self.dropped.add(index)

    def absorb(self, index: int, node: Any) -> bool:
        """Move the transposition of a matrix into the products that read it."""
        if node.op_type != "Transpose" or node.input[0] not in self.constants:
            return False
        turned, shape = node.output[0], self.constants.shape(node.input[0])
        products = self._readers.get(turned, [])
        perm = next((list(each.ints) for each in node.attribute if each.name == "perm"), [1, 0])
        if len(shape) != 2 or perm != [1, 0] or turned in self._answers or not products:
            return False
        if not all(self._multiplies_by(self.nodes[each], turned) for each in products):
            return False
        for each in products:
            product = self.nodes[each]
            product.input[1] = node.input[0]
            self._turn(product)
            if product.op_type == "MatMul":
                product.op_type = "Gemm"
                self._add_bias(product, shape[0])
        self.dropped.add(index)
        return True

    def _multiplies_by(self, product: Any, weight: str) -> bool:
        places = [place for place, name in enumerate(product.input) if name == weight]
        return product.op_type in ("Gemm", "MatMul") and places == [1]

    def _turn(self, product: Any) -> None:
        for each in product.attribute:
            if each.name == "transB":
                each.i = 0 if each.i else 1
                return
        product.attribute.append(self._onnx.helper.make_attribute("transB", 1))

    def _add_bias(self, product: Any, features: int) -> None:
        """Move the addition of a vector after a product into the product, as in layers."""
        made = product.output[0]
        readers = self._readers.get(made, [])
        if len(readers) != 1 or made in self._answers:
            return
        following = self.nodes[readers[0]]
        others = [each for each in following.input if each != made]
        if following.op_type != "Add" or len(others) != 1 or others[0] not in self.constants:
            return
        if self.constants.shape(others[0]) == (features,):
            product.input.append(others[0])
            product.output[0] = following.output[0]
            self.dropped.add(readers[0])

    def finish(self) -> None:
        """Turn the results that are read into initializers, in the order of their sources."""
        graph = self._graph
        kept = type(graph)()
        kept.node.extend(n for index, n in enumerate(self.nodes) if index not in self.dropped)
        del graph.node[:]
        graph.node.extend(kept.node)
        read = {name for node in graph.node for name in node.input} | self._answers
        place = {each.name: index for index, each in enumerate(graph.initializer)}
        for index in reversed(range(len(graph.initializer))):
            if graph.initializer[index].name not in read:
                del graph.initializer[index]
        taken = {self._names.values.get(each.name, "") for each in graph.initializer}
        for name in [name for name in self._sources if name in read]:
            source = self._source(name, taken)
            place[name] = place.get(source, len(place))
            if source:
                self._names.values[name] = self._names.values[source]
                taken.add(self._names.values[source])
            if self._sources[name] and self._names.buffers.issuperset(self._sources[name]):
                self._names.buffers.add(name)
            graph.initializer.append(self._onnx.numpy_helper.from_array(self.constants[name], name))
        graph.initializer.sort(key=lambda each: place[each.name])

    def _source(self, name: str, taken: set[str]) -> str:
        """The initializer that names a result: one of its shape, of its size, or the largest."""
        own = self._names.values.get(name, "")
        if name in self._copies and is_path(own) and "." in own:
            return ""
        shape = self.constants.shape(name)

        def likeness(source: str) -> tuple[bool, bool, int]:
            given = self.constants.shape(source)
            return given == shape, prod(given) == prod(shape), prod(given)

        free = [each for each in self._sources[name] if self._names.values[each] not in taken]
        return max((each for each in free if likeness(each)[2] > 1), key=likeness, default="")
