"""Which family of networks an architecture's name belongs to, for lists that are filtered."""

from __future__ import annotations

import re

_FAMILIES = (
    ("wide ResNet", r"wrn|wide[-_]?res"),
    ("PreAct ResNet", r"pre[-_]?act"),
    ("ResNeXt", r"resnext"),
    ("ResNet", r"resnet|^rn-?\d"),
    ("DenseNet", r"densenet"),
    ("VGG", r"vgg"),
    ("ConvNeXt", r"convnext"),
    ("EfficientNet", r"efficientnet"),
    ("MobileNet", r"mobilenet"),
    ("Swin", r"swin"),
    ("XCiT", r"xcit"),
    ("ViT", r"vit|deit|beit|vision[-_]?transformer"),
    ("MLP", r"mlp|mixer"),
    ("CNN", r"cnn|convnet|lenet|alexnet"),
)
"""Families with the text that their names contain, the more specific ones first."""

OTHER = "other"
"""The family of architectures whose name does not tell one."""


def family(architecture: str) -> str:
    """The family of an architecture, such as ``"ResNet"`` of ``"cifar-resnet20"``.

    Args:
        architecture: the ``architecture`` of a card; a library in front of a colon is ignored.
    """
    whole = architecture.lower()
    name = whole.rpartition(":")[2]  # of a library; the widths of mlp:256-256 name no family
    for text in (name, whole):
        for family, found in _FAMILIES:
            if re.search(found, text):
                return family
    return OTHER
