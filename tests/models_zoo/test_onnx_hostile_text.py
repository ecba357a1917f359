"""An ONNX file runs none of its author's code, whatever text is in whichever place of it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from models_zoo import InputError, load_model
from models_zoo.sources.generated_code import check_code

EQUATION = "ij,jk->ik"
CALL = 'open("ran","w")'
PAYLOADS = [
    f'training"),{CALL},getattr(self,"training',
    f'training"),{CALL},getattr(self,"training.weight',
    f"training'),{CALL},getattr(self,'training",
    f"a;{CALL}#",
    f"a\n    {CALL}\n    b",
    f"a\r    {CALL}\r",
    f"a\u2028    {CALL}\u2029\x85\x0c",
    f'a\\"),{CALL},(\\"',
    f'"""+str({CALL})+"""',
    f"{{{CALL}}}",
    f"(self:={CALL}).weight",
    "__class__.__init__.__globals__",
    "self.forward or __import__('os').system('touch ran')",
    '$(touch ran)`touch ran`";touch ran;"',
    "{0.__init__.__globals__}%(name)s",
    "é" * 70000,
    "",
]

WEIGHTS = np.random.default_rng(0).normal(size=(6, 64)).astype(np.float32)


def tensor(values, name):
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def entry(text):
    return onnx.StringStringEntryProto(key=f"{text}-key", value=f"{text}-value")


def plain():
    """A network that loads, with a text of its own in every place that a network may have one."""
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"], "flatten-node", "node-doc", axis=1),
        helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["hidden"], "gemm-node"),
        helper.make_node("Constant", [], ["moved"], "constant-node", value=tensor([1], "inner")),
        helper.make_node("Add", ["hidden", "moved"], ["added"], "add-node"),
        helper.make_node("Relu", ["added"], ["positive"], "relu-node"),
        helper.make_node(
            "Einsum", ["positive", "last"], ["logits"], "e-node", equation="ij,jk->ik"
        ),
    ]
    nodes[1].attribute.append(helper.make_attribute("transB", 1, doc_string="attribute-doc"))
    graph = helper.make_graph(
        nodes,
        "graph-name",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 8, 8], "in-doc")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 3], "out-doc")],
        [
            tensor(WEIGHTS, "fc.weight"),
            tensor(np.zeros(6), "fc.bias"),
            tensor(WEIGHTS[:, :3], "last"),
        ],
        "graph-doc",
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["columns", 6], "value-doc")],
    )
    graph.input[0].type.denotation = "IMAGE"
    graph.input[0].type.tensor_type.shape.dim[1].denotation = "CHANNEL"
    graph.initializer[0].doc_string = "tensor-doc"
    note = graph.quantization_annotation.add(tensor_name="positive")
    note.quant_parameter_tensor_names.append(entry("quantization"))
    for part in (graph, graph.node[1], graph.value_info[0], graph.initializer[1]):
        part.metadata_props.append(entry(part.DESCRIPTOR.name))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("opset.domain", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="producer")
    model.producer_version, model.domain, model.doc_string = "version", "model.domain", "model-doc"
    model.metadata_props.append(entry("model"))
    return model


def full():
    """As :func:`plain`, with what is refused as well: branches, functions, sparse tensors, ..."""
    model = plain()
    inner = helper.make_graph(
        [helper.make_node("Identity", ["moved"], ["same"], "then-node", "then-doc")],
        *("then-name", [], [helper.make_tensor_value_info("same", TensorProto.FLOAT, ["size"])]),
    )
    branch = helper.make_node("If", ["condition"], ["chosen"], "if-node")
    branch.attribute.append(helper.make_attribute("then_branch", inner))
    branch.attribute.append(helper.make_attribute("else_branch", inner))
    call = helper.make_node("Function", ["moved"], ["called"], "call-node", domain="f.domain")
    call.overload = "overload"
    texts = helper.make_node("Constant", [], ["texts"], "texts-node", value_strings=["text-value"])
    words = helper.make_node("Constant", [], ["words"], "words-node")
    words.attribute.append(
        helper.make_attribute("value", helper.make_tensor("w", TensorProto.STRING, [1], [b"word"]))
    )
    model.graph.node.extend((branch, texts, words))
    function = model.functions.add(name="Function", domain="f.domain", doc_string="function-doc")
    function.input.append("function-input")
    function.output.append("function-output")
    function.attribute.append("function-attribute")
    function.node.append(
        helper.make_node("Relu", ["function-input"], ["function-output"], "f-node")
    )
    function.node[0].attribute.add(name="alpha", ref_attr_name="referred", type=1)
    function.opset_import.append(helper.make_opsetid("function.domain", 1))
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            tensor([1], "sparse-values"),
            helper.make_tensor("sparse-indices", TensorProto.INT64, [1], [0]),
            [4],
        )
    )
    training = model.training_info.add()
    training.algorithm.name = "training-graph"
    training.algorithm.node.append(helper.make_node("Relu", ["a"], ["b"], "training-node"))
    training.update_binding.append(entry("binding"))
    opaque = model.graph.input.add(name="opaque-input").type.opaque_type
    opaque.domain, opaque.name = "opaque-domain", "opaque-name"
    function.overload = "function-overload"
    model.configuration.add(name="configuration", num_devices=1).device.append("device")
    split = call.device_configurations.add(configuration_id="configured").sharding_spec.add()
    split.tensor_name = "split-tensor"
    split.sharded_dim.add().simple_sharding.add(dim_param="split-size")
    model.graph.node.append(call)
    away = model.graph.initializer.add(name="away", data_type=1, dims=[1], data_location=1)
    away.external_data.add(key="location", value="elsewhere.bin")
    return model


def places(message):
    """Every text within a message: (message, field, index, text)."""
    for field, value in list(message.ListFields()):
        for index, each in enumerate(value if field.is_repeated else [value]):
            if field.message_type is not None:
                yield from places(each)
            elif isinstance(each, str | bytes) and field.name != "raw_data":
                yield message, field, index, each if isinstance(each, str) else each.decode()


def replaced(build, old, new):
    """A model with one text in the place of another, wherever that is."""
    model = build()
    for message, field, index, text in places(model):
        if text != old:
            continue
        value = new.encode() if field.type == field.TYPE_BYTES else new
        if field.is_repeated:
            getattr(message, field.name)[index] = value
        else:
            setattr(message, field.name, value)
    return model


def texts(build):
    return sorted({text for *_, text in places(build())})


@pytest.fixture
def loading(tmp_path, monkeypatch):
    """Loads a model in an empty folder; fails where anything was left in it."""
    monkeypatch.chdir(tmp_path)

    def load(model):
        Path("net.onnx").write_bytes(model.SerializeToString())
        answer = attempt()
        assert [each.name for each in tmp_path.iterdir()] == ["net.onnx"]
        if isinstance(answer, str):
            assert answer.isprintable()
            assert len(answer) < 600
        return answer

    def attempt():
        try:
            return load_model("net.onnx")
        except InputError as error:
            return str(error)

    return load


FIXED = {
    *("Flatten", "Gemm", "Constant", "Add", "Relu", "Einsum", ""),
    *("axis", "transB", "value", "equation", EQUATION),
}
"""Texts of :func:`plain` that are ONNX's own; another text in their place is refused."""


@pytest.mark.parametrize("old", texts(plain))
def test_a_text_of_a_network_that_loads_is_never_code(loading, old):
    expected = loading(plain())(torch.ones(1, 1, 8, 8))
    for payload in PAYLOADS:
        model = loading(replaced(plain, old, payload))
        if old in FIXED or not payload:
            continue
        assert torch.equal(model(torch.ones(1, 1, 8, 8)), expected), payload
        assert all("(" not in name for name, _ in model.named_parameters())


@pytest.mark.parametrize("old", sorted({*texts(full)} - {*texts(plain)}))
def test_a_text_of_what_is_refused_is_never_code(loading, old):
    for payload in PAYLOADS[:6]:
        assert isinstance(loading(replaced(full, old, payload)), str)


def test_every_kind_of_text_of_the_format_is_tried():
    tried = {(message.DESCRIPTOR.name, field.name) for message, field, *_ in places(full())}
    seen, waiting = set(), [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        kind = waiting.pop()
        for field in kind.fields:
            if field.message_type is not None and (kind, field) not in seen:
                waiting.append(field.message_type)
            elif field.message_type is None and field.type in (field.TYPE_STRING, field.TYPE_BYTES):
                seen.add((kind.name, field.name))
            if field.message_type is not None:
                seen.add((kind, field))
    left = {each for each in seen if isinstance(each[1], str)} - tried
    assert left == {("TensorProto", "raw_data")}


@pytest.mark.parametrize(
    "line",
    [
        f"a = {CALL}",
        f"a = self.a({CALL})",
        f'a = getattr(self, "a"),{CALL}',
        f"a = getattr(self, {CALL})",
        f"self.a = {CALL}",
        CALL,
        "import os",
        "a = self.__class__()",
        "a = images.__class__",
        "a = images.numpy()",
        "a = torch.load(images)",
        "a = torch.ops.add(images)",
        "a = images[self.a()]",
        "a = lambda: 0",
        "a = [b for b in images]",
        "a = f'{images}'",
        "a = 'text'",
        "getattr = self.a(images)",
        "torch = self.a(images)",
        "a = b",
        "a = self.a(*images)",
        "a = self.a(**images)",
        "a = b = self.a(images); import os",
        "return self.a(images)",
        "if images: pass",
        "def a(): pass",
        "a: self.a() = 0",
        'a = getattr(self, "__class__")()',
        "a = getattr",
        "a = (",
        "a = self.a(images)\0",
    ],
)
def test_generated_code_of_another_form_is_not_run(line):
    with pytest.raises(InputError):
        check_code([f"{line}\n"])


def test_generated_code_of_converted_networks_is_run():
    lines = [
        "# COUNTER: 0\n",
        'a = getattr(self.layers, "0").conv(images);  images = None\n',
        "b = self.initializers.t0\n",
        "c = torch.add(a, b)\nd = c.reshape(-1, 4)\n",
        "e = self.split(d, axis = (1, 2.5, None));  d = None\nf = e[1]\n",
        "return f",
    ]
    assert check_code(lines) == lines


@pytest.mark.parametrize(
    "command",
    [
        ("models", "show", "net.onnx"),
        ("bench", "--checkpoint", "net.onnx", "--battery", "digits-v1", "--probe", "clean"),
        ("submit", "net.onnx", "--name", "mine", "--dataset", "digits", "--probe", "clean"),
        ("check", "net.onnx"),
    ],
    ids=lambda words: words[0],
)
def test_no_command_runs_what_is_in_a_name(tmp_path, monkeypatch, command):
    from typer.testing import CliRunner

    from leaderboard.cli import app

    monkeypatch.chdir(tmp_path)
    for payload in PAYLOADS[:2]:
        model = plain()
        for message, field, index, text in places(model):
            if text in FIXED:
                continue
            new = f"{payload}{text}" if payload.endswith("training") else f"{text}{payload}"
            if field.is_repeated:
                getattr(message, field.name)[index] = new
            else:
                setattr(message, field.name, new)
        Path("net.onnx").write_bytes(model.SerializeToString())
        CliRunner().invoke(app, list(command))
        assert not Path("ran").exists()
