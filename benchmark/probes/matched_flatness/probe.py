"""The probe for flatness with the logits of every model at the same mean confidence."""

from __future__ import annotations

from pydantic import JsonValue

from benchmark.attacks.weights import weight_ball
from benchmark.interval_kinds import IntervalKind
from benchmark.measures.flatness import average_flatness
from benchmark.measures.relative_flatness import last_layer
from benchmark.measures.robust_loss import LossIncrease, RobustLoss
from benchmark.measures.temperature import confidence, matching_temperature
from benchmark.probes.flatness.settings import FlatnessSettings
from benchmark.probes.matched_flatness.settings import MatchedFlatnessSettings
from benchmark.probes.probe import Probe, refusal
from benchmark.results import Curve, ProbeResult, Score, ScoreSpec
from benchmark.statistics import bounded_score, exact, mean
from benchmark.subject import Subject
from benchmark.threats import AnyThreat, InputThreat
from benchmark.work import PassMix, Work
from models_zoo.errors import InputError


def _spec(
    label: str,
    description: str,
    unit: str = "nats",
    *,
    better: bool | None = False,
    headline: bool = False,
    interval: IntervalKind = "draws",
) -> ScoreSpec:
    return ScoreSpec(
        label=label,
        description=description,
        unit=unit,
        higher_is_better=better,
        headline=headline,
        interval=interval,
    )


class MatchedFlatnessProbe(Probe[MatchedFlatnessSettings]):
    """Average-case and relative flatness at a temperature that equates confidence."""

    name = "matched-flatness"
    title = "Flatness at equal confidence"
    algorithm = 2
    question = (
        "How much does the loss increase under weight perturbations if all models are equally "
        "confident?"
    )
    pass_cost = 0.75
    mix = PassMix(images=0.95)
    step_cost = 1.2
    uses_image_gradients = True
    perturbs = frozenset({"images", "weights"})
    reads = frozenset({"flatness"})
    scores = {
        "average_robust": _spec(
            "Flatness (equal confidence)",
            "Mean increase of the adversarial cross-entropy under the random weight perturbations "
            "of flatness (average), with the logits divided by the temperature. Larger is sharper.",
            headline=True,
        ),
        "average_clean": _spec(
            "Flatness (clean, equal confidence)",
            "Mean increase of the clean cross-entropy under the same perturbations, with the "
            "logits divided by the temperature. Larger is sharper.",
        ),
        "relative_flatness": _spec(
            "Relative flatness (equal confidence)",
            "kappa_Tr of the last linear layer, with the logits divided by the temperature. Larger "
            "is sharper.",
            "",
            interval="whole set",
        ),
        "temperature": _spec(
            "Temperature",
            "The number by which all logits are divided: at it, the mean confidence on clean "
            "examples is that of the settings. Above 1 for a model that is more confident.",
            "",
            better=None,
            interval="whole set",
        ),
        "confidence": _spec(
            "Confidence",
            "Mean of the largest probability on clean examples, with the model's own logits.",
            "share",
            better=None,
            interval="bounded",
        ),
    }

    def applies(self, subject: Subject) -> str | None:
        """Requires weights to perturb."""
        return refusal(lambda: subject.weights_that_move(self._flatness.rule))

    @property
    def _flatness(self) -> FlatnessSettings:
        """Settings of the battery's flatness probe."""
        settings = self.battery.get("flatness")
        if not isinstance(settings, FlatnessSettings):
            raise InputError(
                "the matched-flatness probe needs a battery with a flatness probe, whose "
                "perturbations it repeats"
            )
        return settings

    @property
    def weight_rule(self) -> str:
        """The rule of the flatness probe."""
        return self._flatness.rule

    @property
    def headline_threats(self) -> list[AnyThreat]:
        """The input ball of the robust loss, and the ball of average-case flatness."""
        flatness = self._flatness
        return [
            InputThreat("linf", flatness.eps),
            flatness.threat(flatness.average_radius),
        ]

    def expected_work(self, subject: Subject) -> Work:
        """An attack on the images for each draw and the unperturbed weights."""
        flatness = self._flatness
        some = min(flatness.examples, len(subject))
        passes = (flatness.draws + 1) * (2 * flatness.attack_steps + 4) * some
        return Work.in_batches(passes, min(some, subject.batch_size))

    def ask(self, subject: Subject) -> ProbeResult:
        """Find the temperatures, and measure all losses under the same perturbations."""
        flatness, asked = self._flatness, self.settings.confidence
        some = subject.head(flatness.examples)
        largest = some.logits().double().softmax(1).amax(1)
        scores: dict[str, Score] = {
            "confidence": bounded_score(float(largest.mean()), largest.cpu().numpy())
        }
        wanted = sorted({asked, *self.settings.confidences})
        found = {level: matching_temperature(some.logits(), level) for level in wanted}
        known = {level: t for level, t in found.items() if t is not None}
        protocol = self._protocol(some)
        if asked not in known:
            protocol["temperature"] = f"none: no temperature gives a mean confidence of {asked:g}"
            return ProbeResult(probe=self.name, scores=scores, protocol=protocol)
        temperature = known[asked]
        losses = [
            RobustLoss(flatness.eps, flatness.attack_steps, temperature),
            *(RobustLoss(0.0, temperature=t) for t in known.values()),
        ]
        ball = weight_ball(some, flatness.threat(flatness.average_radius))
        robust, *clean = average_flatness(some, losses, ball, flatness.draws)
        by_confidence = dict(zip(known, map(_mean_increase, clean), strict=True))
        scores |= {
            "average_robust": _mean_increase(robust),
            "average_clean": by_confidence[asked],
            "temperature": exact(temperature, len(some)),
        }
        few = subject.head(min(flatness.measure_examples or len(some), flatness.examples))
        layer = last_layer(few)
        if layer is None:
            protocol["relative flatness"] = "none: the logits are not the output of a linear layer"
        else:
            kappa = layer.at_temperature(temperature).normalized().trace()
            scores["relative_flatness"] = exact(kappa, len(few))
        return ProbeResult(
            probe=self.name,
            scores={name: scores[name] for name in self.scores if name in scores},
            curves=[_curve(by_confidence)],
            protocol=protocol | {"temperature": temperature},
        )

    def _protocol(self, some: Subject) -> dict[str, JsonValue]:
        flatness = self._flatness
        return {
            "ball": flatness.geometry,
            "tensors": flatness.rule,
            "radius": float(flatness.average_radius),
            "input budget": float(flatness.eps),
            "examples": len(some),
            "draws": flatness.draws,
            "input attack": f"PGD-{flatness.attack_steps}, one start, on both sides",
            "batch norm": "frozen",
            "mean confidence": confidence(some.logits()),
            "mean confidence at the temperature": self.settings.confidence,
        }


def _mean_increase(increase: LossIncrease) -> Score:
    return mean(increase.loss.cpu().numpy())


def _curve(by_confidence: dict[float, Score]) -> Curve:
    """Average-case flatness of the clean loss over the confidence at which it is measured."""
    return Curve(
        picture="flatness_by_confidence",
        series="clean",
        x_label="mean confidence",
        y_label="increase of the clean loss (nats)",
        x=list(by_confidence),
        x_text=[f"{level:g}" for level in by_confidence],
        y=list(by_confidence.values()),
        unit="nats",
        role="control",
    )
