"""The intrinsic probe: the maximum divergence of predictions in input balls, correct or not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.budgets import Budget
from benchmark.measures.divergence import MIN_DIVERGENCE, Divergence, maximum_divergence
from benchmark.measures.temperature import confidence
from benchmark.probes.budget_curves import outcome_curve, score_curve
from benchmark.probes.headline_norm import NORM_LABELS
from benchmark.probes.intrinsic.settings import IntrinsicSettings
from benchmark.probes.probe import Probe, as_outcomes, share, whole_batches
from benchmark.results import Curve, ProbeResult, Score, ScoreSpec
from benchmark.statistics import exact, mean_loss, median, proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat
from benchmark.work import PassMix, Work

LOGIT_FORMS = {
    "": "",
    "normalized_": " of logits standardized to zero mean and unit deviation per image",
}
"""Prefixes of the scores from raw and from normalized logits, and the addition to their
descriptions."""


def _form(prefix: str) -> dict[str, ScoreSpec]:
    """The scores of one form of the logits."""
    mark = ", normalized" if prefix else ""
    return {
        f"{prefix}divergence": ScoreSpec(
            label=f"Divergence{mark and ' (normalized)'}",
            description="Mean over test examples of the largest KL divergence found between the "
            f"prediction and that of an image inside the headline ball{LOGIT_FORMS[prefix]}. It "
            "does not depend on correctness: read it together with accuracy.",
            unit="nats",
            higher_is_better=False,
            headline=not prefix,
            interval="loss",
        ),
        f"{prefix}divergence_median": ScoreSpec(
            label=f"Divergence (median{mark})",
            description=f"Median over test examples of the same divergence{LOGIT_FORMS[prefix]}.",
            unit="nats",
            higher_is_better=False,
            interval="median",
        ),
        f"{prefix}psi": ScoreSpec(
            label=f"psi{mark and ' (normalized)'}",
            description=f"1 / mean divergence{LOGIT_FORMS[prefix]}, the paper's form for the whole "
            "set; larger is more robust.",
            unit="",
            higher_is_better=True,
            interval="inverse loss",
        ),
        f"{prefix}psi_median": ScoreSpec(
            label=f"psi (median{mark})",
            description=f"Median over test examples of 1 / divergence{LOGIT_FORMS[prefix]}. A mean "
            "would be dominated by the most saturated examples.",
            unit="",
            higher_is_better=True,
            interval="median",
        ),
    }


class IntrinsicProbe(Probe[IntrinsicSettings]):
    """Maximum KL divergence from the clean prediction (Yu et al. 2019)."""

    name = "intrinsic"
    title = "Intrinsic robustness"
    algorithm = 2
    pass_cost = 0.7
    mix = PassMix(images=0.96)
    step_cost = 1.05
    question = "How much can a small perturbation of the image change the prediction?"
    uses_image_gradients = True
    perturbs = frozenset({"images"})
    scores = {
        **_form(""),
        **_form("normalized_"),
        "changed": share(
            "Prediction changed",
            "Share of test examples, correct or not, for which an image found inside the headline "
            "ball has another predicted class than the clean image.",
            up=False,
        ),
    }

    @property
    def headline_threats(self) -> list[InputThreat]:
        """The linf ball of the headline budget."""
        return [InputThreat("linf", self.settings.headline)]

    def expected_work(self, subject: Subject) -> Work:
        """Forward and backward in every step of every ascent."""
        settings = self.settings
        ascents = len(LOGIT_FORMS) * len(settings.linf) * settings.restarts
        return whole_batches(subject, 2.0 * ascents * (settings.steps + 2) * len(subject))

    def ask(self, subject: Subject) -> ProbeResult:
        """Ascend at every budget, with and without normalized logits."""
        settings = self.settings
        found = {
            prefix: maximum_divergence(
                subject,
                "linf",
                settings.linf,
                steps=settings.steps,
                restarts=settings.restarts,
                normalized=bool(prefix),
            )
            for prefix in LOGIT_FORMS
        }
        classes = subject.logits().shape[1]
        at = settings.linf.index(settings.headline)
        scores: dict[str, Score] = {}
        for prefix, by_budget in found.items():
            scores |= {
                prefix + name: score for name, score in _summary(by_budget[at], classes).items()
            }
        changed = [one.changed | other.changed for one, other in zip(*found.values(), strict=True)]
        return ProbeResult(
            probe=self.name,
            scores=scores | {"changed": proportion(as_outcomes(changed[at]))},
            curves=[
                _curve("logits", settings.linf, found[""], classes),
                _curve("normalised logits", settings.linf, found["normalized_"], classes),
                outcome_curve(
                    "changed_predictions",
                    "changed",
                    NORM_LABELS["linf"],
                    [0.0, *settings.linf],
                    [changed[0] & False, *changed],
                    "share of predictions changed",
                    threat=InputThreat("linf", settings.linf[-1]),
                ),
            ],
            protocol={
                "ball": "linf",
                "headline linf budget": float(settings.headline),
                "examples": len(subject),
                "steps": settings.steps,
                "restarts": settings.restarts,
                "mean confidence": confidence(subject.logits()),
            },
        )


def _summary(found: Divergence, classes: int) -> dict[str, Score]:
    """Mean and median of the divergence and of psi at one budget."""
    values = found.values.cpu().numpy()
    average = mean_loss(values, classes)
    bounded = math.isfinite(average.high)
    return {
        "divergence": average,
        "divergence_median": median(values),
        "psi": Score(
            value=1 / max(average.value, MIN_DIVERGENCE),
            n=average.n,
            low=1 / max(average.high, MIN_DIVERGENCE) if bounded else -math.inf,
            high=1 / max(average.low, MIN_DIVERGENCE) if bounded else math.inf,
        ),
        "psi_median": median(found.psi.cpu().numpy()),
    }


def _curve(
    series: str, budgets: Sequence[Budget], found: Sequence[Divergence], classes: int
) -> Curve:
    """The mean divergence over budgets."""
    means = [mean_loss(each.values.cpu().numpy(), classes) for each in found]
    return score_curve(
        "divergence",
        series,
        NORM_LABELS["linf"],
        [0.0, *budgets],
        [exact(0.0, means[0].n), *means],
        "mean KL divergence (nats)",
        "nats",
        threat=InputThreat("linf", budgets[-1]),
    )
