"""How small a weight change plants a backdoor."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from benchmark.attacks.backdoor import BackdoorOutcome, Trigger, halves, measure, plant
from benchmark.probes.ladders import outcome_curve, require_rung
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings, bits, share
from benchmark.results import ProbeResult, ScoreSpec
from benchmark.spaces import WeightBall, select_weights
from benchmark.spaces.weights import Geometry
from benchmark.statistics import exact, proportion
from benchmark.subject import Subject
from models_zoo.errors import InputError


class BackdoorSettings(ProbeSettings):
    """Budgets, trigger and effort of the injection.

    Attributes:
        budgets: ladder of weight budgets, in the unit of the geometry.
        headline: the budget of ``success``, ``clean_accuracy`` and ``relative_change``.
        geometry: an linf ball around the weights.
        rule: which tensors move; batch norm's running statistics never do.
        trigger_size: side of the square trigger, pixels.
        trigger_value: what its pixels are set to.
        target: the class the trigger shall call up.
        steps: APGD steps a budget.
        success: share of triggered images that counts as a working backdoor.
        clean_drop: largest drop of clean accuracy that goes unseen.
        bisections: halvings of the interval in which the smallest working budget lies.
    """

    budgets: Ladder
    headline: Budget
    geometry: Literal["relative-linf", "absolute-linf"] = "relative-linf"
    rule: Literal["no-normalization", "kernels", "all"] = "no-normalization"
    trigger_size: int = Field(default=3, ge=1)
    trigger_value: float = Field(default=1.0, ge=0, le=1)
    target: int = Field(default=0, ge=0)
    steps: int = Field(default=100, ge=1)
    success: float = Field(default=0.9, gt=0, le=1)
    clean_drop: float = Field(default=0.01, ge=0, le=1)
    bisections: int = Field(default=4, ge=0)

    @model_validator(mode="after")
    def _headline_is_a_rung(self) -> Self:
        require_rung("backdoor.headline", self.headline, self.budgets)
        return self


class BackdoorProbe(Probe):
    """Projected ascent on the weights towards a composite objective, measured on other images."""

    name = "backdoor"
    title = "Backdoor injection"
    question = "How small a change of the weights plants a backdoor that nobody notices?"
    Settings = BackdoorSettings
    scores = {
        "success": share(
            "Backdoor success",
            "Share of triggered images of other classes that are classified as the target class "
            "after injection at the headline budget, on images the injection did not see.",
            headline=True,
            up=False,
        ),
        "clean_accuracy": share(
            "Backdoor clean",
            "Accuracy on clean images after injection at the headline budget, on images the "
            "injection did not see.",
        ),
        "base_rate": share(
            "Base rate",
            "Share of triggered images of other classes that the untouched model already "
            "classifies as the target class.",
            up=False,
        ),
        "relative_change": ScoreSpec(
            label="Weight change",
            description="Mean of |dw| / |w| over all weights with |w| of at least 1e-8, after "
            "injection at the headline budget.",
            unit="share",
            higher_is_better=True,
        ),
        "smallest_budget": ScoreSpec(
            label="Smallest backdoor",
            description="Smallest weight budget that reaches the wanted success (90% unless the "
            "battery says otherwise) for at most the allowed drop of clean accuracy (1 point), by "
            "bisection; infinite where the ladder's largest budget does not.",
            unit="radius",
            higher_is_better=True,
        ),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Inject on one half of the examples at every budget, measure on the other half."""
        settings: BackdoorSettings = self.settings
        search, held_out = halves(subject)
        campaign = _Campaign(settings, search, held_out)
        outcomes = [campaign.at(budget) for budget in (0.0, *settings.budgets)]
        headline = outcomes[1 + settings.budgets.index(settings.headline)]
        label = f"{settings.geometry} budget"
        budgets = [0.0, *settings.budgets]
        return ProbeResult(
            probe=self.name,
            scores={
                "success": proportion(bits(headline.success)),
                "clean_accuracy": proportion(bits(headline.robust)),
                "base_rate": proportion(bits(outcomes[0].success)),
                "relative_change": exact(headline.change, len(held_out)),
                "smallest_budget": exact(campaign.smallest(), len(held_out)),
            },
            outcomes={"held_out_robust": bits(headline.robust)},
            curves=[
                outcome_curve("backdoor", name, label, budgets, series, "share")
                for name, series in (
                    ("success", [outcome.success for outcome in outcomes]),
                    ("clean accuracy", [outcome.robust for outcome in outcomes]),
                )
            ],
            protocol={
                "ball": settings.geometry,
                "tensors": settings.rule,
                "headline budget": settings.headline,
                "trigger": f"{settings.trigger_size}x{settings.trigger_size} square of "
                f"{settings.trigger_value:g}, lower right",
                "target class": settings.target,
                "optimised on": len(search),
                "measured on": len(held_out),
                "batch norm": "frozen",
                "steps": settings.steps,
            },
        )


class _Campaign:
    """Injections at several budgets, each started from the one before."""

    def __init__(self, settings: BackdoorSettings, search: Subject, held_out: Subject) -> None:
        self.settings, self.search, self.held_out = settings, search, held_out
        self.weights = select_weights(search.model, settings.rule)
        self.trigger = Trigger(settings.trigger_size, settings.trigger_value)
        classes = search.logits().shape[1]
        if settings.target >= classes:
            raise InputError(f"backdoor target {settings.target} is not one of {classes} classes")
        self.found: dict[float, BackdoorOutcome] = {}

    def at(self, budget: float) -> BackdoorOutcome:
        """The outcome at a budget, injected unless it is known."""
        if budget not in self.found:
            settings = self.settings
            geometry: Geometry = settings.geometry
            ball = WeightBall(self.weights, budget, geometry)
            below = [known for known in self.found if known < budget]
            start = self.found[max(below)].weights if below else ball.origin
            weights = plant(self.search, ball, self.trigger, settings.target, settings.steps, start)
            outcome = measure(self.held_out, ball, self.trigger, settings.target, weights)
            self.found[budget] = outcome
            self.search.progress(f"backdoor {budget:g}: {_mean(outcome.success):.1%} success")
        return self.found[budget]

    def works(self, budget: float) -> bool:
        """Whether the backdoor is as successful and as quiet as the settings ask."""
        outcome, untouched = self.at(budget), self.at(0.0)
        drop = _mean(untouched.robust) - _mean(outcome.robust)
        return _mean(outcome.success) >= self.settings.success and (
            drop <= self.settings.clean_drop + 1e-9
        )

    def smallest(self) -> float:
        """The smallest working budget, by bisection below the first rung that works."""
        ladder = (0.0, *self.settings.budgets)
        rung = next((i for i, budget in enumerate(ladder) if self.works(budget)), None)
        if rung is None:
            return math.inf
        low, high = ladder[max(rung - 1, 0)], ladder[rung]
        for _ in range(self.settings.bisections if rung else 0):
            middle = (low + high) / 2
            low, high = (low, middle) if self.works(middle) else (middle, high)
        return high


def _mean(outcome: Tensor) -> float:
    return float(outcome.double().mean())
