"""How far a prediction can be moved inside an input ball, whatever the label."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from benchmark.measures.divergence import maximum_divergence
from benchmark.probes.inputs import NORM_LABELS
from benchmark.probes.ladders import require_rung, score_curve
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings
from benchmark.results import ProbeResult, ScoreSpec
from benchmark.statistics import exact, mean
from benchmark.subject import Subject


class IntrinsicSettings(ProbeSettings):
    """Budgets and effort of the divergence ascent.

    Attributes:
        linf: ladder of linf budgets.
        headline: the budget of the scores.
        steps: APGD steps.
        restarts: random starts.
    """

    linf: Ladder
    headline: Budget
    steps: int = Field(default=20, ge=1)
    restarts: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _headline_is_a_rung(self) -> Self:
        require_rung("intrinsic.headline", self.headline, self.linf)
        return self


class IntrinsicProbe(Probe):
    """Maximum KL divergence from the clean prediction (Yu et al. 2019)."""

    name = "intrinsic"
    title = "Intrinsic robustness"
    question = "How far can a prediction be moved by a small change of the image?"
    Settings = IntrinsicSettings
    scores = {
        "divergence": ScoreSpec(
            label="Divergence",
            description="Mean over test examples of the largest KL divergence found between the "
            "prediction and that of an image inside the headline ball. Says nothing of "
            "correctness: read it beside accuracy.",
            unit="nats",
            higher_is_better=False,
            headline=True,
        ),
        "divergence_median": ScoreSpec(
            label="Divergence (median)",
            description="Median over test examples of the same divergence.",
            unit="nats",
            higher_is_better=False,
        ),
        "normalized_divergence": ScoreSpec(
            label="Divergence (normalised)",
            description="The same mean with every image's logits brought to zero mean and unit "
            "deviation, so that the scale of the logits does not count.",
            unit="nats",
            higher_is_better=False,
        ),
        "psi": ScoreSpec(
            label="psi",
            description="1 / mean divergence, the form of the paper; larger is more robust.",
            unit="",
            higher_is_better=True,
        ),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Ascend at every budget, with and without normalised logits."""
        settings: IntrinsicSettings = self.settings
        raw = maximum_divergence(
            subject, "linf", settings.linf, steps=settings.steps, restarts=settings.restarts
        )
        normalized = maximum_divergence(
            subject,
            "linf",
            settings.linf,
            steps=settings.steps,
            restarts=settings.restarts,
            normalized=True,
        )
        rung = settings.linf.index(settings.headline)
        average = mean(raw[rung].cpu().numpy())
        return ProbeResult(
            probe=self.name,
            scores={
                "divergence": average,
                "divergence_median": exact(float(raw[rung].median()), len(subject)),
                "normalized_divergence": mean(normalized[rung].cpu().numpy()),
                "psi": exact(1 / max(average.value, 1e-12), len(subject)),
            },
            curves=[
                score_curve(
                    "divergence",
                    name,
                    NORM_LABELS["linf"],
                    [0.0, *settings.linf],
                    [exact(0.0, len(subject)), *(mean(v.cpu().numpy()) for v in ladder)],
                    "mean KL divergence (nats)",
                )
                for name, ladder in (("logits", raw), ("normalised logits", normalized))
            ],
            protocol={
                "headline linf budget": settings.headline,
                "steps": settings.steps,
                "restarts": settings.restarts,
            },
        )
