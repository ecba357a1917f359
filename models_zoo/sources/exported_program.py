"""Programs of ``torch.export`` (``.pt2``) as PyTorch modules, for trusted files only.

A program is code: the content of the file is compiled to Python and run. It is therefore not read
unless the caller says that the file is trusted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, TensorArgument

from models_zoo.errors import InputError, reason_of, shown

Restore = Callable[[Tensor], nn.Module]


def _batch_norm(weight: Tensor) -> nn.Module:
    return nn.BatchNorm2d(len(weight))


def _layer_norm(weight: Tensor) -> nn.Module:
    return nn.LayerNorm(list(weight.shape))


def _group_norm(weight: Tensor) -> nn.Module:
    return nn.GroupNorm(1, len(weight))


NORMALIZING: dict[str, Restore] = {
    "batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "layer_norm": _layer_norm,
    "native_layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "native_group_norm": _group_norm,
}
"""Operations of normalization layers, with a layer that can hold their weight."""


def read_exported(
    path: Path, data: bytes, *, trust: bool
) -> tuple[fx.GraphModule, tuple[int | None, ...]]:
    """The network of an exported program, and the shape of an image as the program states it.

    Args:
        path: of the file, for messages.
        data: what ``torch.export.save`` wrote.
        trust: whether the caller trusts it to run code.

    Returns:
        A module in eval mode with the program's parameters under their own names, and
        (channels, height, width), with ``None`` for a dynamic dimension.

    Raises:
        InputError: it is not trusted, is missing or damaged, or does not have the inputs and
            outputs of a classifier.
    """
    if not trust:
        raise untrusted(path)
    program = _read(path, data)
    images = [
        each.arg.name
        for each in program.graph_signature.input_specs
        if each.kind == InputKind.USER_INPUT and isinstance(each.arg, TensorArgument)
    ]
    outputs = program.graph_signature.user_outputs
    if len(images) != 1 or len(outputs) != 1:
        raise InputError(
            f"model {shown(path)} has {len(images)} inputs and {len(outputs)} outputs; "
            "a classifier has one input, images, and one output, logits"
        )
    (taken,) = (node for node in program.graph.nodes if node.name == images[0])
    return _as_module(program), _image_shape(taken.meta["val"], path)


def untrusted(path: Path) -> InputError:
    """The error for a program that the user has not declared trusted."""
    return InputError(
        f"model {shown(path)} is refused: it is an exported program, and loading one can execute "
        "code; if you trust where it comes from, give --trust (in Python trust=True), or "
        "export it as ONNX"
    )


def _read(path: Path, data: bytes) -> ExportedProgram:
    try:
        with warnings.catch_warnings(action="ignore"):
            return torch.export.load(BytesIO(data))
    except Exception as error:  # a damaged file can fail anywhere in the reader
        raise InputError(
            f"model {shown(path)} is damaged or not an exported program ({reason_of(error)}); "
            "export it again"
        ) from error


def _image_shape(images: Tensor, path: Path) -> tuple[int | None, ...]:
    if images.ndim != 4 or images.dtype != torch.float32:
        raise InputError(
            f"model {shown(path)} takes {images.dtype} of {images.ndim} dimensions; "
            "images are float32 (N, C, H, W)"
        )
    return tuple(size if isinstance(size, int) else None for size in images.shape[1:])


def _as_module(program: ExportedProgram) -> fx.GraphModule:
    """A plain module, which can be put into eval mode and sent to another process.

    The module of a program refuses both. It also requires batches of the size of the example it was
    exported with; whether other sizes work is tested when the network is examined.
    """
    module = program.module()
    if not isinstance(module, fx.GraphModule):
        raise TypeError(f"an exported program gave a {type(module).__name__}")
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    answer = graph.graph_copy(module.graph, copies)
    while isinstance(answer, tuple | list):
        (answer,) = answer
    graph.output(answer)
    for node in list(graph.nodes):
        if node.op == "call_module" and node.target == "_guards_fn":
            graph.erase_node(node)
    network = fx.GraphModule(module, graph)
    _restore_normalization(network)
    return network.eval()


def _restore_normalization(network: fx.GraphModule) -> None:
    """Put the tensors of a normalization into a layer of its kind, which weight rules recognize.

    The graph reads them from that layer, which itself is never called.
    """
    for node in network.graph.nodes:
        operation = str(getattr(node.target, "__name__", "")).partition(".")[0]
        if node.op != "call_function" or operation not in NORMALIZING:
            continue
        for given in node.all_input_nodes:
            layer = str(given.target).rpartition(".")[0]
            if given.op == "get_attr" and layer:
                _retype(network, layer, NORMALIZING[operation])


def _retype(network: fx.GraphModule, path: str, restore: Restore) -> None:
    plain = network.get_submodule(path)
    weight = getattr(plain, "weight", None)
    if type(plain) is not nn.Module or not isinstance(weight, Tensor):
        return
    layer = restore(weight)
    for name, parameter in plain.named_parameters(recurse=False):
        layer.register_parameter(name, nn.Parameter(parameter.detach()))
    for name, buffer in plain.named_buffers(recurse=False):
        layer.register_buffer(name, buffer)
    home, _, name = path.rpartition(".")
    setattr(network.get_submodule(home), name, layer)
