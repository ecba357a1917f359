"""Robust accuracy at all budgets, from each example's minimal distance."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator
from torch import Tensor

from benchmark.attacks.inputs.distance import PRECISION, Distances, find_distances
from benchmark.budgets import Budget
from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.headline_norm import NORM_LABELS, HeadlineNorm, headline_budget
from benchmark.probes.probe import Probe, ProbeSettings, as_outcomes, share
from benchmark.results import Curve, Outcome, ProbeResult, Role, Score, ScoreSpec
from benchmark.statistics import SHARES, mean, median
from benchmark.subject import Subject
from benchmark.threats import InputThreat

Positive = Annotated[Budget, Field(gt=0)]
DECILES = tuple(tenth / 10 for tenth in range(1, 10))


class DistanceSettings(ProbeSettings):
    """Where the curves end, and how exact the distances are.

    Attributes:
        linf: where the linf curve ends.
        l2: where the l2 curve ends.
        headline_linf: the linf budget of the headline outcomes, where that is the headline norm.
        precision: relative; distances are refined until nothing is found that much nearer.
        rungs: budgets on each curve, without the 0.
        headline_norm: the norm of the headline outcomes.
        headline_l2: the l2 budget of the headline outcomes, where that is the headline norm.
    """

    later = ("headline_linf", "headline_norm", "headline_l2")

    linf: Positive
    l2: Positive
    headline_linf: Positive | None = None
    precision: float = Field(default=PRECISION, gt=0, le=0.5)
    rungs: int = Field(default=40, ge=1)
    headline_norm: HeadlineNorm = "linf"
    headline_l2: Positive | None = None

    @property
    def headline(self) -> Budget:
        """The budget of the headline outcomes, in the headline norm."""
        return headline_budget("distance", self)

    @property
    def headline_threat(self) -> InputThreat:
        """The threat of the headline outcomes."""
        return InputThreat(self.headline_norm, self.headline)

    @model_validator(mode="after")
    def _one_headline(self) -> Self:
        headline_budget("distance", self)
        return self


def _median(norm: str) -> ScoreSpec:
    return ScoreSpec(
        label=f"Distance {norm}",
        description=f"Median {norm} length, in input units, of the smallest perturbation found "
        "that makes the model misclassify a test example; 0 for an example misclassified without "
        "any, infinite for one where none was found.",
        unit="radius",
        higher_is_better=True,
    )


def _area(norm: str) -> ScoreSpec:
    return share(
        f"Area {norm}",
        f"Area under the curve of robust accuracy over {norm} budgets up to the largest, divided "
        "by that budget: 1 means never wrong within it.",
    )


class DistanceProbe(Probe):
    """Minimal distances, proven by the images found: robust accuracy at every budget at once."""

    name = "distance"
    title = "Minimal distance"
    question = "How far must each image be changed before the model is wrong?"
    Settings = DistanceSettings
    uses_image_gradients = True
    scores = {
        "median_linf": _median("linf"),
        "median_l2": _median("l2"),
        "area_linf": _area("linf"),
        "area_l2": _area("l2"),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Find the nearest misclassified images in both norms."""
        settings: DistanceSettings = self.settings
        ends = {"linf": settings.linf, "l2": settings.l2}
        found = {norm: find_distances(subject, norm, precision=settings.precision) for norm in ends}
        scores: dict[str, Score] = {}
        values: dict[str, list[float]] = {}
        protocol: dict[str, Any] = {"precision": settings.precision}
        for norm, end in ends.items():
            lengths = found[norm].distances.cpu().numpy()
            scores[f"median_{norm}"] = median(lengths)
            scores[f"area_{norm}"] = mean(np.minimum(lengths, end) / end, SHARES)
            values[norm] = [float(f"{length:.6g}") for length in lengths]
            quantiles = np.quantile(lengths, DECILES, method="inverted_cdf")
            protocol[f"{norm} deciles"] = [float(f"{quantile:.4g}") for quantile in quantiles]
            protocol[f"{norm} without a find"] = int(np.isinf(lengths).sum())
        return ProbeResult(
            probe=self.name,
            scores=scores,
            headline_threats=[settings.headline_threat],
            values=values,
            curves=[_curve(norm, found[norm], end, settings.rungs) for norm, end in ends.items()],
            protocol=protocol,
        ).with_outcomes(_outcomes(found, settings))


def _outcomes(found: dict[str, Distances], settings: DistanceSettings) -> dict[str, Outcome]:
    """Which examples are robust at the headline budget and where the curves end."""

    def outcome(threat: InputThreat, role: Role) -> Outcome:
        return Outcome(as_outcomes(found[threat.norm].robust(threat.eps)), role, threat)

    ends = [InputThreat("linf", settings.linf), InputThreat("l2", settings.l2)]
    return {"headline": outcome(settings.headline_threat, "headline")} | {
        f"{threat.norm}@{threat.eps:.6g}": outcome(threat, "budget") for threat in ends
    }


def _curve(norm: str, found: Distances, end: Budget, count: int) -> Curve:
    """Robust accuracy at evenly spaced budgets from 0."""
    budgets = [end * place / count for place in range(count + 1)]
    robust: list[Tensor] = [found.robust(budget) for budget in budgets]
    return outcome_curve(
        f"robust_accuracy_by_{norm}_distance",
        norm,
        NORM_LABELS[norm],
        budgets,
        robust,
        "robust accuracy",
        role="budget",
        threat=InputThreat(norm, end),
    )
