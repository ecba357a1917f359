"""Refuses models that draw random numbers where probes report what a single pass found."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from benchmark.batteries import Battery, battery_for_random_models
from benchmark.probes import PROBES
from benchmark.randomness import randomness_of
from benchmark.subject import Subject
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.training_method import TrainingMethod


def require_takes_random_models(subject: Subject, battery: Battery, probes: Iterable[str]) -> None:
    """Refuse a random model, unless all probes take one.

    Args:
        subject: the model and the examples, of which a few are classified a few times.
        battery: the battery.
        probes: names of those of its probes that are to run.

    Raises:
        InputError: the model draws random numbers and a probe does not take such a model.
    """
    refusing = [] if isinstance(subject.model, TrainingMethod) else refusing_probes(probes)
    if refusing and (found := randomness_of(subject)).random:
        names = ", ".join(refusing[:3]) + (", ..." if len(refusing) > 3 else "")
        raise InputError(
            f"{_named(subject.model)} is random ({found.text}: passes over the same images differ "
            f"by up to {found.change:.3g} in a logit), so the point scores of battery "
            f"{shown(battery.name)} ({names}) would be luck; {random_advice(battery.dataset)}"
        )


def refusing_probes(probes: Iterable[str]) -> list[str]:
    """Those of some probes that do not take a model that draws random numbers.

    Args:
        probes: their names.
    """
    return [name for name in probes if not PROBES[name].takes_random_models]


def random_advice(dataset: str) -> str:
    """What to do with a random model, in a clause.

    Args:
        dataset: the data set that it classifies.
    """
    battery = battery_for_random_models(dataset)
    if battery is None:
        return (
            "fix its random numbers, or score it with a battery of your own that has only the "
            "probe 'randomized', whose scores are expectations"
        )
    return (
        f"fix its random numbers, or use battery {shown(battery.name)}, whose scores are "
        "expectations"
    )


def _named(model: nn.Module) -> str:
    return f"model {shown(model.card.name)}" if isinstance(model, Classifier) else "the model"
