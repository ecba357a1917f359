"""Network architectures by name, one module per family; importing this package registers them."""

from models_zoo.architectures import (
    cifar_cnn,
    cifar_resnet,
    cnn,
    layered_cnn,
    minilm,
    mlp,
    noise,
    preact_resnet,
    resnet,
    resnet_small,
    texts,
    vgg,
    wide_resnet,
)
from models_zoo.architectures.families import Family, find_family, is_random, list_families
from models_zoo.architectures.family import family
from models_zoo.architectures.registry import (
    build_architecture,
    build_skeleton,
    canonical_name,
    is_architecture,
    list_architectures,
    register,
)
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.usual_accuracy import UsualAccuracy, usual_accuracy

FAMILIES = (
    cifar_cnn,
    cifar_resnet,
    cnn,
    layered_cnn,
    minilm,
    mlp,
    noise,
    preact_resnet,
    resnet,
    resnet_small,
    texts,
    vgg,
    wide_resnet,
)
"""The modules whose import registers the built-in architectures."""

__all__ = [
    "FAMILIES",
    "Family",
    "Shape",
    "UsualAccuracy",
    "build_architecture",
    "build_skeleton",
    "canonical_name",
    "family",
    "find_family",
    "is_architecture",
    "is_random",
    "list_architectures",
    "list_families",
    "register",
    "usual_accuracy",
]
