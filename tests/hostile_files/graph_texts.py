"""ONNX graphs with a text of an author in every place of the format that holds one."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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
        helper.make_attribute("value", helper.make_tensor("w", TensorProto.STRING, [1], [b"word"]))  # type: ignore[list-item]
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


def replaced(build, new):
    """A model with other texts in the places of some: ``{old: new}``, wherever the old ones are."""
    model = build()
    for message, field, index, text in list(places(model)):
        if text not in new:
            continue
        value = new[text].encode() if field.type == field.TYPE_BYTES else new[text]
        if field.is_repeated:
            getattr(message, field.name)[index] = value
        else:
            setattr(message, field.name, value)
    return model


def texts(build):
    return sorted({text for *_, text in places(build())})


FIXED = {
    *("Flatten", "Gemm", "Constant", "Add", "Relu", "Einsum", ""),
    *("axis", "transB", "value", "equation", EQUATION),
}
"""Texts of :func:`plain` that are ONNX's own; another text in their place is refused."""
