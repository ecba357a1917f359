"""Plain convolutional networks, written layer by layer: ``cnn:32-64s2-fc64``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.architectures.families import register_family
from models_zoo.architectures.shape import Shape
from models_zoo.errors import InputError, shown

LAYERS, WIDEST = 64, 8192
"""Maximum number of layers, and of the channels or units of a layer."""

_TOKEN = re.compile(
    r"(?P<fc>fc)?(?P<width>[0-9]{1,9})(k(?P<kernel>[0-9]{1,2}))?(s(?P<stride>[0-9]{1,2}))?"
    r"(p(?P<padding>[0-9]{1,2}))?(?P<norm>b)?(?P<free>w)?|(?P<pool>[MA])(?P<size>[2-8])?|(?P<mean>G)"
)


@dataclass(frozen=True)
class Layer:
    """One layer of a name.

    Attributes:
        kind: ``"conv"``, ``"linear"``, ``"max"``, ``"average"`` or ``"mean"`` (global average
            pooling).
        width: channels or units.
        kernel: kernel size of a convolution or pooling.
        stride: of a convolution.
        padding: of a convolution.
        norm: whether batch norm follows.
        bias: whether a convolution or linear layer has biases.
    """

    kind: str
    width: int = 0
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    norm: bool = False
    bias: bool = True

    def __str__(self) -> str:
        """The layer as it is written in a name."""
        if self.kind in ("max", "average"):
            return ("M" if self.kind == "max" else "A") + (
                str(self.kernel) if self.kernel != 2 else ""
            )
        if self.kind == "mean":
            return "G"
        ending = "b" * self.norm + "w" * (not self.bias)
        if self.kind == "linear":
            return f"fc{self.width}{ending}"
        kernel = f"k{self.kernel}" if self.kernel != 3 else ""
        stride = f"s{self.stride}" if self.stride != 1 else ""
        padding = f"p{self.padding}" if self.padding != (self.kernel - 1) // 2 else ""
        return f"{self.width}{kernel}{stride}{padding}{ending}"


def parse_layers(text: str) -> list[Layer]:
    """The layers of a name, such as those of ``"32-64s2-M-fc64"``.

    Raises:
        InputError: a part is not a layer, or there are too many layers or too wide ones.
    """
    parts = text.split("-")
    if len(parts) > LAYERS:
        raise InputError(f"cnn: takes up to {LAYERS} layers, got {len(parts)}")
    layers = [_layer(part) for part in parts]
    linear = [layer.kind == "linear" for layer in layers]
    if linear != sorted(linear):
        raise InputError(
            f"architecture {shown(f'cnn:{text}')} has a convolution or pooling after a linear layer"
        )
    return layers


def _layer(text: str) -> Layer:
    found = _TOKEN.fullmatch(text)
    if found is None or (found["fc"] and (found["kernel"] or found["stride"] or found["padding"])):
        raise InputError(
            f"{shown(text)} is not a layer of cnn:; write 32 (3x3 convolution), 32k5s2p2bw "
            "(kernel, stride, padding, batch norm, no bias), M or A (2x2 max or average pooling), "
            "G (global average pooling), fc64 (linear)"
        )
    if found["pool"]:
        return Layer("max" if found["pool"] == "M" else "average", kernel=int(found["size"] or 2))
    if found["mean"]:
        return Layer("mean")
    width, kernel = int(found["width"]), int(found["kernel"] or 3)
    if not 1 <= width <= WIDEST or kernel < 1 or found["stride"] in ("0", "00"):
        raise InputError(
            f"{shown(text)} is not a layer of cnn:; widths are 1 to {WIDEST:,}, kernels and "
            "strides at least 1"
        )
    padding = (kernel - 1) // 2 if found["padding"] is None else int(found["padding"])
    kind = "linear" if found["fc"] else "conv"
    stride, norm, bias = int(found["stride"] or 1), bool(found["norm"]), not found["free"]
    return Layer(kind, width, kernel, stride, padding, norm, bias)


class LayeredCNN(nn.Module):
    """Convolutions and poolings, then linear layers; ReLU after each but the last.

    Args:
        layers: in order.
        classes: number of logits of a last linear layer.
        input_shape: (channels, height, width) of an image.
    """

    def __init__(self, layers: list[Layer], classes: int, input_shape: Shape) -> None:
        super().__init__()
        self.layers = layers
        wide, height, width = input_shape
        conv = linear = norm = 0
        for layer in layers:
            if layer.kind == "linear":
                linear += 1
                self.add_module(
                    f"linear{linear}",
                    nn.Linear(wide * height * width, layer.width, bias=layer.bias),
                )
                wide, height, width = layer.width, 1, 1
            elif layer.kind == "conv":
                conv += 1
                convolution = nn.Conv2d(
                    wide, layer.width, layer.kernel, layer.stride, layer.padding, bias=layer.bias
                )
                self.add_module(f"conv{conv}", convolution)
                wide = layer.width
            height, width = (after(layer, size) for size in (height, width))
            if min(height, width) < 1:
                raise ValueError("a layer is larger than the remaining image")
            if layer.norm:
                norm += 1
                kind = nn.BatchNorm1d if layer.kind == "linear" else nn.BatchNorm2d
                self.add_module(f"bn{norm}", kind(wide))
        self.add_module(f"linear{linear + 1}", nn.Linear(wide * height * width, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden, counts = images, {"conv": 0, "linear": 0, "bn": 0}

        def following(kind: str) -> nn.Module:
            counts[kind] += 1
            return self.get_submodule(f"{kind}{counts[kind]}")

        for layer in self.layers:
            if layer.kind in ("conv", "linear"):
                flat = hidden.flatten(1) if layer.kind == "linear" else hidden
                hidden = following(layer.kind)(flat)
                hidden = (following("bn")(hidden) if layer.norm else hidden).relu()
            elif layer.kind == "mean":
                hidden = hidden.mean(dim=(2, 3), keepdim=True)
            else:
                pool = F.max_pool2d if layer.kind == "max" else F.avg_pool2d
                hidden = pool(hidden, layer.kernel)
        logits: Tensor = following("linear")(hidden.flatten(1))
        return logits


def after(layer: Layer, size: int) -> int:
    """Height or width after a layer."""
    if layer.kind == "conv":
        return (size + 2 * layer.padding - layer.kernel) // layer.stride + 1
    if layer.kind in ("max", "average"):
        return size // layer.kernel
    return 1 if layer.kind == "mean" else size


@register_family(
    "cnn:LAYER-LAYER...",
    pattern=r"cnn:(?P<layers>.+)",
    example="cnn:32-64-M-fc64",
    description="convolutions (32 is 3x3 with padding 1; 32k5s2p2bw has kernel, stride, padding, "
    "batch norm and no bias), M or A (2x2 max or average pooling), G (global average pooling), "
    "fc64 (linear); ReLU after each, and a last linear layer",
    chain=True,
)
def layered_cnn(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A convolutional network by its layers."""
    return LayeredCNN(parse_layers(parts["layers"]), classes, input_shape)
