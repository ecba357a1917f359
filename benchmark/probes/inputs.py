"""Robust accuracy inside input balls, over a ladder of budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from pydantic import model_validator

from benchmark.attacks.inputs import Effort, InputAttackResult, attacks_by_budget
from benchmark.checks import gradient_free_wins
from benchmark.probes.headline_norm import NORM_LABELS, HeadlineNorm
from benchmark.probes.input_pictures import example_thumbnails
from benchmark.probes.ladders import outcome_curve, require_rung
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings, bits, share
from benchmark.requirements import missing_image_gradients
from benchmark.results import Curve, Flag, Outcomes, ProbeResult, ScoreSpec
from benchmark.statistics import proportion
from benchmark.subject import Subject


def _share_standing(norm: str, *, headline: bool = False, note: str = "") -> ScoreSpec:
    return share(
        f"Input {norm}",
        f"Share of test examples that no perturbation found inside the headline {norm} ball{note} "
        "makes the model misclassify.",
        headline=headline,
    )


class InputSettings(ProbeSettings):
    """Budgets and effort of the input attack.

    Attributes:
        linf: ladder of linf budgets.
        l2: ladder of l2 budgets.
        headline_linf: the linf budget of the scores.
        headline_l2: the l2 budget of the scores.
        effort: how hard the attack tries.
        headline_norm: the norm of ``robust_accuracy``; that of the other norm is named by it.
    """

    later = ("headline_norm",)

    linf: Ladder
    l2: Ladder
    headline_linf: Budget
    headline_l2: Budget
    effort: Effort = "standard"
    headline_norm: HeadlineNorm = "linf"

    @model_validator(mode="after")
    def _headlines_are_rungs(self) -> Self:
        require_rung("input.headline_linf", self.headline_linf, self.linf)
        require_rung("input.headline_l2", self.headline_l2, self.l2)
        return self


class InputProbe(Probe):
    """APGD cascade on the still-standing examples, at ascending linf and l2 budgets."""

    name = "input"
    title = "Input attack"
    question = "How often is the model still right when each image may be changed a little?"
    Settings = InputSettings
    scores = {
        "robust_accuracy": _share_standing(
            "linf", headline=True, note=" (or that of the battery's headline norm)"
        ),
        "robust_accuracy_l2": _share_standing("l2"),
        "robust_accuracy_linf": _share_standing("linf"),
    }
    scores_by_norm = {"l2": {"robust_accuracy": _share_standing("l2", headline=True)}}

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack at every rung; what fell at a smaller one has fallen at every larger."""
        settings: InputSettings = self.settings
        clean = subject.correct()
        curves: list[Curve] = []
        outcomes: dict[str, Outcomes] = {}
        attacks: dict[str, dict[float, InputAttackResult]] = {}
        ladders = {"linf": settings.linf, "l2": settings.l2}
        for norm, ladder in ladders.items():
            rungs = attacks_by_budget(subject, norm, ladder, settings.effort)
            standing = [rung.robust for rung in rungs]
            attacks[norm] = dict(zip(ladder, rungs, strict=True))
            outcomes |= {
                f"{norm}@{eps:.6g}": bits(o) for eps, o in zip(ladder, standing, strict=True)
            }
            curves.append(
                outcome_curve(
                    f"robust_accuracy_{norm}",
                    norm,
                    NORM_LABELS[norm],
                    [0.0, *ladder],
                    [clean, *standing],
                    "robust accuracy",
                )
            )
        budgets = {"linf": settings.headline_linf, "l2": settings.headline_l2}
        norm, other = sorted(ladders, key=lambda each: each != settings.headline_norm)
        headline, beside = (outcomes[f"{each}@{budgets[each]:.6g}"] for each in (norm, other))
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(headline),
                f"robust_accuracy_{other}": proportion(beside),
            },
            outcomes={"headline": headline} | outcomes,
            curves=sorted(curves, key=lambda curve: curve.series != norm),
            thumbnails=example_thumbnails(subject, attacks[norm], budgets[norm], norm),
            flags=[_gradient_free_wins(attacks), *_no_gradients(subject)],
            protocol={
                "effort": settings.effort,
                **_account(attacks),
                f"headline {norm} budget": budgets[norm],
                f"headline {other} budget": budgets[other],
            },
        )


def _account(attacks: Mapping[str, Mapping[float, InputAttackResult]]) -> dict[str, Any]:
    """What each search was run on and found, over all budgets of a norm."""
    account: dict[str, Any] = {}
    for norm, rungs in attacks.items():
        asked: dict[str, list[int]] = {}
        for rung in rungs.values():
            for found in rung.searches:
                counts = asked.setdefault(found.search, [0, 0, 0])
                for place, count in enumerate((found.attacked.sum(), found.broken.sum())):
                    counts[place] += int(count)
                counts[2] += found.forwards + found.backwards
        account[f"searches in {norm} balls"] = [
            f"{search}: {broken} of {attacked} broken, {passes} passes"
            for search, (attacked, broken, passes) in asked.items()
        ]
    return account


def _no_gradients(subject: Subject) -> list[Flag]:
    """A flag where only the search without gradients can have found anything."""
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
            "robust accuracy is too high. Hand over a model that gradients flow through.",
        )
    ]


def _gradient_free_wins(attacks: Mapping[str, Mapping[float, InputAttackResult]]) -> Flag:
    """Which examples only the search without gradients broke, at any budget of either norm."""
    searches = [found for rungs in attacks.values() for a in rungs.values() for found in a.searches]
    first = next(iter(next(iter(attacks.values())).values()))
    along, freely = torch.zeros_like(first.robust), torch.zeros_like(first.robust)
    for found in searches:
        if found.uses_gradients:
            along |= found.broken
        else:
            freely |= found.broken
    return gradient_free_wins(along, freely)
