"""The injections of the probe under one rule, each measured beside a trigger it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from benchmark.attacks.backdoor import (
    BackdoorByBudget,
    BackdoorOutcome,
    Splits,
    inject_all,
)
from benchmark.probes.text_backdoor.backdoors import Asked, Balls
from benchmark.probes.text_backdoor.settings import Rule, TextBackdoorSettings


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
class RuleSearch:
    """The injections under a rule.

    Attributes:
        rule: which weights may move.
        found: every backdoor at the headline budget.
        best: the backdoor that is best on the selection split.
        by_budget: that one at every budget.
        kept: its most successful outcome up to each budget, 0 first.
        headline: of these, the one up to the headline budget, with its weights.
        other: bool (M,), the same as its ``success``, stamped with the other trigger.
    """

    rule: Rule
    found: list[Found]
    best: Asked
    by_budget: BackdoorByBudget
    kept: list[BackdoorOutcome]
    headline: BackdoorOutcome
    other: Tensor


def search_rule(
    rule: Rule,
    splits: Splits,
    backdoors: Sequence[Asked],
    balls: Balls,
    settings: TextBackdoorSettings,
) -> RuleSearch:
    """Inject every backdoor at the headline budget, then the best one at every budget.

    Args:
        rule: which weights may move.
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
    by_budget = BackdoorByBudget(
        chosen.injection, lambda budget: balls(rule, asked.trigger, budget)
    )
    by_budget.inject(settings.budgets, settings.headline, chosen.trial)
    by_budget.bisect(settings.bisections)
    budgets = [0.0, *settings.budgets]
    kept = by_budget.kept(budgets)
    headline = kept[budgets.index(settings.headline)]
    other = asked.answers(splits.measured.at(headline.weights), other=True)
    found = [
        replace(each, outcome=headline, other=other) if each.asked is asked else each
        for each in found
    ]
    return RuleSearch(rule, found, asked, by_budget, kept, headline, other)
