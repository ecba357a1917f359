"""Candidate architectures of weights, from their names and shapes alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise, product

from models_zoo.architectures.layered_cnn import Layer, after
from models_zoo.architectures.resnet import BLOCKS, BOTTLENECKS
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.vgg import LAYERS, POOL

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of weights by name."""

CONVOLUTIONS = 6
"""Maximum number of convolutions for which fitting strides and poolings are searched."""

SMALL = ("mlp", "cnn", "cnn-a", "cifar-resnet2b")
"""Architectures without numbers in their names, which are cheap to compare with."""

VARIANTS = 12
"""Maximum number of proposed networks that differ only in strides and pooling."""


def guess(shapes: Shapes, input_shape: Shape) -> list[str]:
    """Names of candidate architectures of this package, the likeliest first.

    Args:
        shapes: of weights, without wrappers' prefixes, by common names.
        input_shape: (channels, height, width) of an image.
    """
    found = [*_residual(shapes), *_wide(shapes)]
    if not found:
        found = [*_vgg(shapes), *_perceptron(shapes), *_chain(shapes, input_shape)]
        found = [*SMALL, *found]
    return list(dict.fromkeys(found))


def head(shapes: Shapes) -> int | None:
    """The number of classes of a network, ``None`` if no last layer is found.

    The last layer is a linear layer with a usual name, the last layer of a chain, or one whose
    outputs feed no other layer.
    """
    linear = [shape for _, shape in _numbered(shapes, 2)]
    if not linear:
        return None
    feeding = {shape[1] for shape in linear}
    last = [shape[0] for shape in linear if shape[0] not in feeding]
    named = [
        shape[0]
        for name, shape in shapes.items()
        if len(shape) == 2 and re.fullmatch(r"(.*\.)?(linear|fc|classifier|head)\.weight", name)
    ]
    if len(named) == 1:
        return named[0]
    chained = all(a[0] == b[1] for a, b in pairwise(linear))
    return linear[-1][0] if chained or not last else last[-1]


def _residual(shapes: Shapes) -> list[str]:
    """ResNets by the blocks of each of their stages."""
    counts: dict[int, int] = {}
    for name in shapes:
        if found := re.match(r"layer(\d)\.(\d{1,4})\.conv1\.weight$", name):
            stage, block = int(found[1]), int(found[2])
            counts[stage] = max(counts.get(stage, 0), block + 1)
    blocks = tuple(counts[each] for each in sorted(counts))
    stem = shapes.get("conv1.weight")
    if not blocks or stem is None or len(stem) != 4:
        return []
    post = "bn1.weight" in shapes
    if len(blocks) == 3 and len(set(blocks)) == 1:
        depth = 6 * blocks[0] + 2
        kind = "cifar-resnet" if post else "cifar-preact-resnet"
        return [f"{kind}{depth}", f"{kind}{depth}-b"]
    wide = "layer1.0.conv3.weight" in shapes
    depths = [
        depth for depth in BLOCKS if BLOCKS[depth] == blocks and (depth >= BOTTLENECKS) == wide
    ]
    names: list[str] = []
    for depth in depths:
        if not post:
            norm = "-bn" if "bn.weight" in shapes else ""
            names += [f"preact-resnet{depth}{norm}", f"preact-resnet{depth}{norm}-raw"]
        elif stem[2] == 3:
            names += [f"resnet{depth}", f"resnet{depth}-maxpool"]
    return names


def _wide(shapes: Shapes) -> list[str]:
    blocks = {
        int(found[1])
        for name in shapes
        if (found := re.match(r"block1\.layer\.(\d{1,4})\.conv1\.weight$", name))
    }
    first = shapes.get("block1.layer.0.conv1.weight", ())
    if not blocks or len(first) != 4 or first[0] % 16:
        return []
    return [f"wrn-{6 * (max(blocks) + 1) + 4}-{first[0] // 16}"]


def _vgg(shapes: Shapes) -> list[str]:
    convolutions = [shape for _, shape in _numbered(shapes, 4)]
    linear = [shape for _, shape in _numbered(shapes, 2)]
    wide = tuple(shape[0] for shape in convolutions)
    norm = any(name.endswith("running_mean") for name in shapes)
    hidden = "-".join(str(shape[0]) for shape in linear[:-1])
    return [
        f"vgg{depth}{'-bn' * norm}" + (f":{hidden}" if hidden else "")
        for depth, layers in LAYERS.items()
        if wide == tuple(each for each in layers if each != POOL)
    ]


def _perceptron(shapes: Shapes) -> list[str]:
    linear = [shape for _, shape in _numbered(shapes, 2)]
    if len(linear) < 2 or any(len(shape) > 2 for shape in shapes.values()):
        return []
    return [f"mlp:{'-'.join(str(shape[0]) for shape in linear[:-1])}"]


def _chain(shapes: Shapes, input_shape: Shape) -> list[str]:
    """Plain convolutional networks, by the strides and pooling that fit the first linear layer."""
    convolutions, linear = _numbered(shapes, 4), _numbered(shapes, 2)
    if not convolutions or not linear or len(convolutions) > CONVOLUTIONS:
        return []
    cells, rest = divmod(linear[0][1][1], convolutions[-1][1][0])
    norms = sum(name.endswith("running_mean") for name in shapes)
    if rest or any(a[1][0] != b[1][1] for a, b in pairwise(convolutions)):
        return []
    ending = "".join(f"-fc{shape[0]}" for _, shape in linear[:-1])
    choices = [_layers(name, shape, shapes, norms > 0) for name, shape in convolutions]
    named: list[str] = []
    for chosen in product(*choices):
        layers = [layer for several in chosen for layer in several]
        sides = list(input_shape[1:])
        for layer in layers:
            sides = [after(layer, side) for side in sides]
            if min(sides) < 1:
                break
        text = "-".join(map(str, layers))
        if min(sides) >= 1 and sides[0] * sides[1] == cells:
            named.append(f"cnn:{text}{ending}")
        elif min(sides) >= 1 and cells == 1:
            named.append(f"cnn:{text}-G{ending}")
    return sorted(dict.fromkeys(named), key=_oddness)[:VARIANTS]


def _layers(
    name: str, shape: tuple[int, ...], shapes: Shapes, norm: bool
) -> list[tuple[Layer, ...]]:
    """The possible combinations of a convolution and a pooling after it."""
    wide, kernel, bias = shape[0], shape[2], f"{name.rpartition('.')[0]}.bias" in shapes
    found: list[tuple[Layer, ...]] = []
    for stride, padding in ((1, (kernel - 1) // 2), (2, (kernel - 1) // 2), (1, 0), (2, 0)):
        layer = Layer("conv", wide, kernel, stride, padding, norm, bias)
        found += [(layer,), (layer, Layer("max", kernel=2))]
    return found


def _oddness(text: str) -> tuple[int, int]:
    """How unusual a network is: missing padding, mixed strides and pooling."""
    parts = text.split(":")[1].split("-")
    pools, strides = parts.count("M"), sum("s2" in each for each in parts)
    kinds = {each.partition("p")[2] for each in parts if each[0].isdigit()}
    return (len(kinds) + (pools > 0 and strides > 0) + ("G" in parts), sum(map(len, parts)))


def _numbered(shapes: Shapes, dimensions: int) -> list[tuple[str, tuple[int, ...]]]:
    """Weights with this many dimensions, in the natural order of their names."""
    found = [
        (name, shape)
        for name, shape in shapes.items()
        if len(shape) == dimensions and name.endswith("weight")
    ]

    def natural(entry: tuple[str, tuple[int, ...]]) -> list[tuple[int, int, str]]:
        pieces = re.findall(r"[0-9]{1,9}|[^0-9]+|[0-9]+", entry[0])
        return [
            (0, int(each), "") if each.isdecimal() and len(each) < 10 else (1, 0, each)
            for each in pieces
        ]

    ordered = sorted(found, key=natural)
    for order in (ordered, found):
        if all(a[1][0] == b[1][1] or dimensions == 4 for a, b in pairwise(order)):
            return order
    return ordered
