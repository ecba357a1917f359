"""Notes that a user should read about a model before its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.terminal.output import note
from models_zoo.display import shown

if TYPE_CHECKING:
    from models_zoo.classifier import Classifier


def print_notes(model: Classifier) -> Classifier:
    """Print a model's :attr:`~models_zoo.Classifier.notes` on stderr; returns the model."""
    for each in model.notes:
        note(f"note: {shown(model.card.name)}: {each}")
    return model
