"""The zoo: trained checkpoints with their cards, safe loading, architectures and training.

``load_model("digits/cnn-pgd-at")`` returns a :class:`Classifier`, and so does the name of a model
published elsewhere, such as ``"torchvision:resnet18"``; ``list_models("digits/*")`` lists the
models of the zoo. Names are resolved on first use, so that importing the package does not load
torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models_zoo.architectures import build_architecture, list_architectures
    from models_zoo.card import Card, Training
    from models_zoo.catalog import list_models, load_card
    from models_zoo.checkpoint import read_weights, save_weights, sha256_file
    from models_zoo.classifier import Classifier, fingerprint
    from models_zoo.errors import InputError
    from models_zoo.sources import describe_model, load_file, load_model

__all__ = [
    "Card",
    "Classifier",
    "InputError",
    "Training",
    "build_architecture",
    "describe_model",
    "fingerprint",
    "list_architectures",
    "list_models",
    "load_card",
    "load_file",
    "load_model",
    "read_weights",
    "save_weights",
    "sha256_file",
]

_HOMES = {
    "models_zoo.architectures": ("build_architecture", "list_architectures"),
    "models_zoo.card": ("Card", "Training"),
    "models_zoo.catalog": ("list_models", "load_card"),
    "models_zoo.checkpoint": ("read_weights", "save_weights", "sha256_file"),
    "models_zoo.classifier": ("Classifier", "fingerprint"),
    "models_zoo.errors": ("InputError",),
    "models_zoo.sources": ("describe_model", "load_file", "load_model"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public object ``name``, imported from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
