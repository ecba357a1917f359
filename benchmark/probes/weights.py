"""Accuracy and loss under the worst weight perturbation found, over ladders of radii."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

from pydantic import Field, model_validator

from benchmark.attacks.layers import attack_layers
from benchmark.attacks.weights import WeightBudget, search_ladder, weight_rungs
from benchmark.measures.temperature import confidence
from benchmark.probes.ladders import require_rung
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings, bits, refusal, share
from benchmark.probes.weight_curves import WeightLadder
from benchmark.results import Bars, ProbeResult, ScoreSpec
from benchmark.spaces.weights import Geometry
from benchmark.statistics import proportion
from benchmark.subject import Subject
from models_zoo.errors import InputError

Rule = Literal["no-normalization", "kernels", "all"]


class FurtherBall(ProbeSettings):
    """A ladder in another geometry, for curves beside those of the main one.

    Attributes:
        radii: ladder of radii, in the unit of that geometry.
        steps: APGD steps of each climb.
    """

    radii: Ladder
    steps: int = Field(default=6, ge=1)


class WeightSettings(ProbeSettings):
    """Radii, balls and effort of the weight attack.

    Attributes:
        radii: ladder of radii, relative to each tensor's own norm unless the geometry says
            otherwise.
        headline: the radius of the scores.
        geometry: the ball, see :class:`benchmark.spaces.WeightBall`.
        rule: which tensors move, see :data:`benchmark.spaces.RULES`.
        steps: APGD steps of each climb.
        random_draws: random directions of the control, at the full radius.
        layer_steps: APGD steps for each layer alone, at the headline radius.
        layer_examples: the first so many examples share a layer's perturbation.
        also: further geometries by name, each with a ladder of its own.
    """

    radii: Ladder
    headline: Budget
    geometry: Geometry = "relative-l2"
    rule: Rule = "no-normalization"
    steps: int = Field(default=30, ge=1)
    random_draws: int = Field(default=10, ge=1)
    layer_steps: int = Field(default=5, ge=1)
    layer_examples: int = Field(default=300, ge=1)
    also: dict[Geometry, FurtherBall] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _headline_is_a_rung(self) -> Self:
        require_rung("weight.headline", self.headline, self.radii)
        if self.geometry in self.also:
            raise InputError(
                f"weight.also.{self.geometry} is the geometry of weight.radii already; "
                "add its radii there"
            )
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
        "worst_loss": ScoreSpec(
            label="Weight loss",
            description="Largest mean cross-entropy found under a single weight perturbation "
            "within the headline radius, in nats. Its perturbation is another than that of the "
            "lowest accuracy.",
            unit="nats",
            higher_is_better=False,
        ),
        "random_loss": ScoreSpec(
            label="Weight loss (random)",
            description="Control: mean cross-entropy under random weight perturbations of the "
            "headline radius, in nats.",
            unit="nats",
            higher_is_better=False,
        ),
        "weakest_layer_accuracy": share(
            "Weakest layer",
            "Lowest accuracy found when a single layer's weights are perturbed within the headline "
            "radius and all others stay, on the first examples. Near the accuracy under the whole "
            "attack where one layer decides.",
        ),
    }

    def applies(self, subject: Subject) -> str | None:
        """Weights that the rule lets move."""
        return refusal(lambda: subject.weights_that_move(self.settings.rule))

    @property
    def weight_rule(self) -> str:
        """The rule of its settings."""
        settings: WeightSettings = self.settings
        return settings.rule

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack and draw at every radius of every geometry, then layer by layer."""
        settings: WeightSettings = self.settings
        draws, budget = settings.random_draws, settings.budget
        rungs = weight_rungs(subject, settings.radii, budget)
        main = WeightLadder.of(subject, budget, settings.radii, rungs, draws)
        further = []
        for geometry, ball in settings.also.items():
            other = replace(budget, geometry=geometry, steps=ball.steps)
            rungs = search_ladder(subject, ball.radii, other)
            further.append(WeightLadder.of(subject, other, ball.radii, rungs, draws))
        layers = self._layers(subject)
        at = settings.radii.index(settings.headline)
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(bits(main.robust[at])),
                "random_accuracy": main.random[at].accuracy,
                "worst_loss": main.worst_loss(at),
                "random_loss": main.random[at].loss,
                "weakest_layer_accuracy": min(layers.y, key=lambda score: score.value),
            },
            outcomes={"headline": bits(main.robust[at])}
            | main.outcomes()
            | {
                f"{each.geometry}@{radius}": outcome
                for each in further
                for radius, outcome in each.outcomes().items()
            },
            curves=[curve for ladder in (main, *further) for curve in ladder.curves()],
            bars=[layers],
            protocol={
                "ball": settings.geometry,
                "tensors": settings.rule,
                "tensors that move": len(subject.weights_that_move(settings.rule)),
                "headline radius": settings.headline,
                "shared by": len(subject),
                "batch norm": "frozen",
                "steps": settings.steps,
                "random draws": settings.random_draws,
                "mean confidence": confidence(subject.logits()),
                "layer by layer": f"{settings.layer_steps} steps, perturbation shared by the "
                f"first {min(settings.layer_examples, len(subject))} examples",
            }
            | {f"{name} radii": list(ball.radii) for name, ball in settings.also.items()},
        )

    def _layers(self, subject: Subject) -> Bars:
        """Accuracy when one layer moves within the headline radius, for every layer."""
        settings: WeightSettings = self.settings
        budget = replace(settings.budget, steps=settings.layer_steps)
        some = subject.head(settings.layer_examples)
        standing = attack_layers(some, settings.headline, budget)
        return Bars(
            picture="layer_sensitivity",
            series=f"{settings.geometry} radius {settings.headline:g}",
            x_label="layer",
            y_label="accuracy",
            names=list(standing),
            y=[proportion(bits(robust)) for robust in standing.values()],
        )
