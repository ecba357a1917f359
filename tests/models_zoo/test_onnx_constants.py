"""Weights of an ONNX graph move wherever its exporter put them, as those of the network do."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from benchmark.spaces.selection import select_weights
from models_zoo import load_model

RANDOM = np.random.default_rng(0)
IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
FIRST = RANDOM.normal(size=(64, 16)).astype(np.float32)
SECOND = RANDOM.normal(size=(16, 3)).astype(np.float32)


def constant(name, values):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values))


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def numbers(name, *values):
    return numpy_helper.from_array(np.asarray(values, np.int64), name)


def initial(name, values):
    return numpy_helper.from_array(values, name)


SCALE = np.float32(0.05)
QUANTIZED = np.round(FIRST / SCALE).astype(np.int8)

WAYS = {
    "constant": ([constant("w", FIRST)], []),
    "constant-then-identity": ([constant("a", FIRST), node("Identity", "a", "w")], []),
    "transpose": ([node("Transpose", "a", "w", perm=[1, 0])], [initial("a", FIRST.T.copy())]),
    "transpose-of-constant": ([constant("a", FIRST.T.copy()), node("Transpose", "a", "w")], []),
    "two-transposes": (
        [node("Transpose", "a", "b"), node("Transpose", "b", "w")],
        [initial("a", FIRST)],
    ),
    "cast": ([node("Cast", "a", "w", to=1)], [initial("a", FIRST.astype(np.float16))]),
    "cast-of-integers": ([node("Cast", "a", "w", to=1)], [initial("a", QUANTIZED)]),
    "double": ([node("Cast", "a", "w", to=1)], [initial("a", FIRST.astype(np.float64))]),
    "product": ([node("Mul", "a s", "w")], [initial("a", FIRST / SCALE), initial("s", SCALE)]),
    "quotient": ([node("Div", "a s", "w")], [initial("a", FIRST * SCALE), initial("s", SCALE)]),
    "sum": ([node("Add", "a b", "w")], [initial("a", FIRST / 2), initial("b", FIRST / 2)]),
    "difference": ([node("Sub", "a b", "w")], [initial("a", FIRST * 2), initial("b", FIRST)]),
    "identity": ([node("Identity", "a", "w")], [initial("a", FIRST)]),
    "dequantized": (
        [node("DequantizeLinear", "a s", "w")],
        [initial("a", QUANTIZED), initial("s", SCALE)],
    ),
    "dequantized-by-channel": (
        [node("DequantizeLinear", "a s z", "w", axis=1)],
        [
            initial("a", QUANTIZED),
            initial("s", np.full(16, SCALE)),
            initial("z", np.zeros(16, np.int8)),
        ],
    ),
    "quantized-and-back": (
        [node("QuantizeLinear", "a s z", "b"), node("DequantizeLinear", "b s z", "w")],
        [initial("a", FIRST), initial("s", SCALE), initial("z", np.int8(0))],
    ),
    "reshape": ([node("Reshape", "a n", "w")], [initial("a", FIRST.ravel()), numbers("n", 64, 16)]),
    "unsqueeze-squeeze": (
        [node("Unsqueeze", "a n", "b"), node("Squeeze", "b n", "w")],
        [initial("a", FIRST), numbers("n", 0)],
    ),
    "concat": (
        [node("Concat", "a b", "w", axis=1)],
        [initial("a", FIRST[:, :7]), initial("b", FIRST[:, 7:])],
    ),
    "slice": (
        [node("Slice", "a b e", "w")],
        [initial("a", np.tile(FIRST, (2, 1))), numbers("b", 0, 0), numbers("e", 64, 16)],
    ),
    "gather": (
        [node("Gather", "a n", "w", axis=0)],
        [initial("a", FIRST), numbers("n", *range(64))],
    ),
    "split": (
        [helper.make_node("Split", ["a"], ["w", "rest"], axis=1)],
        [initial("a", np.tile(FIRST, (1, 2)))],
    ),
    "where": (
        [node("Where", "m a b", "w")],
        [initial("m", np.ones((64, 16), bool)), initial("a", FIRST), initial("b", FIRST)],
    ),
    "low-rank": (
        [node("MatMul", "a b", "c"), node("Add", "d c", "w")],
        [
            initial("a", np.zeros((64, 2), np.float32)),
            initial("b", np.ones((2, 16), np.float32)),
            initial("d", FIRST),
        ],
    ),
    "standardized": (
        [
            node("ReduceMean", "a", "m", axes=[0], keepdims=1),
            node("Sub", "a m", "c"),
            node("Mul", "c c", "q"),
            node("ReduceMean", "q", "v", axes=[0], keepdims=1),
            node("Sqrt", "v", "s"),
            node("Div", "c s", "w"),
        ],
        [initial("a", FIRST)],
    ),
    "from-the-batch": (
        [
            node("ReduceSum", "images", "t", keepdims=0),
            node("Mul", "t zero", "z"),
            node("Exp", "z", "one"),
            node("Mul", "a one", "w"),
        ],
        [initial("a", FIRST), initial("zero", np.float32(0))],
    ),
    "clipped": (
        [node("Clip", "a low high", "w")],
        [initial("a", FIRST), initial("low", np.float32(-9)), initial("high", np.float32(9))],
    ),
    "chain": (
        [
            constant("a", FIRST.T.astype(np.float16)),
            node("Cast", "a", "b", to=1),
            node("Mul", "b s", "c"),
            node("Identity", "c", "d"),
            node("Transpose", "d", "e", perm=[1, 0]),
            node("Reshape", "e n", "w"),
        ],
        [initial("s", np.float32(1)), numbers("n", 64, -1)],
    ),
}


def graph(nodes, initializers, product):
    """Two layers; the weight of the first is the value ``w``, which the nodes compute."""
    multiply = {
        "MatMul": [node("MatMul", "flat w", "hidden")],
        "Gemm": [node("Gemm", "flat w", "hidden")],
        "Einsum": [node("Einsum", "flat w", "hidden", equation="ij,jk->ik")],
        "Conv": [
            node("Transpose", "w", "t", perm=[1, 0]),
            node("Reshape", "t kernel", "k"),
            node("Conv", "images k", "maps"),
            node("Flatten", "maps", "hidden"),
        ],
    }[product]
    layers = [node("Flatten", "images", "flat"), *nodes, *multiply]
    layers += [node("Relu", "hidden", "positive"), node("MatMul", "positive second", "logits")]
    made = helper.make_graph(
        layers,
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [*initializers, initial("second", SECOND), numbers("kernel", 16, 1, 8, 8)],
    )
    newer = any(each.op_type.endswith("Linear") for each in nodes)
    opset = helper.make_opsetid("", 21 if newer else 13)
    return helper.make_model(made, opset_imports=[opset], ir_version=10)


def loaded(tmp_path, model):
    onnx.save(model, tmp_path / "net.onnx")
    return load_model(str(tmp_path / "net.onnx"))


@pytest.mark.parametrize("product", ["MatMul", "Gemm", "Einsum", "Conv"])
@pytest.mark.parametrize("way", WAYS)
def test_what_feeds_a_product_is_moved(tmp_path, way, product):
    nodes, initializers = WAYS[way]
    if way == "from-the-batch" and product == "Conv":
        pytest.skip("a kernel that depends on the images is refused")
    made = graph(nodes, initializers, product)
    model = loaded(tmp_path, made)
    moved = select_weights(model)
    assert sum(each.numel() for each in moved.values()) >= FIRST.size + SECOND.size
    before = model(IMAGES)
    from onnx.reference import ReferenceEvaluator

    (expected,) = ReferenceEvaluator(made).run(None, {"images": IMAGES.numpy()})
    assert np.allclose(before.numpy(), expected, atol=1e-2)
    for name, weight in moved.items():
        with torch.no_grad():
            parameter = model.get_parameter(name)
            parameter.zero_()
            changed = model(IMAGES)
            parameter.copy_(weight)
        assert not torch.allclose(changed, before) or weight.numel() == 2, name


def test_one_weight_of_two_products_is_one_parameter(tmp_path):
    square = RANDOM.normal(size=(64, 64)).astype(np.float32)
    layers = [
        node("Flatten", "images", "flat"),
        node("Gemm", "flat w", "a", transB=1),
        node("Relu", "a", "b"),
        node("Gemm", "b w", "c", transB=1),
        node("MatMul", "c second", "logits"),
    ]
    made = graph([], [], "MatMul")
    del made.graph.node[:], made.graph.initializer[:]
    made.graph.node.extend(layers)
    made.graph.initializer.extend((initial("w", square), initial("second", SECOND.repeat(4, 0))))
    model = loaded(tmp_path, made)
    assert sum(each.numel() for each in model.parameters()) == 64 * 64 + 64 * 3


class Rows(nn.Module):
    """Its products are of three dimensions, which exporters write as ``MatMul``."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.norm = nn.LayerNorm(16)
        self.mix = nn.Linear(16, 16, bias=False)
        self.head = nn.Linear(16, 3)

    def forward(self, images):
        rows = self.embed(self.bn(self.conv(images)).relu().mean(1))
        return self.head(self.mix(self.norm(rows)).relu().mean(1))


KEPT = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}


def test_the_recipe_that_keeps_batch_norm_gives_the_network_s_own_weights(exporting, tmp_path):
    torch.manual_seed(0)
    native = Rows()
    native(torch.rand(64, 1, 8, 8))
    native.eval()
    model = load_model(str(exporting.old_onnx(native, (1, 8, 8), tmp_path / "net.onnx", **KEPT)))
    assert torch.allclose(model(IMAGES), native(IMAGES), atol=1e-5)
    expected = {name: tuple(each.shape) for name, each in native.named_parameters()}
    found = {name: tuple(each.shape) for name, each in model.network.named_parameters()}
    assert found == expected
    for rule in ("all", "no-normalization", "kernels"):
        chosen = {f"network.{name}" for name in select_weights(native, rule)}
        assert set(select_weights(model, rule)) == chosen


def test_the_caller_s_generator_is_left_as_it_was(tmp_path):
    made = graph(*WAYS["low-rank"], "Gemm")
    before = torch.get_rng_state()
    loaded(tmp_path, made)
    assert torch.equal(torch.get_rng_state(), before)
