"""Checks of a submitted model before it is scored."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmark.datasets import Dataset
from benchmark.statistics import proportion
from models_zoo import list_models
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.prediction import predicted_classes

SAMPLE = 64
"""Number of examples on which two passes are compared."""


def admit(model: Classifier, data: Dataset, explain: Callable[[], str] = lambda: "") -> float:
    """Check that a model is deterministic and better than chance.

    Loading has checked that the file is safe to read, has the architecture's keys and shapes and
    only finite weights.

    Args:
        model: the submitted model.
        data: the evaluation examples.
        explain: says why its accuracy may be low, if that can be found out; called if it is.

    Returns:
        Its clean accuracy.

    Raises:
        InputError: it is refused, with the reason.
    """
    name = model.card.name
    if name in list_models():
        raise InputError(f"the name {shown(name)} is a model of the zoo; choose another name")
    if not name.isprintable() or name != name.strip():
        raise InputError(
            f"the name {shown(name)} has spaces at its ends or characters that do not print"
        )
    with torch.no_grad():
        sample = data.images[:SAMPLE]
        once, again = model(sample), model(sample)
        logits = torch.cat([model(part) for part in torch.split(data.images, 256)])
    if not torch.isfinite(logits).all():
        raise InputError(f"model {shown(name)} is refused: it gives logits that are not finite")
    if not torch.equal(once, again):
        difference = float((once - again).abs().max())
        raise InputError(
            f"model {shown(name)} is refused: two passes over the same images differ by "
            f"{difference:.3g}; a randomized defense needs another protocol"
        )
    score = proportion((predicted_classes(logits) == data.labels).numpy())
    if score.low <= 1 / data.classes:
        raise InputError(
            f"model {shown(name)} is refused: its clean accuracy of {score.value:.1%} on {score.n} "
            f"examples is not above chance ({1 / data.classes:.1%}); "
            f"{explain() or 'check --mean and --std'}"
        )
    return score.value
