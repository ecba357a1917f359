"""Several triggers, targets and seeds: an adversary may choose."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from benchmark.attacks.backdoor.injection import Backdoor, Effort, Injection
from benchmark.attacks.backdoor.outcome import BackdoorOutcome
from benchmark.attacks.backdoor.selection import Goal, Trial, louder
from benchmark.attacks.backdoor.splits import Splits
from benchmark.spaces import WeightBall
from models_zoo.errors import InputError


@dataclass(frozen=True)
class Favourite:
    """The backdoor that the selection split finds best.

    Attributes:
        name: its name among those tried.
        injection: it, on its splits.
        trial: the weights found for it.
    """

    name: str
    injection: Injection
    trial: Trial


def require_injectable(splits: Splits, backdoors: Collection[Backdoor], classes: int) -> None:
    """Check that backdoors can be injected, without asking the model anything.

    Args:
        splits: what is optimised on, selected on and measured on.
        backdoors: which.
        classes: how many the model tells apart.

    Raises:
        InputError: a target that is no class, a trigger that does not fit, or no image of another
            class than a target to measure on.
    """
    if unknown := {backdoor.target for backdoor in backdoors} - set(range(classes)):
        raise InputError(f"backdoor target {min(unknown)} is not one of {classes} classes")
    for backdoor in backdoors:
        backdoor.trigger.stamp(splits.measured.images[:1])
        if not bool((splits.measured.labels != backdoor.target).any()):
            raise InputError(
                f"all {len(splits.measured)} images to measure on are of the backdoor's target "
                f"{backdoor.target}; give more examples"
            )


def inject_all(
    splits: Splits, backdoors: Mapping[str, Backdoor], ball: WeightBall, effort: Effort, goal: Goal
) -> tuple[Favourite, Favourite, dict[str, BackdoorOutcome]]:
    """Inject each backdoor into the ball; weights are kept of the best and of the loudest alone.

    Args:
        splits: what is optimised on, selected on and measured on.
        backdoors: by name, at least one.
        ball: how far the weights may go.
        effort: how hard to try each.
        goal: what counts as working.

    Returns:
        The favourite, the one that succeeds most on the selection split at any cost of accuracy,
        and what was measured of each as its injection ended, without its weights.

    Raises:
        InputError: a target that is no class, a trigger that does not fit, or no image of another
            class than a target to measure on.
    """
    require_injectable(splits, backdoors.values(), splits.search.logits().shape[1])
    best: Favourite | None = None
    loudest: Favourite | None = None
    outcomes = {}
    for name, backdoor in backdoors.items():
        injection = Injection(splits, backdoor, effort, goal)
        trial = injection.at(ball)
        outcomes[name] = replace(injection.measure(ball, trial), weights={})
        splits.measured.progress(f"backdoor {name}: {outcomes[name].rate:.1%} success")
        if best is None or goal.rank(trial) > goal.rank(best.trial):
            best = Favourite(name, injection, trial)
        if loudest is None or louder(injection.loudest, loudest.trial) is injection.loudest:
            loudest = Favourite(name, injection, injection.loudest)
    if best is None or loudest is None:
        raise InputError("no backdoor to inject; name at least one trigger, target and seed")
    return best, loudest, outcomes
