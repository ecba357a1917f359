"""Several triggers, targets and seeds, among which an adversary may choose."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from benchmark.attacks.backdoor.injection import Backdoor, Injection, InjectionEffort
from benchmark.attacks.backdoor.outcome import BackdoorOutcome
from benchmark.attacks.backdoor.selection import Goal, Trial, more_successful
from benchmark.attacks.backdoor.splits import Splits
from benchmark.spaces import WeightBall
from models_zoo.errors import InputError


@dataclass(frozen=True)
class ChosenBackdoor:
    """The best backdoor by the selection split.

    Attributes:
        name: of the trigger, target and seed.
        injection: the backdoor on its splits.
        trial: the weights found for it.
    """

    name: str
    injection: Injection
    trial: Trial


def require_injectable(splits: Splits, backdoors: Collection[Backdoor], classes: int) -> None:
    """Check that backdoors can be injected, without a forward pass.

    Args:
        splits: parts to optimize on, to select on and to measure on.
        backdoors: trigger, target and seed of each.
        classes: number of classes of the model.

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
                f"all {len(splits.measured)} examples to measure on are of the backdoor's target "
                f"{backdoor.target}; give more examples"
            )


def inject_all(
    splits: Splits,
    backdoors: Mapping[str, Backdoor],
    ball: WeightBall,
    effort: InjectionEffort,
    goal: Goal,
) -> tuple[ChosenBackdoor, ChosenBackdoor, dict[str, BackdoorOutcome]]:
    """Inject each backdoor; keep the weights of the best and of the most successful one.

    Args:
        splits: parts to optimize on, to select on and to measure on.
        backdoors: by name, at least one.
        ball: the weight ball.
        effort: of each injection.
        goal: what counts as working.

    Returns:
        The best, the one with the highest success on the selection split at any cost of accuracy,
        and the outcome of each, without its weights.

    Raises:
        InputError: a target that is no class, a trigger that does not fit, or no image of another
            class than a target to measure on.
    """
    require_injectable(splits, backdoors.values(), splits.search.logits().shape[1])
    best: ChosenBackdoor | None = None
    most_successful: ChosenBackdoor | None = None
    outcomes = {}
    for name, backdoor in backdoors.items():
        injection = Injection(splits, backdoor, effort, goal)
        trial = injection.at(ball)
        outcomes[name] = replace(injection.measure(ball, trial), weights={})
        splits.measured.progress(f"backdoor {name}: {outcomes[name].rate:.1%} success")
        if best is None or goal.rank(trial) > goal.rank(best.trial):
            best = ChosenBackdoor(name, injection, trial)
        most = injection.most_successful
        if most_successful is None or more_successful(most, most_successful.trial) is most:
            most_successful = ChosenBackdoor(name, injection, most)
    if best is None or most_successful is None:
        raise InputError("no backdoor to inject; name at least one trigger, target and seed")
    return best, most_successful, outcomes
