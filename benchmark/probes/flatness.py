"""Flatness of the clean and of the robust loss, scale-invariant."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark.attacks.weights import WeightBudget
from benchmark.measures.flatness import RobustLoss, average_flatness, worst_flatness
from benchmark.probes.probe import Budget, Probe, ProbeSettings
from benchmark.results import ProbeResult, Score, ScoreSpec
from benchmark.spaces.weights import Geometry
from benchmark.statistics import exact, mean
from benchmark.subject import Subject


class FlatnessSettings(ProbeSettings):
    """Radii and effort; the defaults are the paper's.

    Attributes:
        eps: linf input budget of the robust loss.
        average_radius: xi of the average case.
        worst_radius: xi of the worst case.
        geometry: the weight ball.
        rule: which tensors move.
        input_steps: PGD steps of the robust loss.
        draws: random perturbations of the average case.
        restarts: random starts of the worst case.
        epochs: passes over the examples of the worst case.
        minibatch: images a weight step of the worst case.
        examples: at most so many examples, the first ones (1,000 in the paper).
    """

    eps: Budget
    average_radius: Budget = 0.5
    worst_radius: Budget = 0.003
    geometry: Geometry = "relative-l2"
    rule: Literal["no-normalization", "kernels", "all"] = "no-normalization"
    input_steps: int = Field(default=20, ge=1)
    draws: int = Field(default=10, ge=2)
    restarts: int = Field(default=10, ge=1)
    epochs: int = Field(default=20, ge=1)
    minibatch: int = Field(default=128, ge=1)
    examples: int = Field(default=1000, ge=1)

    @property
    def budget(self) -> WeightBudget:
        """The geometry and rule of the weight balls; their steps are not used."""
        return WeightBudget(self.geometry, self.rule)


def _spec(label: str, description: str, *, headline: bool = False) -> ScoreSpec:
    return ScoreSpec(
        label=label,
        description=description + " In nats; larger is sharper.",
        unit="nats",
        higher_is_better=False,
        headline=headline,
    )


class FlatnessProbe(Probe):
    """Average- and worst-case flatness, robust and clean (Stutz et al. 2021)."""

    name = "flatness"
    title = "Flatness"
    question = "How fast does the loss rise when the weights move?"
    Settings = FlatnessSettings
    scores = {
        "average_robust": _spec(
            "Flatness (average)",
            "Mean rise of the adversarial cross-entropy under random weight perturbations of the "
            "average-case radius, the adversarial examples made anew for each.",
            headline=True,
        ),
        "worst_robust": _spec(
            "Flatness (worst)",
            "Largest rise of the adversarial cross-entropy found inside the worst-case weight "
            "ball, weights and inputs climbing together.",
            headline=True,
        ),
        "average_clean": _spec(
            "Flatness (average, clean)",
            "Mean rise of the clean cross-entropy under random weight perturbations of the "
            "average-case radius.",
        ),
        "worst_clean": _spec(
            "Flatness (worst, clean)",
            "Largest rise of the clean cross-entropy found inside the worst-case weight ball.",
        ),
        "robust_loss": _spec(
            "Adversarial loss",
            "The reference: mean adversarial cross-entropy of the unperturbed weights, "
            "misclassified examples included.",
        ),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Both cases on both losses, on the same examples with the same attack."""
        settings: FlatnessSettings = self.settings
        some = subject.head(settings.examples)
        robust = RobustLoss(settings.eps, settings.input_steps)
        clean = RobustLoss(0.0)
        return ProbeResult(
            probe=self.name,
            scores={
                "average_robust": self._average(some, robust, "robust"),
                "worst_robust": self._worst(some, robust, "robust"),
                "average_clean": self._average(some, clean, "clean"),
                "worst_clean": self._worst(some, clean, "clean"),
                "robust_loss": mean(robust(some).cpu().numpy()),
            },
            protocol={
                "ball": settings.geometry,
                "tensors": settings.rule,
                "average-case radius": settings.average_radius,
                "worst-case radius": settings.worst_radius,
                "input budget": settings.eps,
                "examples": len(some),
                "draws": settings.draws,
                "restarts": settings.restarts,
                "epochs": settings.epochs,
                "input attack": f"PGD-{settings.input_steps}, one start, on both sides",
                "batch norm": "frozen",
                "mean confidence": float(some.logits().softmax(1).amax(1).mean()),
            },
        )

    def _average(self, subject: Subject, loss: RobustLoss, purpose: str) -> Score:
        settings: FlatnessSettings = self.settings
        ball = settings.budget.ball(subject, settings.average_radius)
        return mean(average_flatness(subject, loss, ball, settings.draws, purpose).cpu().numpy())

    def _worst(self, subject: Subject, loss: RobustLoss, purpose: str) -> Score:
        settings: FlatnessSettings = self.settings
        rise = worst_flatness(
            subject,
            loss,
            settings.budget.ball(subject, settings.worst_radius),
            restarts=settings.restarts,
            epochs=settings.epochs,
            minibatch=settings.minibatch,
            purpose=purpose,
        )
        return exact(float(rise), len(subject))
