"""Network architectures by name, one module a family; importing this package registers them."""

from models_zoo.architectures import (
    cifar_cnn,
    cifar_resnet,
    cnn,
    mlp,
    resnet,
    resnet_small,
    wide_resnet,
)
from models_zoo.architectures.family import family
from models_zoo.architectures.registry import (
    Shape,
    build_architecture,
    build_skeleton,
    list_architectures,
    register,
)

FAMILIES = (cifar_cnn, cifar_resnet, cnn, mlp, resnet, resnet_small, wide_resnet)
"""The modules whose import registers the built-in architectures."""

__all__ = [
    "FAMILIES",
    "Shape",
    "build_architecture",
    "build_skeleton",
    "family",
    "list_architectures",
    "register",
]
