"""Robust accuracy inside input balls, over a ladder of budgets."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from benchmark.attacks.inputs import EFFORTS, Effort, attack_ladder
from benchmark.probes.ladders import outcome_curve, require_rung
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings, bits, share
from benchmark.results import Curve, Outcomes, ProbeResult
from benchmark.statistics import proportion
from benchmark.subject import Subject

NORM_LABELS = {"linf": "linf budget (input units)", "l2": "l2 budget (input units)"}


class InputSettings(ProbeSettings):
    """Budgets and effort of the input attack.

    Attributes:
        linf: ladder of linf budgets.
        l2: ladder of l2 budgets.
        headline_linf: the budget of ``robust_accuracy``.
        headline_l2: the budget of ``robust_accuracy_l2``.
        effort: how hard the attack tries.
    """

    linf: Ladder
    l2: Ladder
    headline_linf: Budget
    headline_l2: Budget
    effort: Effort = "standard"

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
        "robust_accuracy": share(
            "Input linf",
            "Share of test examples that no perturbation found inside the headline linf ball "
            "makes the model misclassify.",
            headline=True,
        ),
        "robust_accuracy_l2": share(
            "Input l2",
            "Share of test examples that no perturbation found inside the headline l2 ball makes "
            "the model misclassify.",
        ),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack at every rung; what fell at a smaller one has fallen at every larger."""
        settings: InputSettings = self.settings
        clean = subject.correct()
        curves: list[Curve] = []
        outcomes: dict[str, Outcomes] = {}
        for norm, ladder in (("linf", settings.linf), ("l2", settings.l2)):
            standing = attack_ladder(subject, norm, ladder, settings.effort)
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
        linf = outcomes[f"linf@{settings.headline_linf:.6g}"]
        l2 = outcomes[f"l2@{settings.headline_l2:.6g}"]
        return ProbeResult(
            probe=self.name,
            scores={"robust_accuracy": proportion(linf), "robust_accuracy_l2": proportion(l2)},
            outcomes={"headline": linf} | outcomes,
            curves=curves,
            protocol={
                "effort": settings.effort,
                "searches": [search.name for search in EFFORTS[settings.effort]],
                "headline linf budget": settings.headline_linf,
                "headline l2 budget": settings.headline_l2,
            },
        )
