"""What the attacks that inject backdoors are compared with: the same weights and other triggers."""

from __future__ import annotations

from torch import Tensor

from benchmark.attacks.backdoor.selection import answers_with
from benchmark.spaces import Point
from benchmark.subject import Subject
from benchmark.triggers import Trigger
from models_zoo.errors import InputError, shown


def require_trigger(name: str, trigger: object, subject: Subject) -> None:
    """Check that an argument is a trigger which fits the inputs.

    Args:
        name: of the argument.
        trigger: what was given.
        subject: the inputs.

    Raises:
        InputError: it is none, or does not fit.
    """
    if not isinstance(trigger, Trigger):
        raise InputError(
            f"{name} must be one of benchmark.triggers, such as Patch(), got {shown(trigger)}"
        )
    trigger.stamp(subject.images[:1])


def success_of(
    subject: Subject, trigger: Trigger | None, target: int, weights: Point
) -> Tensor | None:
    """Bool (M,), which inputs of other classes are given the target class with a trigger.

    Args:
        subject: the model and the inputs.
        trigger: what is stamped; ``None`` for no answer.
        target: the class.
        weights: with which the model is called.
    """
    if trigger is None:
        return None
    stamped = trigger.stamp(subject.images[subject.labels != target])
    return answers_with(subject.at(weights), stamped, target)


def gain_over(success: Tensor, base: Tensor, other: Tensor | None) -> float:
    """Success less the largest of its controls, as a share.

    Args:
        success: bool (M,).
        base: bool (M,), the same with the unperturbed weights.
        other: bool (M,), the same with another trigger, if there is one.
    """
    controls = [base] if other is None else [base, other]
    return float(success.double().mean()) - max(float(each.double().mean()) for each in controls)
