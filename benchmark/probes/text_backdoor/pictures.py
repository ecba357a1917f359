"""Charts of the probe: success over budgets, by rule and kind of trigger, and baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.probe import as_outcomes
from benchmark.probes.text_backdoor.backdoors import Asked
from benchmark.probes.text_backdoor.baselines import Compared
from benchmark.probes.text_backdoor.searches import Found, RuleSearch
from benchmark.probes.text_backdoor.settings import TextBackdoorSettings
from benchmark.results import Bars, Curve, Score
from benchmark.statistics import exact, proportion, wilson
from benchmark.subject import Subject
from benchmark.threats import BackdoorThreat

BY_BUDGET, BY_TRIGGER, CONTROLS = (
    "text_backdoor",
    "text_backdoor_triggers",
    "text_backdoor_controls",
)
BASELINES, RANDOM = "text_backdoor_baselines", "random signs"
SMALLEST, RULES = "text_backdoor_smallest", "text_backdoor_rules"
REPEATS = "text_backdoor_repeats"
RELATIVE_CHANGE, CLEAN_ACCURACY = "relative change", "clean accuracy"

Measured = TypeVar("Measured", Found, Compared)
"""What was measured for one backdoor."""


def rule_curves(searches: Sequence[RuleSearch], settings: TextBackdoorSettings) -> list[Curve]:
    """Success of the best backdoor of every rule over budgets, and clean accuracy of the first."""
    budgets = [0.0, *settings.budgets]
    label = f"{settings.geometry} budget"
    curves = [
        outcome_curve(
            BY_BUDGET,
            f"success, {search.rule}",
            label,
            budgets,
            [outcome.success for outcome in search.kept],
            "share",
            role="success",
            threat=settings.threat(settings.budgets[-1], search.rule),
        )
        for search in searches
    ]
    first = searches[0]
    return [
        *curves,
        outcome_curve(
            BY_BUDGET,
            f"clean accuracy, {first.rule}",
            label,
            budgets,
            [outcome.robust for outcome in first.kept],
            "share",
            threat=settings.threat(settings.budgets[-1], first.rule),
        ),
    ]


def trigger_bars(
    searches: Sequence[RuleSearch],
    baselines: Mapping[str, Sequence[Compared]],
    threat: BackdoorThreat,
) -> list[Bars]:
    """Success by kind of trigger, on average over targets and seeds, at the headline budget.

    Args:
        searches: one per rule.
        baselines: by name.
        threat: of the headline.
    """
    first = searches[0].found
    bars = [
        _bars(BY_TRIGGER, search.rule, search.found, lambda each: each.outcome.success, threat)
        for search in searches
    ]
    bars += [
        _bars(BY_TRIGGER, "base rate", first, lambda each: each.outcome.base, threat),
    ]
    bars += [
        _bars(CONTROLS, f"other trigger, {search.rule}", search.found, lambda e: e.other, threat)
        for search in searches
    ]
    for name, found in baselines.items():
        bars.append(_bars(BASELINES, name, found, lambda each: each.success, threat))
        if name != RANDOM:
            bars.append(
                _bars(BASELINES, f"{name}, other trigger", found, lambda e: e.other, threat)
            )
    return bars


def rule_bars(searches: Sequence[RuleSearch], threat: BackdoorThreat) -> list[Bars]:
    """Smallest budget, change of the weights and clean accuracy of the best backdoor of each rule.

    Args:
        searches: one per rule.
        threat: of the headline.
    """
    rules: list[str] = [search.rule for search in searches]
    shares = {
        RELATIVE_CHANGE: [
            exact(search.headline.change, len(search.headline.robust)) for search in searches
        ],
        CLEAN_ACCURACY: [proportion(as_outcomes(search.headline.robust)) for search in searches],
    }
    smallest = [
        exact(search.by_budget.smallest(), len(search.headline.robust)) for search in searches
    ]
    return [
        Bars(
            picture=SMALLEST,
            series="smallest budget",
            x_label="rule",
            y_label=f"{threat.geometry} budget",
            names=rules,
            y=smallest,
            unit="radius",
            threat=threat,
        ),
        *(
            Bars(
                picture=RULES,
                series=series,
                x_label="rule",
                y_label="share",
                names=rules,
                y=scores,
                unit="share",
                threat=threat,
            )
            for series, scores in shares.items()
        ),
    ]


def repeat_bars(
    searches: Sequence[RuleSearch], measured: Subject, settings: TextBackdoorSettings
) -> list[Bars]:
    """Success of the best backdoors where their trigger is inserted several times, with controls.

    Args:
        searches: those that are shown.
        measured: the model and the texts to measure on.
        settings: with the numbers of times; without any there are no bars.
    """
    if not settings.repeats:
        return []
    times = (1, *settings.repeats)
    threat, bars = settings.threat(settings.headline), []
    for search in searches:
        changed, asked = measured.at(search.headline.weights), search.best
        series = {
            "success": [asked.answers(changed, times=each) for each in times],
            "base rate": [asked.answers(measured, times=each) for each in times],
            "other trigger": [asked.answers(changed, other=True, times=each) for each in times],
        }
        bars += [
            Bars(
                picture=REPEATS,
                series=f"{name}, {search.rule}",
                x_label="times that the trigger is inserted",
                y_label="share",
                names=[str(each) for each in times],
                y=[proportion(as_outcomes(each)) for each in answers],
                unit="share",
                threat=threat,
            )
            for name, answers in series.items()
        ]
    return bars


def mean_success(found: Sequence[Found]) -> Score:
    """Success on average over all backdoors, with an interval for the number of texts."""
    return _mean([(each.asked, each.outcome.success) for each in found])


def _bars(
    picture: str,
    series: str,
    found: Sequence[Measured],
    of: Callable[[Measured], Tensor],
    threat: BackdoorThreat,
) -> Bars:
    groups: dict[str, list[tuple[Asked, Tensor]]] = {}
    for each in found:
        groups.setdefault(each.asked.kind, []).append((each.asked, of(each)))
    return Bars(
        picture=picture,
        series=series,
        x_label="trigger",
        y_label="share",
        names=list(groups),
        y=[_mean(group) for group in groups.values()],
        unit="share",
        threat=threat,
    )


def _mean(group: Sequence[tuple[Asked, Tensor]]) -> Score:
    """The mean share over backdoors; a text counts once however many of them stamp it.

    The texts of different targets are different ones where there are two classes.
    """
    shares = torch.stack([success.double().mean() for _, success in group])
    texts = {asked.target: len(success) for asked, success in group}
    return wilson(
        float(shares.mean()), sum(texts.values()) if len(texts) < 3 else max(texts.values())
    )
