"""ONNX graphs that ask for too much, reach outside, or compute what no classifier should."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.hostile_files import graph_texts, graphs
from tests.hostile_files.cases.material import weights
from tests.hostile_files.graphs import away, constant, floats, node, numbers
from tests.hostile_submissions.entry import GRAPH, Entry, content


def classifier(
    *after: onnx.NodeProto,
    before: Sequence[onnx.NodeProto] = (),
    initializers: Sequence[onnx.TensorProto] = (),
    classes: int = 10,
):
    """A good network, with something computed from its images or its logits.

    Args:
        *after: compute ``out`` from ``logits``.
        before: compute ``x`` from ``images``.
        initializers: constants that these use.
        classes: number of logits.
    """
    layers = [*before, node("Flatten", "x" if before else "images", "h0")]
    for place in (1, 2, 3):
        result = f"l{place}" if place < 3 else "logits"
        layers.append(node("Gemm", f"h{place - 1} w{place} b{place}", result, transB=1))
        if place < 3:
            layers.append(node("Relu", result, f"h{place}"))
    held = [
        floats(f"{letter}{place}", weights()[f"linear{place}.{name}"].numpy())
        for place in (1, 2, 3)
        for letter, name in (("w", "weight"), ("b", "bias"))
    ]
    made = helper.make_graph(
        [*layers, *after],
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [
            helper.make_tensor_value_info(
                "out" if after else "logits", TensorProto.FLOAT, ["n", classes]
            )
        ],
        [*held, *initializers],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def inner(*nodes: onnx.NodeProto, output: str = "y") -> onnx.GraphProto:
    """A graph inside a node."""
    value = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    return helper.make_graph(list(nodes), "inner", [], [value])


def branching():
    """Each branch is a graph with an If of its own, 40 deep."""
    body = inner(node("Identity", "images", "y"))
    for _ in range(40):
        branch = node("If", "c", "y", then_branch=body, else_branch=body)
        body = inner(branch)
        if body.ByteSize() > 1 << 20:
            break
    return classifier(before=(node("If", "c", "x", then_branch=body, else_branch=body),))


def looping():
    """A loop of 2^60 rounds."""
    body = helper.make_graph(
        [node("Identity", "c", "d"), node("Relu", "v", "w")],
        "body",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("i", "c", "v")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("d", "w")],
    )
    loop = node("Loop", "n c images", "x", body=body)
    return classifier(before=(loop,), initializers=[numbers("n", 1 << 60)])


def scanning():
    """A scan over the images."""
    body = inner(node("Relu", "images", "y"))
    return classifier(before=(node("Scan", "images", "x", body=body, num_scan_inputs=1),))


def functions(recursive: bool):
    """A function that calls itself, or 60 that each call the next one twice."""
    made = classifier(before=(helper.make_node("f0", ["images"], ["x"], domain="own"),))
    made.opset_import.append(helper.make_opsetid("own", 1))
    for place in range(1 if recursive else 60):
        call = f"f{0 if recursive else place + 1}"
        function = helper.make_function(
            *("own", f"f{place}", ["a"], ["c"]),
            [
                helper.make_node(call, ["a"], ["b"], domain="own"),
                helper.make_node(call, ["b"], ["c"], domain="own"),
            ],
            [helper.make_opsetid("own", 1)],
        )
        made.functions.append(function)
    return made


def redefined():
    """A function in the place of one of ONNX's own operators."""
    made = classifier()
    made.functions.append(
        helper.make_function(
            *("", "Relu", ["X"], ["Y"]),
            [helper.make_node("RandomNormalLike", ["X"], ["Y"])],
            [helper.make_opsetid("", 17)],
        )
    )
    return made


def chain(count: int):
    """A network of many layers."""
    names = ["images", *(f"k{place}" for place in range(count - 1)), "x"]
    return classifier(
        before=tuple(node("Relu", first, second) for first, second in itertools.pairwise(names))
    )


def external(location: str):
    """Weights that are in another file."""
    made = classifier()
    tensor = away(made.graph.initializer[0])
    tensor.external_data[0].value = location
    tensor.ClearField("raw_data")
    return made


def sparse_weights():
    """A weight of which only some numbers are given, at places that do not exist."""
    made = graphs.model(graphs.ADDED)
    made.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            floats("c", [1.0]),
            helper.make_tensor("places", TensorProto.INT64, [1], [-5]),
            [1 << 40],
        )
    )
    return made


def many_outputs(count: int = 2000):
    """A model with thousands of outputs."""
    made = classifier()
    for place in range(count):
        made.graph.output.add(name=f"o{place}")
    return made


def data_dependent():
    """The size of a tensor is computed from the images: a billion times their sum."""
    return classifier(
        before=(
            node("ReduceSum", "images", "sum", keepdims=0),
            node("Mul", "sum billion", "size"),
            node("Range", "zero size one", "range"),
            node("ReduceSum", "range", "total", keepdims=0),
            node("Add", "images total", "x"),
        ),
        initializers=[
            floats("billion", 1e9),
            floats("zero", 0.0),
            floats("one", 1.0),
        ],
    )


RANDOM = node("RandomUniformLike", "images", "r")

REFUSED = {
    "external data at /etc/passwd": (external("/etc/passwd"), "onnx-graph"),
    "external data outside": (external("../" * 10 + "etc/passwd"), "onnx-graph"),
    "external data in a file of the process": (external("/proc/self/environ"), "onnx-graph"),
    "external constant": (
        classifier(before=(constant(away(graphs.claims(1))), node("Add", "images c", "x"))),
        "onnx-graph",
    ),
    "branches in branches": (branching(), "onnx-graph"),
    "loop of 2^60 rounds": (looping(), "onnx-graph"),
    "scan": (scanning(), "onnx-graph"),
    "function that calls itself": (functions(recursive=True), "onnx-graph"),
    "functions that make 2^60 nodes": (functions(recursive=False), "onnx-graph"),
    "function in place of an operator": (redefined(), "onnx-graph"),
    "sparse weights outside": (sparse_weights(), "onnx-graph"),
    "thousands of outputs": (many_outputs(), "onnx-graph"),
    "size computed from the images": (data_dependent(), "onnx-graph"),
    "random noise": (classifier(before=(RANDOM, node("Add", "images r", "x"))), "onnx-graph"),
    "random noise on the logits": (
        classifier(node("RandomNormalLike", "logits", "r"), node("Add", "logits r", "out")),
        "onnx-graph",
    ),
    "dropout in training": (
        classifier(
            node("Dropout", "logits ratio yes", "out"),
            initializers=[floats("ratio", 0.5), numpy_helper.from_array(np.array(True), "yes")],
        ),
        "onnx-graph",  # its outputs are random
    ),
    "batch norm in training": (
        classifier(
            node("BatchNormalization", "logits one zero zero one", "out m v", training_mode=1),
            initializers=[floats("one", np.ones(10)), floats("zero", np.zeros(10))],
        ),
        "onnx-graph",
    ),
    "part of the batch's mean": (
        classifier(
            node("ReduceMean", "logits", "mean", axes=[0], keepdims=1),
            node("Sub", "logits mean", "out"),
        ),
        "batch-dependence",
    ),
    "softmax inside": (classifier(node("Softmax", "logits", "out", axis=1)), "softmax-inside"),
    "seven classes": (
        classifier(
            node("Slice", "logits from to axes", "out"),
            initializers=[numbers("from", 0), numbers("to", 7), numbers("axes", 1)],
            classes=7,
        ),
        "class-count",
    ),
    "constant logits": (
        classifier(node("Mul", "logits none", "out"), initializers=[floats("none", 0.0)]),
        "at-chance",
    ),
    "NaN for every image": (
        classifier(node("Log", "logits", "q"), node("Sqrt", "q", "out")),
        "nonfinite-logits",
    ),
    "classes turned around": (
        classifier(
            node("Gather", "logits order", "out", axis=1),
            initializers=[numbers("order", *reversed(range(10)))],
        ),
        "class-order",
    ),
    "logits of one image only": (
        classifier(
            node("Slice", "logits from to axes", "out"),
            initializers=[numbers("from", 0), numbers("to", 1), numbers("axes", 0)],
        ),
        "forward-pass",
    ),
    "logits of three axes": (
        classifier(node("Unsqueeze", "logits axes", "out"), initializers=[numbers("axes", 2)]),
        "forward-pass",
    ),
    "rounded logits": (
        classifier(
            node("Mul", "logits ten", "m"),
            node("Round", "m", "out"),
            initializers=[floats("ten", 0.1)],
        ),
        "gradient-masking",
    ),
    "a graph of the zoo's weights": (classifier(), "duplicate"),
}
"""Graphs and the finding that each has to get."""


def graph_entries() -> Iterator[Entry]:
    """These, those of ``tests/hostile_files``, and texts in every place of a graph."""
    for name, (made, expected) in REFUSED.items():
        data = made.SerializeToString()
        yield Entry(
            *("ONNX graphs", name, content(data), frozenset({expected}), GRAPH, "model.onnx")
        )
    others = {name: (each, "") for name, each in graphs.LARGE.items()} | graphs.WRONG
    for name, (made, _) in others.items():
        expected = "file-type" if name == "no graph" else "onnx-graph"
        yield Entry(
            *("ONNX graphs", f"{name} (small)", content(made.SerializeToString())),
            *(frozenset({expected}), GRAPH, "model.onnx"),
        )
    free = {*graph_texts.texts(graph_texts.plain)} - graph_texts.FIXED
    for number, payload in enumerate(graph_texts.PAYLOADS):
        new = {old: f"{place}{payload}" for place, old in enumerate(sorted(free))}
        made = graph_texts.replaced(graph_texts.plain, new)
        yield Entry(
            *("ONNX texts", f"{number}: {payload[:30]}", content(made.SerializeToString())),
            *(frozenset({"class-count"}), GRAPH, "model.onnx"),
        )
    layers = content(chain(1000).SerializeToString())
    yield Entry(
        *("ONNX graphs", "a thousand layers", layers, frozenset(), GRAPH, "model.onnx"),
        accepted=True,
        costly=True,
    )
    made = graph_texts.full()
    yield Entry(
        *("ONNX graphs", "everything that is refused", content(made.SerializeToString())),
        *(frozenset({"onnx-graph"}), GRAPH, "model.onnx"),
    )
