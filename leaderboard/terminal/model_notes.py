"""Notes that a user should read about a model before its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.terminal.output import say
from models_zoo.display import printable, shown

if TYPE_CHECKING:
    from models_zoo.classifier import Classifier


def print_notes(model: Classifier) -> Classifier:
    """Print a model's :attr:`~models_zoo.Classifier.notes` on stderr; returns the model."""
    for note in model.notes:
        say(printable(f"note: {shown(model.card.name)}: {note}"), err=True)
    return model
