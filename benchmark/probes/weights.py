"""Accuracy under the worst weight perturbation found, over a ladder of radii."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, model_validator

from benchmark.attacks.weights import WeightBudget, verified_weights, weight_ladder
from benchmark.probes.ladders import outcome_curve, require_rung, score_curve
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings, bits, share
from benchmark.results import ProbeResult, Score
from benchmark.spaces.weights import Geometry
from benchmark.statistics import mean, proportion
from benchmark.subject import Subject


class WeightSettings(ProbeSettings):
    """Radii, ball and effort of the weight attack.

    Attributes:
        radii: ladder of radii, relative to each tensor's own norm unless the geometry is absolute.
        headline: the radius of ``robust_accuracy``.
        geometry: the ball, see :class:`benchmark.spaces.WeightBall`.
        rule: which tensors move, see :data:`benchmark.spaces.RULES`.
        steps: APGD steps an objective and start.
        random_draws: random directions of the control, at the full radius.
    """

    radii: Ladder
    headline: Budget
    geometry: Geometry = "relative-l2"
    rule: Literal["no-normalization", "kernels", "all"] = "no-normalization"
    steps: int = Field(default=30, ge=1)
    random_draws: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _headline_is_a_rung(self) -> Self:
        require_rung("weight.headline", self.headline, self.radii)
        return self

    @property
    def budget(self) -> WeightBudget:
        """The settings the attack takes."""
        return WeightBudget(self.geometry, self.rule, self.steps)


class WeightProbe(Probe):
    """APGD over the weights of the whole network, one perturbation for all examples."""

    name = "weight"
    title = "Weight attack"
    question = "How often is the model still right when its weights may be changed a little?"
    Settings = WeightSettings
    scores = {
        "robust_accuracy": share(
            "Weight",
            "Share of test examples still classified correctly under the worst single weight "
            "perturbation found within the headline radius, shared by all of them.",
            headline=True,
        ),
        "random_accuracy": share(
            "Weight (random)",
            "Control: mean accuracy under random weight perturbations of the headline radius. Far "
            "above the attacked accuracy where directions matter.",
        ),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack and draw at every radius."""
        settings: WeightSettings = self.settings
        attacks = weight_ladder(subject, settings.radii, settings.budget)
        random = [self._random(subject, radius) for radius in settings.radii]
        clean = subject.correct()
        headline = settings.radii.index(settings.headline)
        label = f"{settings.geometry} radius"
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(bits(attacks[headline].robust)),
                "random_accuracy": random[headline],
            },
            outcomes={"headline": bits(attacks[headline].robust)}
            | {f"{r:.6g}": bits(a.robust) for r, a in zip(settings.radii, attacks, strict=True)},
            curves=[
                outcome_curve(
                    "weight_accuracy",
                    "worst found",
                    label,
                    [0.0, *settings.radii],
                    [clean, *(attack.robust for attack in attacks)],
                ),
                score_curve(
                    "weight_accuracy",
                    "random directions (mean)",
                    label,
                    [0.0, *settings.radii],
                    [proportion(bits(clean)), *random],
                    "accuracy",
                ),
            ],
            protocol={
                "ball": settings.geometry,
                "tensors": settings.rule,
                "headline radius": settings.headline,
                "shared by": len(subject),
                "batch norm": "frozen",
                "steps": settings.steps,
                "random draws": settings.random_draws,
            },
        )

    def _random(self, subject: Subject, radius: float) -> Score:
        """Accuracy over random directions at full radius; the interval is over draws."""
        settings: WeightSettings = self.settings
        ball = settings.budget.ball(subject, radius)
        generator = subject.generator("weight", "random", radius)
        shares = [
            verified_weights(subject, ball, ball.sphere(generator)).robust.double().mean()
            for _ in range(settings.random_draws)
        ]
        return mean(torch.stack(shares).cpu().numpy())
