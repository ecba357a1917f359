"""ONNX files of which each must be refused in one line: too large, or wrong."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHT = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), output.split(), name=f"my-{kind}", **attributes)


def numbers(name, *values):
    return numpy_helper.from_array(np.asarray(values, np.int64), name)


def floats(name, values):
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def model(*nodes, initializers=(), dims=("n", 1, 8, 8), kind=TensorProto.FLOAT, opset=17):
    """The nodes compute ``x`` from ``images``; a layer with the weight ``w`` follows."""
    layers = [*nodes, node("Flatten", "x" if nodes else "images", "flat")]
    layers.append(node("Gemm", "flat w", "logits"))
    graph = helper.make_graph(
        layers,
        "graph",
        [helper.make_tensor_value_info("images", kind, dims)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [floats("w", WEIGHT), *initializers],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def changed(change):
    made = model()
    change(made)
    return made


def claims(*dims, **fields):
    return onnx.TensorProto(name="c", data_type=1, dims=dims, **fields)


def away(tensor):
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def constant(tensor):
    return helper.make_node("Constant", [], ["c"], "my-Constant", value=tensor)


BIG = numbers("s", 2**20, 2**20)
ADDED = node("Add", "images c", "x")

LARGE = {
    "constant-of-shape": model(node("ConstantOfShape", "s", "c"), ADDED, initializers=[BIG]),
    "expand": model(node("Expand", "one s", "c"), ADDED, initializers=[BIG, floats("one", [1.0])]),
    "tile": model(node("Tile", "one s", "c"), ADDED, initializers=[BIG, floats("one", [[1.0]])]),
    "tile-of-images": model(
        node("Tile", "images s", "x"), initializers=[numbers("s", 1, 2**15, 2**15, 1)]
    ),
    "range": model(
        node("Range", "a b d", "c"),
        ADDED,
        initializers=[floats("a", 0), floats("b", 1e12), floats("d", 1)],
    ),
    "pad": model(
        node("Pad", "images s", "x"), initializers=[numbers("s", *(0, 0, 0, 0, 0, 0, 2**20, 2**20))]
    ),
    "outer-product": model(
        node("MatMul", "a b", "c"),
        ADDED,
        initializers=[floats("a", np.ones((2**17, 1))), floats("b", np.ones((1, 2**17)))],
    ),
    "doubling": model(
        *(
            node("Concat", f"{'images' if k == 0 else f'c{k}'} " * 2, f"c{k + 1}", axis=1)
            for k in range(40)
        ),
        node("Identity", "c40", "x"),
    ),
    "doubling-of-constants": model(
        *(
            node("Concat", f"{'one' if k == 0 else f'c{k}'} " * 2, f"c{k + 1}", axis=0)
            for k in range(40)
        ),
        node("Add", "images c40", "x"),
        initializers=[floats("one", [1.0])],
    ),
    "resize": model(
        node("Resize", "images roi scales", "x"),
        initializers=[floats("roi", []), floats("scales", [1, 1, 2**15, 2**15])],
    ),
    "wide-images": model(dims=["n", 2**20, 2**20, 8]),
    "claimed": changed(lambda m: m.graph.initializer.append(claims(2**20, 2**20))),
    "claimed-in-raw": changed(
        lambda m: m.graph.initializer.append(claims(2**14, raw_data=b"1234"))
    ),
    "claimed-of-constant": model(constant(claims(2**30, raw_data=b"1")), ADDED),
    "convolution": model(
        node("Pad", "images s", "p"),
        node("Conv", "p k", "x"),
        initializers=[
            numbers("s", *(0, 0, 0, 0, 0, 0, 2000, 2000)),
            floats("k", np.ones((64, 1, 99, 99))),
        ],
    ),
}

WRONG = {
    "external initializer": (
        changed(lambda m: away(m.graph.initializer[0])),
        "keeps its weights in another file",
    ),
    "external constant": (model(constant(away(claims(1))), ADDED), "another file"),
    "external data without a place": (
        changed(lambda m: m.graph.initializer[0].external_data.add(key="location", value="x")),
        "another file",
    ),
    "unknown operator": (model(node("Magic", "images", "x")), "'my-Magic' (Magic), an operator"),
    "operator without converter": (
        model(node("Det", "images", "x")),
        "'my-Det' (Det), an operator",
    ),
    "operator of another domain": (model(node("Relu", "images", "x", domain="ai.own")), "'ai.own'"),
    "kernel that is computed": (
        model(node("Relu", "images", "k"), node("Conv", "images k", "x")),
        "'my-Conv' (Conv), which cannot be converted to PyTorch: its input 'k' is not constant",
    ),
    "node that fails": (
        model(node("Reshape", "images s", "x"), initializers=[numbers("s", 5, 7)]),
        "at node 'my-Reshape' (Reshape)",
    ),
    "cycle": (
        model(node("Add", "images b", "a"), node("Add", "a a", "b"), node("Relu", "b", "x")),
        "reads 'b': no node before it computes that",
    ),
    "computed twice": (
        model(node("Relu", "images", "x"), node("Abs", "images", "x")),
        "second time",
    ),
    "empty graph": (changed(lambda m: m.graph.ClearField("node")), "it has no nodes"),
    "no graph": (changed(lambda m: m.ClearField("graph")), "contains no graph"),
    "no outputs": (changed(lambda m: m.graph.ClearField("output")), "1 inputs and 0 outputs"),
    "no opset": (changed(lambda m: m.ClearField("opset_import")), "states 0 versions"),
    "opset of the future": (model(opset=999), "is of opset 999"),
    "opset of the past": (model(opset=1), "is of opset 1"),
    "unknown type": (
        changed(lambda m: setattr(m.graph.initializer[0], "data_type", 77)),
        "element type 77",
    ),
    "texts": (changed(lambda m: setattr(m.graph.initializer[0], "data_type", 8)), "type STRING"),
    "uint8 images": (model(kind=TensorProto.UINT8), "type UINT8; images are FLOAT"),
    "unknown type of images": (model(kind=99), "type 99; images are FLOAT"),
    "three dimensions": (model(dims=["n", 8, 8]), "3 dimensions"),
    "negative dimension": (model(dims=["n", -1, 8, 8]), "states 'images' of"),
    "unknown attribute": (model(node("Relu", "images", "x", alpha=1.0)), "'alpha'"),
    "no inputs": (model(node("Relu", "", "x")), "0 inputs"),
    "stride zero": (
        model(node("MaxPool", "images", "x", kernel_shape=[2, 2], strides=[0, 0])),
        "strides",
    ),
    "split by too many": (
        model(node("Split", "images", "x y", num_outputs=2**31 - 1), opset=18),
        "'my-Split' (Split)",
    ),
    "line breaks": (
        model(helper.make_node("Magic", ["images"], ["x"], "a\n\x1b[31mb")),
        r"a\n\x1b[31mb",
    ),
    "long names": (model(helper.make_node("Magic", ["images"], ["x"], "a" * 200000)), "(Magic)"),
}
