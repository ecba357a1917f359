"""Refuses training methods where probes take models, and models where they take methods."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.batteries import Battery, battery_for_methods
from benchmark.probes import PROBES
from benchmark.subject import Subject
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.methods import list_methods
from models_zoo.training_method import TrainingMethod


def require_subjects_taken(subject: Subject, battery: Battery, probes: Iterable[str]) -> None:
    """Refuse a subject that is not of the kind that some probe is about.

    Args:
        subject: a model or a training method, with examples.
        battery: the battery.
        probes: names of those of its probes that are to run.

    Raises:
        InputError: it is not.
    """
    model = subject.model
    method = isinstance(model, TrainingMethod)
    refusing = [name for name in probes if PROBES[name].takes_methods != method]
    if not refusing:
        return
    name = shown(model.card.name) if isinstance(model, TrainingMethod) else ""
    raise InputError(
        f"{name} is a training method, and probe {shown(refusing[0])} of battery "
        f"{shown(battery.name)} takes trained models; {method_advice(battery.dataset)}"
        if method
        else f"probe {shown(refusing[0])} of battery {shown(battery.name)} takes training methods "
        f"and not trained models; {model_advice(battery.dataset)}"
    )


def method_advice(dataset: str) -> str:
    """What to do with a training method, in a clause.

    Args:
        dataset: the data set that it is trained on.
    """
    battery = battery_for_methods(dataset)
    return (
        f"score methods with battery {shown(battery.name)}"
        if battery is not None
        else "score methods with a battery of your own that has the probe 'anomaly'"
    )


def model_advice(dataset: str) -> str:
    """What to do with a model and a battery for methods, in a clause.

    Args:
        dataset: of the battery.
    """
    names = list_methods(f"{dataset}/*")
    example = f", such as {names[0]}" if names else ""
    return f"name a method{example}, or another battery"
