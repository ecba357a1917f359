"""The weight probe: accuracy and loss under weight perturbations, over ascending radii."""

from __future__ import annotations

from benchmark.attacks.layers import attack_layers
from benchmark.attacks.weights import search_weights, worst_weights
from benchmark.measures.temperature import confidence
from benchmark.probes.probe import (
    Probe,
    ProfileShare,
    as_outcomes,
    refusal,
    share,
    whole_batches,
)
from benchmark.probes.weight.curves import WeightOutcomes
from benchmark.probes.weight.settings import WeightSettings
from benchmark.results import Bars, Outcome, ProbeResult, ScoreSpec
from benchmark.spaces import by_layer
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from benchmark.work import PassMix, Work


class WeightProbe(Probe[WeightSettings]):
    """APGD over the weights of the whole network, one perturbation for all examples."""

    name = "weight"
    title = "Weight attack"
    pass_cost = 1.05
    mix = PassMix(weights=0.89)
    step_cost = 1.07
    question = "What is the accuracy when the weights may be perturbed slightly?"
    takes = frozenset({"images", "tokens"})
    perturbs = frozenset({"weights"})
    in_headline = True
    offers_threats = True
    profile = ProfileShare("robust_accuracy", "weight")
    leading_pictures = ("weight_accuracy", "layer_sensitivity")
    scores = {
        "robust_accuracy": share(
            "Weight",
            "Share of test examples still classified correctly under the worst single weight "
            "perturbation found within the headline radius, shared by all of them.",
            headline=True,
        ),
        "random_accuracy": share(
            "Weight (random)",
            "Control: mean accuracy under random weight perturbations of the headline radius. It "
            "is usually far above the attacked accuracy.",
            interval="draws",
        ),
        "worst_loss": ScoreSpec(
            label="Weight loss",
            description="Largest mean cross-entropy found under a single weight perturbation "
            "within the headline radius, in nats. The perturbation may differ from that of the "
            "lowest accuracy.",
            unit="nats",
            higher_is_better=False,
            interval="loss",
        ),
        "random_loss": ScoreSpec(
            label="Weight loss (random)",
            description="Control: mean cross-entropy under random weight perturbations of the "
            "headline radius, in nats.",
            unit="nats",
            higher_is_better=False,
            interval="draws",
        ),
        "weakest_layer_accuracy": share(
            "Weakest layer",
            "Lowest accuracy found when a single layer's weights are perturbed within the "
            "headline radius and all others are fixed, on the first examples. It is near the "
            "attacked accuracy if one layer dominates.",
        ),
    }

    def applies(self, subject: Subject) -> str | None:
        """Requires weights to perturb."""
        return refusal(lambda: subject.weights_that_move(self.settings.rule))

    @property
    def weight_rule(self) -> str:
        """The rule of the settings."""
        settings = self.settings
        return settings.rule

    @property
    def headline_threats(self) -> list[WeightThreat]:
        """The main geometry's ball of the headline radius."""
        return [self.settings.threat(self.settings.headline)]

    def expected_work(self, subject: Subject) -> Work:
        """Those of the ascents at all radii, of the controls and of the ascents per layer."""
        settings = self.settings
        balls = [(len(settings.radii), settings.steps)]
        balls += [(len(ball.radii), ball.steps) for ball in settings.also.values()]
        ascents = sum(2 * (6 * radii - 1) * (steps + 1) for radii, steps in balls)
        others = sum(radii for radii, _ in balls) * (settings.random_draws + 5)
        layers = len(by_layer(subject.weights_that_move(settings.rule)))
        some = min(settings.layer_examples, len(subject))
        by_itself = layers * 2 * (settings.layer_steps + 1) * some
        return whole_batches(subject, (ascents + others) * len(subject) + by_itself)

    def search_work(self, subject: Subject) -> Work:
        """The ascents in the balls of the main geometry, which other probes start from."""
        settings = self.settings
        ascents = 2 * (6 * len(settings.radii) - 1) * (settings.steps + 1)
        return whole_batches(subject, ascents * len(subject))

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack at every radius of every geometry, with controls, then layer by layer."""
        settings = self.settings
        draws, threats = settings.random_draws, settings.threats
        worst = worst_weights(subject, threats, settings.steps)
        main = WeightOutcomes.of(subject, threats, worst, draws)
        further = []
        for geometry, ball in settings.also.items():
            others = [WeightThreat(geometry, radius, settings.rule) for radius in ball.radii]
            worst = search_weights(subject, others, ball.steps)
            further.append(WeightOutcomes.of(subject, others, worst, draws))
        layers = self._layers(subject)
        at = settings.radii.index(settings.headline)
        headline, threat = as_outcomes(main.robust[at]), settings.threat(settings.headline)
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(headline),
                "random_accuracy": main.random[at].accuracy,
                "worst_loss": main.worst_loss(at),
                "random_loss": main.random[at].loss,
                "weakest_layer_accuracy": min(layers.y, key=lambda score: score.value),
            },
            share_of={"robust_accuracy": "headline"},
            curves=[curve for each in (main, *further) for curve in each.curves()],
            bars=[layers],
            protocol={
                "ball": settings.geometry,
                "tensors": settings.rule,
                "perturbed tensors": len(subject.weights_that_move(settings.rule)),
                "headline radius": float(settings.headline),
                "shared by": len(subject),
                "batch norm": "frozen",
                "steps": settings.steps,
                "random draws": settings.random_draws,
                "mean confidence": confidence(subject.logits()),
                "layer by layer": f"{settings.layer_steps} steps, perturbation shared by the "
                f"first {min(settings.layer_examples, len(subject))} examples",
            }
            | {f"{name} radii": [*map(float, ball.radii)] for name, ball in settings.also.items()},
        ).with_outcomes(
            {"headline": Outcome(headline, "headline", threat)}
            | main.outcomes()
            | {
                f"{each.geometry}@{radius}": outcome
                for each in further
                for radius, outcome in each.outcomes().items()
            }
        )

    def _layers(self, subject: Subject) -> Bars:
        """Accuracy when one layer is perturbed within the headline radius, for every layer."""
        settings = self.settings
        some, threat = subject.head(settings.layer_examples), settings.threat(settings.headline)
        robust = attack_layers(some, threat, settings.layer_steps)
        return Bars(
            picture="layer_sensitivity",
            series=f"{settings.geometry} radius {settings.headline.text}",
            x_label="layer",
            y_label="accuracy",
            names=list(robust),
            y=[proportion(as_outcomes(each)) for each in robust.values()],
            unit="share",
            role="budget",
            threat=threat,
        )
