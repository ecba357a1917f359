"""The distance probe: robust accuracy at all budgets, from minimal distances."""

from __future__ import annotations

import numpy as np
from pydantic import JsonValue
from torch import Tensor

from benchmark.attacks.inputs.distance import Distances, find_distances
from benchmark.budgets import Budget
from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.distance.settings import DistanceSettings
from benchmark.probes.headline_norm import NORM_LABELS
from benchmark.probes.probe import Probe, as_outcomes, share
from benchmark.results import Curve, Outcome, ProbeResult, Role, Score, ScoreSpec
from benchmark.statistics import bounded_mean, median
from benchmark.subject import Subject
from benchmark.threats import InputThreat

DECILE_LEVELS = tuple(tenth / 10 for tenth in range(1, 10))


def _median(norm: str) -> ScoreSpec:
    return ScoreSpec(
        label=f"Distance {norm}",
        description=f"Median {norm} length, in input units, of the smallest perturbation found "
        "that makes the model misclassify a test example; 0 if the clean example is "
        "misclassified, infinite if none was found.",
        unit="radius",
        higher_is_better=True,
        interval="median",
    )


def _area(norm: str) -> ScoreSpec:
    return share(
        f"Area {norm}",
        f"Area under the curve of robust accuracy over {norm} budgets up to the largest, divided "
        "by that budget: 1 means that all examples are robust at the largest budget.",
        interval="bounded",
    )


class DistanceProbe(Probe[DistanceSettings]):
    """Minimal distances, proven by the images found, which give robust accuracy at every budget."""

    name = "distance"
    algorithm = 4
    title = "Minimal distance"
    question = "How large a perturbation of each image is needed for a misclassification?"
    uses_image_gradients = True
    perturbs = frozenset({"images"})
    scores = {
        "median_linf": _median("linf"),
        "median_l2": _median("l2"),
        "area_linf": _area("linf"),
        "area_l2": _area("l2"),
    }

    @property
    def headline_threats(self) -> list[InputThreat]:
        """The threat of the headline outcomes."""
        return [self.settings.headline_threat]

    def ask(self, subject: Subject) -> ProbeResult:
        """Find the nearest misclassified images in both norms."""
        settings = self.settings
        ends = {"linf": settings.linf, "l2": settings.l2}
        found = {norm: find_distances(subject, norm, precision=settings.precision) for norm in ends}
        scores: dict[str, Score] = {}
        values: dict[str, list[float]] = {}
        protocol: dict[str, JsonValue] = {"precision": settings.precision}
        for norm, end in ends.items():
            lengths = found[norm].distances.cpu().numpy()
            scores[f"median_{norm}"] = median(lengths)
            scores[f"area_{norm}"] = bounded_mean(np.minimum(lengths, end) / end)
            values[norm] = [float(f"{length:.6g}") for length in lengths]
            quantiles = np.quantile(lengths, DECILE_LEVELS, method="inverted_cdf")
            protocol[f"{norm} deciles"] = [float(f"{quantile:.4g}") for quantile in quantiles]
            protocol[f"{norm} distances that are infinite"] = int(np.isinf(lengths).sum())
        return ProbeResult(
            probe=self.name,
            scores=scores,
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
