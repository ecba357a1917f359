"""Networks of timm and torchvision by the names and shapes of their weights, from a shipped table.

``python -m models_zoo.architectures.signatures`` regenerates the table from the installed versions.
A match is a guess: before an architecture is proposed, it is built and compared by every name.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from torch import nn

from models_zoo.architectures.sizing import WithoutStorage

TABLE = Path(__file__).with_name("signatures.json")

CLASSES = 7
"""Number of logits of the networks in the table; no other layer has this size."""

TRIED = 24
"""Numbers of classes that are tried if that of the weights is not known."""

_SIZED = re.compile(r"pos_embed|pos_emb|position|rel_pos|relative|attn_mask|rope|num_batches")
"""Tensors that depend on the size of images, and batch norm's counter."""

_COMMON = re.compile(
    r"(resnet(18|34|50|101|152)d?|wide_resnet50_2|resnext50_32x4d|seresnet50|densenet121|"
    r"vgg(11|13|16|19)(_bn)?|(vit|deit)_(tiny|small|base)_patch(16|32)_224|mixer_b16_224|"
    r"convnext_(atto|femto|pico|nano|tiny|small|base)|convnextv2_(atto|nano|tiny|base)|"
    r"swin_(tiny|small|base)_patch4_window7_224|efficientnet_b[0-4]|efficientnetv2_rw_t|"
    r"mobilenetv[23]_(small_|large_)?(050|100)|regnet[xy]_0(04|08|16)|mobilevit_s|poolformer_s12|"
    r"xcit_(tiny|small|medium)_12_p16_224|cait_s24_224|levit_128|pvt_v2_b[0-2]|edgenext_small|"
    r"resnetv2_50|inception_v[34]|xception|ghostnet_100|tf_efficientnet_b[0-4])"
)
"""Networks of timm in the table: those that robust checkpoints are trained with."""

Shapes = Mapping[str, tuple[int, ...]]


def signature(shapes: Shapes, classes: int) -> str:
    """A hash of names and shapes that does not depend on the number of classes and channels.

    Args:
        shapes: of weights by name.
        classes: number of logits.
    """
    lines = []
    for name, shape in sorted(shapes.items()):
        if _SIZED.search(name) or (shape and shape[0] == classes):
            continue
        first = len(shape) == 4 and shape[1] <= 4  # of images with any number of channels
        lines.append(f"{name}|{(shape[0], *shape[2:]) if first else shape}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def named_by_signature(shapes: Shapes) -> list[str]:
    """Names, such as ``"timm:resnet18"``, of networks that may have these weights."""
    heads = [shape[0] for shape in shapes.values() if len(shape) in (2, 4)]
    found: list[str] = []
    for classes in sorted(set(heads), key=lambda each: (heads.count(each), each))[:TRIED]:
        found += _table().get(signature(shapes, classes), [])
    return list(dict.fromkeys(found))


@cache
def _table() -> dict[str, list[str]]:
    table: dict[str, list[str]] = json.loads(TABLE.read_text("utf-8"))
    return table


def _networks() -> Iterator[tuple[str, nn.Module]]:
    import timm
    import torchvision

    for name in torchvision.models.list_models(module=torchvision.models):
        further = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        make = torchvision.models.get_model_builder(name)
        with WithoutStorage(10**11):
            network = make(weights=None, num_classes=CLASSES, **further)
        yield f"torchvision:{name}", network
    for name in filter(_COMMON.fullmatch, timm.list_models()):
        try:
            with WithoutStorage(10**11):
                network = timm.create_model(name, pretrained=False, num_classes=CLASSES)
        except Exception as error:  # some cannot be built without storage
            print(f"left out timm:{name}: {error}")
            continue
        yield f"timm:{name}", network


def main() -> None:
    """Write the table."""
    table: dict[str, list[str]] = {}
    with warnings.catch_warnings(action="ignore"):
        for name, network in _networks():
            shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
            table.setdefault(signature(shapes, CLASSES), []).append(name)
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(table[key])}" for key in sorted(table))
    TABLE.write_text(f"{{\n{lines}\n}}\n", "utf-8")


if __name__ == "__main__":
    main()
