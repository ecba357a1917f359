"""The injections of the probe under one rule, each measured beside a trigger it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from benchmark.attacks.backdoor import (
    BackdoorByBudget,
    BackdoorOutcome,
    Injection,
    Splits,
    Trial,
    inject_all,
)
from benchmark.probes.text_backdoor.backdoors import Asked, Balls, right_with_and_without
from benchmark.probes.text_backdoor.settings import Rule, TextBackdoorSettings
from benchmark.spaces import WeightBall
from benchmark.subject import Subject


@dataclass(frozen=True)
class Found:
    """One backdoor at the headline budget.

    Attributes:
        asked: the backdoor.
        outcome: measured on the third split; without the weights, to save memory.
        other: bool (M,), the same as its ``success``, stamped with the other trigger.
    """

    asked: Asked
    outcome: BackdoorOutcome
    other: Tensor


@dataclass(frozen=True)
class Controls:
    """What is measured beside the outcome at a budget.

    Attributes:
        other: bool (M,), texts that the other trigger gives the target class.
        right: bool (N,), all texts that are right, stamped and not stamped.
    """

    other: Tensor
    right: Tensor


class ControlledInjection(Injection):
    """An injection that measures its controls with every outcome.

    Attributes:
        controls: by budget.
    """

    def __init__(
        self, subject: Subject, splits: Splits, asked: Asked, settings: TextBackdoorSettings
    ) -> None:
        super().__init__(splits, asked.backdoor, settings.effort, settings.goal)
        self.subject, self.asked = subject, asked
        self.controls: dict[float, Controls] = {}

    def measure(self, ball: WeightBall, trial: Trial) -> BackdoorOutcome:
        """As :meth:`Injection.measure`."""
        changed = self.splits.measured.at(trial.weights)
        self.controls[ball.radius] = Controls(
            self.asked.answers(changed, other=True),
            right_with_and_without(self.subject, self.asked.trigger, trial.weights),
        )
        return super().measure(ball, trial)


@dataclass(frozen=True)
class RuleSearch:
    """The injections under a rule.

    Attributes:
        rule: which weights may move.
        found: every backdoor at the headline budget.
        best: the backdoor that is best on the selection split.
        by_budget: that one at every budget.
        kept: its most successful outcome up to each budget, 0 first.
        headline: of these, the one up to the headline budget.
        controls: what was measured beside ``headline``.
    """

    rule: Rule
    found: list[Found]
    best: Asked
    by_budget: BackdoorByBudget
    kept: list[BackdoorOutcome]
    headline: BackdoorOutcome
    controls: Controls


def search_rule(
    rule: Rule,
    subject: Subject,
    splits: Splits,
    backdoors: Sequence[Asked],
    balls: Balls,
    settings: TextBackdoorSettings,
) -> RuleSearch:
    """Inject every backdoor at the headline budget, then the best one at every budget.

    Args:
        rule: which weights may move.
        subject: the model and all texts.
        splits: of the texts.
        backdoors: at least one.
        balls: of the rules.
        settings: of the probe.
    """
    found, best = [], None
    for asked in backdoors:
        ball = balls(rule, asked.trigger, settings.headline)
        chosen, _, outcomes = inject_all(
            splits, {asked.name: asked.backdoor}, ball, settings.effort, settings.goal
        )
        other = asked.answers(splits.measured.at(chosen.trial.weights), other=True)
        found.append(Found(asked, outcomes[asked.name], other))
        rank = settings.goal.rank(chosen.trial)
        if best is None or rank > settings.goal.rank(best[1].trial):
            best = asked, chosen
    if best is None:
        raise ValueError("no backdoor to inject")
    asked, chosen = best
    injection = ControlledInjection(subject, splits, asked, settings)
    by_budget = BackdoorByBudget(injection, lambda budget: balls(rule, asked.trigger, budget))
    by_budget.inject(settings.budgets, settings.headline, chosen.trial)
    by_budget.bisect(settings.bisections)
    budgets = [0.0, *settings.budgets]
    kept = by_budget.kept(budgets)
    headline = kept[budgets.index(settings.headline)]
    radius = next(r for r, at in by_budget.found.items() if at.outcome is headline)
    controls = injection.controls[radius]
    found = [
        replace(each, outcome=headline, other=controls.other) if each.asked is asked else each
        for each in found
    ]
    return RuleSearch(rule, found, asked, by_budget, kept, headline, controls)
