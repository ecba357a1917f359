"""Robust accuracy inside input balls, over ascending budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from pydantic import model_validator

from benchmark.attacks.inputs import Effort, InputAttackResult, attacks_by_budget
from benchmark.budgets import Budget
from benchmark.checks import gradient_free_wins
from benchmark.probes.budget_curves import outcome_curve, require_among
from benchmark.probes.headline_norm import NORM_LABELS, HeadlineNorm
from benchmark.probes.input_pictures import example_thumbnails
from benchmark.probes.probe import Budgets, Probe, ProbeSettings, as_outcomes, share
from benchmark.requirements import missing_image_gradients
from benchmark.results import Curve, Flag, Outcome, ProbeResult, ScoreSpec
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat


def _share_robust(norm: str, *, headline: bool = False, note: str = "") -> ScoreSpec:
    return share(
        f"Input {norm}",
        f"Share of test examples that no perturbation found inside the headline {norm} ball{note} "
        "makes the model misclassify.",
        headline=headline,
    )


class InputSettings(ProbeSettings):
    """Budgets and effort of the input attack.

    Attributes:
        linf: linf budgets, ascending.
        l2: l2 budgets, ascending.
        headline_linf: the linf budget of the scores.
        headline_l2: the l2 budget of the scores.
        effort: how hard the attack tries.
        headline_norm: the norm of ``robust_accuracy``; that of the other norm is named by it.
    """

    later = ("headline_norm",)

    linf: Budgets
    l2: Budgets
    headline_linf: Budget
    headline_l2: Budget
    effort: Effort = "standard"
    headline_norm: HeadlineNorm = "linf"

    @model_validator(mode="after")
    def _headlines_are_among_the_budgets(self) -> Self:
        require_among("input.headline_linf", self.headline_linf, self.linf)
        require_among("input.headline_l2", self.headline_l2, self.l2)
        return self


class InputProbe(Probe):
    """Searches from cheap to expensive on the robust examples, at ascending linf and l2 budgets."""

    name = "input"
    title = "Input attack"
    question = "How often is the model still right when each image may be changed a little?"
    offers_threats = True
    Settings = InputSettings
    scores = {
        "robust_accuracy": _share_robust(
            "linf", headline=True, note=" (or that of the battery's headline norm)"
        ),
        "robust_accuracy_l2": _share_robust("l2"),
        "robust_accuracy_linf": _share_robust("linf"),
    }
    scores_by_norm = {"l2": {"robust_accuracy": _share_robust("l2", headline=True)}}

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack at every budget; what is broken at a smaller one is broken at every larger."""
        settings: InputSettings = self.settings
        clean = subject.correct()
        curves: dict[str, Curve] = {}
        outcomes: dict[str, Outcome] = {}
        attacks: dict[str, dict[Budget, InputAttackResult]] = {}
        budgets = {"linf": settings.linf, "l2": settings.l2}
        for norm, ascending in budgets.items():
            found = attacks_by_budget(subject, norm, ascending, settings.effort)
            robust = [each.robust for each in found]
            attacks[norm] = dict(zip(ascending, found, strict=True))
            for eps, each in zip(ascending, robust, strict=True):
                threat = InputThreat(norm, eps)
                outcomes[_name(threat)] = Outcome(as_outcomes(each), "budget", threat)
            curves[norm] = outcome_curve(
                f"robust_accuracy_{norm}",
                norm,
                NORM_LABELS[norm],
                [0.0, *ascending],
                [clean, *robust],
                "robust accuracy",
                role="budget",
                threat=InputThreat(norm, ascending[-1]),
            )
        threats = [
            InputThreat("linf", settings.headline_linf),
            InputThreat("l2", settings.headline_l2),
        ]
        main, other = sorted(threats, key=lambda each: each.norm != settings.headline_norm)
        headline, beside = (outcomes[_name(each)].robust for each in (main, other))
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(headline),
                f"robust_accuracy_{other.norm}": proportion(beside),
            },
            share_of={
                "robust_accuracy": "headline",
                f"robust_accuracy_{other.norm}": _name(other),
            },
            headline_threats=[main, other],
            curves=[curves[main.norm], curves[other.norm]],
            thumbnails=example_thumbnails(subject, attacks[main.norm], main.eps, main.norm),
            flags=[_gradient_free_wins(attacks), *_no_gradients(subject)],
            protocol={
                "effort": settings.effort,
                **_account(attacks),
                f"headline {main.norm} budget": float(main.eps),
                f"headline {other.norm} budget": float(other.eps),
            },
        ).with_outcomes({"headline": Outcome(headline, "headline", main)} | outcomes)


def _name(threat: InputThreat) -> str:
    """The name under which the outcome of a budget is stored."""
    return f"{threat.norm}@{threat.eps:.6g}"


def _account(attacks: Mapping[str, Mapping[Budget, InputAttackResult]]) -> dict[str, Any]:
    """What each search was run on and found, over all budgets of a norm."""
    account: dict[str, Any] = {}
    for norm, by_budget in attacks.items():
        searches: dict[str, list[int]] = {}
        for attack in by_budget.values():
            for found in attack.searches:
                counts = searches.setdefault(found.search, [0, 0, 0])
                for place, count in enumerate((found.attacked.sum(), found.broken.sum())):
                    counts[place] += int(count)
                counts[2] += found.forwards + found.backwards
        account[f"searches in {norm} balls"] = [
            f"{search}: {broken} of {attacked} broken, {passes} passes"
            for search, (attacked, broken, passes) in searches.items()
        ]
    return account


def _no_gradients(subject: Subject) -> list[Flag]:
    """A flag where only searches without gradients can have found anything."""
    problem = missing_image_gradients(subject)
    if problem is None:
        return []
    return [
        Flag(
            name="no_gradients",
            title="Model lets no gradient through",
            raised=True,
            figure=None,
            saw=f"{problem[0].upper()}{problem[1:]}.",
            advice="Only a search without gradients attacked this model, with few queries, so its "
            "robust accuracy is too high. Use a model that gradients flow through.",
        )
    ]


def _gradient_free_wins(attacks: Mapping[str, Mapping[Budget, InputAttackResult]]) -> Flag:
    """Which examples only the search without gradients broke, at any budget of either norm."""
    searches = [
        found
        for by_budget in attacks.values()
        for attack in by_budget.values()
        for found in attack.searches
    ]
    first = next(iter(next(iter(attacks.values())).values()))
    along, freely = torch.zeros_like(first.robust), torch.zeros_like(first.robust)
    for found in searches:
        if found.uses_gradients:
            along |= found.broken
        else:
            freely |= found.broken
    return gradient_free_wins(along, freely)
