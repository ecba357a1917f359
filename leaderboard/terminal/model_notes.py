"""What a user should know of a model before its scores: printed as it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.terminal.output import say
from models_zoo.display import printable, shown

if TYPE_CHECKING:
    from models_zoo.classifier import Classifier


def announced(model: Classifier) -> Classifier:
    """The same model, after its :attr:`~models_zoo.Classifier.notes` were printed on stderr."""
    for note in model.notes:
        say(printable(f"note: {shown(model.card.name)}: {note}"), err=True)
    return model
