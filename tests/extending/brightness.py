"""A probe of somebody else: all that the suite has to know about it is in this file."""

from __future__ import annotations

from benchmark.budgets import Budget
from benchmark.probes import Probe, ProbeSettings
from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.definition import Definition, Formula, Source
from benchmark.probes.probe import ProfileShare, as_outcomes, share
from benchmark.probes.settings import Budgets
from benchmark.results import Outcome, ProbeResult
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat
from models_zoo.prediction import predicted_classes


class BrightnessSettings(ProbeSettings):
    """Settings of the brightness probe.

    Attributes:
        shifts: added to every pixel, ascending.
        headline: the shift of the score.
    """

    headline_settings = ("headline",)

    shifts: Budgets
    headline: Budget


class BrightnessProbe(Probe[BrightnessSettings]):
    """Accuracy on brighter images."""

    name = "brightness"
    title = "Brightness"
    question = "How often is the model still right when the light is turned up?"
    perturbs = frozenset({"images"})
    offers_threats = True
    profile = ProfileShare("robust_accuracy", "brighter")
    leading_pictures = ("brightness",)
    scores = {
        "robust_accuracy": share(
            "Brighter",
            "Share of test examples still classified correctly when every pixel is brighter by "
            "the headline shift.",
            headline=True,
        )
    }

    @classmethod
    def definition(cls) -> Definition:
        """As the other probes have it in a file."""
        return Definition(
            formulas=(
                Formula(
                    gives="robust_accuracy",
                    text="share of n with argmax z(min(x_n + b, 1)) = y_n",
                    tex=r"\frac{1}{N}\sum_n [\hat{y}(\min(x_n + b, 1)) = y_n]",
                ),
            ),
            sources=(
                Source.model_validate(
                    {
                        "text": "Doe 2026, Light",
                        "url": "https://example.org/light",
                        "use": "the question",
                    }
                ),
            ),
        )

    @property
    def headline_threats(self) -> list[InputThreat]:
        """The ball that contains the brighter images."""
        return [InputThreat("linf", self.settings.headline)]

    def ask(self, subject: Subject) -> ProbeResult:
        """Classify the images at every shift."""
        settings = self.settings
        robust = {
            shift: predicted_classes(subject.logits((subject.images + shift).clamp(max=1)))
            == subject.labels
            for shift in settings.shifts
        }
        headline = as_outcomes(robust[settings.headline])
        return ProbeResult(
            probe=self.name,
            scores={"robust_accuracy": proportion(headline)},
            share_of={"robust_accuracy": "headline"},
            curves=[
                outcome_curve(
                    "brightness",
                    "brighter",
                    "shift (input units)",
                    [0.0, *settings.shifts],
                    [subject.correct(), *robust.values()],
                    role="budget",
                    threat=InputThreat("linf", settings.shifts[-1]),
                )
            ],
            protocol={"shifts": len(settings.shifts)},
        ).with_outcomes(
            {"headline": Outcome(headline, "headline", self.headline_threats[0])}
            | {
                f"shift {shift.text}": Outcome(
                    as_outcomes(each), "budget", InputThreat("linf", shift)
                )
                for shift, each in robust.items()
            }
        )
