"""A training method in the place of a model: a card and a fingerprint, and no logits."""

from __future__ import annotations

import hashlib
import json
from typing import NoReturn

from torch import Tensor, nn

from models_zoo.card import Card
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.methods import PREFIX


class TrainingMethod(Classifier):
    """A training method, in the place of a model.

    Args:
        card: its card, see :func:`models_zoo.methods.method_card`.
    """

    def __init__(self, card: Card) -> None:
        super().__init__(nn.Identity(), card)

    def forward(self, images: Tensor) -> NoReturn:
        """Refuse the images: nothing is trained yet.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"{shown(self.card.name)} is a training method, which has no logits; score it with a "
            "battery for methods, such as digits-anomaly-v1"
        )

    @property
    def method(self) -> str:
        """Its name without data set, one of :data:`models_zoo.methods.METHODS`."""
        return self.card.recipe

    @property
    def fingerprint(self) -> str:
        """SHA-256 of data set, method and settings: there are no weights to hash."""
        training = self.card.training
        settings = json.dumps(training.settings if training else {}, sort_keys=True)
        text = f"{PREFIX}{self.card.dataset}|{self.method}|{settings}"
        return hashlib.sha256(text.encode()).hexdigest()
