"""The flatness probe: scale-invariant flatness of the clean and of the robust loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from benchmark.attacks.inputs.pilot import Pilot
from benchmark.attacks.weights import weight_ball, worst_weights
from benchmark.interval_kinds import IntervalKind
from benchmark.measures.flatness import average_flatness, worst_flatness
from benchmark.measures.robust_loss import LossIncrease, RobustLoss
from benchmark.measures.temperature import calibrated_temperature, confidence
from benchmark.probes.flatness.expected import flatness_work
from benchmark.probes.flatness.measures import SPECS, measure
from benchmark.probes.flatness.pictures import increase_curves
from benchmark.probes.flatness.settings import FlatnessSettings
from benchmark.probes.probe import Probe, TakenOver, refusal, share
from benchmark.probes.weight.probe import WeightProbe
from benchmark.probes.weight.settings import WeightSettings
from benchmark.results import ProbeResult, Score, ScoreSpec
from benchmark.spaces import Point
from benchmark.statistics import exact, mean, mean_loss
from benchmark.subject import Subject
from benchmark.threats import AnyThreat, InputThreat
from benchmark.work import PassMix, Work


def _spec(
    label: str, description: str, interval: IntervalKind, *, headline: bool = False
) -> ScoreSpec:
    return ScoreSpec(
        label=label,
        description=description + " In nats; larger is sharper.",
        unit="nats",
        higher_is_better=False,
        headline=headline,
        interval=interval,
    )


class FlatnessProbe(Probe[FlatnessSettings]):
    """Average- and worst-case flatness, robust and clean (Stutz et al. 2021)."""

    name = "flatness"
    pass_cost = 0.9
    mix = PassMix(images=0.51, weights=0.36)
    step_cost = 1.14
    reads = frozenset({"weight"})
    algorithm = 3
    title = "Flatness"
    question = "How much does the loss increase under weight perturbations?"
    takes = frozenset({"images", "tokens"})
    uses_image_gradients = True
    perturbs = frozenset({"images", "weights"})
    leading_pictures = ("average_case_loss", "worst_case_loss")
    scores = {
        "average_robust": _spec(
            "Flatness (average)",
            "Mean increase of the adversarial cross-entropy under random weight perturbations of "
            "the average-case radius, with adversarial examples computed for each.",
            "draws",
            headline=True,
        ),
        "worst_robust": _spec(
            "Flatness (worst)",
            "Largest increase of the adversarial cross-entropy found inside the worst-case weight "
            "ball, with weights and inputs perturbed together.",
            "search",
            headline=True,
        ),
        "average_clean": _spec(
            "Flatness (average, clean)",
            "Mean increase of the clean cross-entropy under random weight perturbations of the "
            "average-case radius.",
            "draws",
        ),
        "worst_clean": _spec(
            "Flatness (worst, clean)",
            "Largest increase of the clean cross-entropy found inside the worst-case weight ball.",
            "search",
        ),
        "average_calibrated": _spec(
            "Flatness (average, calibrated)",
            "Flatness (average) with the logits divided by the temperature that calibrates the "
            "model on its clean predictions, so that their scale does not count.",
            "draws",
        ),
        "worst_calibrated": _spec(
            "Flatness (worst, calibrated)",
            "Flatness (worst) with the logits divided by the same temperature.",
            "search",
        ),
        "average_error": share(
            "Flatness (average, error)",
            "Mean increase of the share of examples misclassified under the input attack, under "
            "the random weight perturbations of flatness (average).",
            up=False,
            interval="draws",
        ),
        "worst_error": share(
            "Flatness (worst, error)",
            "Increase of the share of examples misclassified under the input attack, at the "
            "weights where the adversarial cross-entropy is largest.",
            up=False,
            interval="search",
        ),
        "robust_loss": _spec(
            "Adversarial loss",
            "The reference: mean adversarial cross-entropy with the unperturbed weights, "
            "including misclassified examples.",
            "loss",
        ),
        **SPECS,
    }

    @classmethod
    def scores_with(cls, settings: Mapping[str, Any]) -> dict[str, ScoreSpec]:
        """Without an input budget, as for texts, the flatness of the clean loss is the headline."""
        found = super().scores_with(settings)
        if settings.get("eps") != 0:
            return found
        clean = ("average_clean", "worst_clean")
        return {
            name: spec.model_copy(update={"headline": name in clean})
            for name, spec in found.items()
        }

    def applies(self, subject: Subject) -> str | None:
        """Requires weights to perturb, and no input budget for texts."""
        if subject.kind == "tokens" and self.settings.eps > 0:
            return "token ids have no neighbors; set eps = 0, for the flatness of the clean loss"
        return refusal(lambda: subject.weights_that_move(self.settings.rule))

    @property
    def weight_rule(self) -> str:
        """The rule of the settings."""
        settings = self.settings
        return settings.rule

    @property
    def headline_threats(self) -> list[AnyThreat]:
        """The input ball of the robust loss, if any, then the balls of both kinds of flatness."""
        eps = self.settings.eps
        return [
            *([InputThreat("linf", eps)] if eps > 0 else []),
            self.settings.threat(self.settings.average_radius),
            self.settings.threat(self.settings.worst_radius),
        ]

    def expected_work(self, subject: Subject) -> Work:
        """Those of the attacks, of the ascents and of the products with the Hessians."""
        return flatness_work(self.settings, len(subject), subject.batch_size)

    def taken_over(self, subject: Subject, pilot: Pilot | None = None) -> list[TakenOver]:
        """The weight attack, where it is used."""
        weights = self.battery.get("weight")
        if not isinstance(weights, WeightSettings) or not self._uses(weights, subject):
            return []
        search = WeightProbe(weights, self.battery).search_work(subject)
        return [TakenOver("weight", WeightProbe.mix.steps(search))]

    def ask(self, subject: Subject) -> ProbeResult:
        """Evaluate both cases for all losses with the same attack, and the other measures.

        Of models of texts, the clean loss alone.
        """
        settings = self.settings
        some = subject.head(settings.examples)
        temperature = calibrated_temperature(some.logits(), some.labels)
        classes = some.logits().shape[1]
        losses = {
            "robust": RobustLoss(settings.eps, settings.attack_steps),
            "clean": RobustLoss(0.0),
            "calibrated": RobustLoss(settings.eps, settings.attack_steps, temperature),
        }
        if subject.kind == "tokens":
            losses = {"clean": losses["clean"]}
        average = self._average(some, losses)
        worst = self._worst(some, losses, average, self._known(subject))
        scores: dict[str, Score] = {}
        for name in losses:
            draws = average[name][settings.average_radius]
            scores[f"average_{name}"] = mean(draws.loss.cpu().numpy())
            found = worst[name][settings.worst_radius]
            scores[f"worst_{name}"] = exact(float(found.loss), len(some))
        if "robust" in losses:
            at = average["robust"][settings.average_radius], worst["robust"][settings.worst_radius]
            scores["average_error"] = mean(at[0].error.cpu().numpy(), (-1, 1))
            scores["worst_error"] = exact(float(at[1].error), len(some))
            scores["robust_loss"] = mean_loss(losses["robust"](some).losses.cpu().numpy(), classes)
        protocol = self._protocol(some, temperature)
        if settings.measure_examples:
            few = subject.head(min(settings.measure_examples, settings.examples))
            measures, protocol["other measures"] = measure(few, settings.measures)
            scores |= measures
        return ProbeResult(
            probe=self.name,
            scores={name: scores[name] for name in self.scores if name in scores},
            values=self._examples(some, losses, average, worst),
            curves=[
                *increase_curves("average", settings.threat, average, settings.draws),
                *increase_curves("worst", settings.threat, worst, len(some)),
            ],
            protocol=protocol,
        )

    def _average(
        self, subject: Subject, losses: dict[str, RobustLoss]
    ) -> dict[str, dict[float, LossIncrease]]:
        """Increases of every draw by loss and radius; the calibrated loss at the scores' radius."""
        settings = self.settings
        found: dict[str, dict[float, LossIncrease]] = {name: {} for name in losses}
        for radius in sorted({*settings.average_radii, settings.average_radius}):
            asked = self._asked(losses, radius == settings.average_radius)
            ball = weight_ball(subject, settings.threat(radius))
            increases = average_flatness(subject, list(asked.values()), ball, settings.draws)
            for name, increase in zip(asked, increases, strict=True):
                found[name][radius] = increase
        return found

    def _worst(
        self,
        subject: Subject,
        losses: dict[str, RobustLoss],
        average: dict[str, dict[float, LossIncrease]],
        known: dict[float, Point],
    ) -> dict[str, dict[float, LossIncrease]]:
        """The largest increase by loss and radius, including random draws in the same ball."""
        settings = self.settings
        found: dict[str, dict[float, LossIncrease]] = {name: {} for name in losses}
        for name, loss in losses.items():
            radii = [
                radius
                for radius in sorted({*settings.worst_radii, settings.worst_radius})
                if name in self._asked(losses, radius == settings.worst_radius)
            ]
            worst = worst_flatness(
                subject,
                loss,
                [weight_ball(subject, settings.threat(radius)) for radius in radii],
                restarts=settings.restarts,
                epochs=settings.epochs,
                minibatch=settings.minibatch,
                known=known if loss.eps == 0 else {},
            )
            for radius, each in zip(radii, worst, strict=True):
                inside = [
                    increase.largest() for r, increase in average[name].items() if r <= radius
                ]
                found[name][radius] = LossIncrease.stack([each.increase, *inside]).largest()
        return found

    def _known(self, subject: Subject) -> dict[float, Point]:
        """What the battery's weight probe finds for the same examples, by radius.

        Of more examples than this probe uses, its weights say little, and they would take long to
        find where only this probe is asked for.
        """
        weights = self.battery.get("weight")
        if not isinstance(weights, WeightSettings) or not self._uses(weights, subject):
            return {}
        found = worst_weights(subject, weights.threats, weights.steps)
        return {
            float(radius): each.highest for radius, each in zip(weights.radii, found, strict=True)
        }

    def _uses(self, weights: WeightSettings, subject: Subject) -> bool:
        """Whether the weight attack is about the same perturbations and examples."""
        settings = self.settings
        same = (weights.geometry, weights.rule) == (settings.geometry, settings.rule)
        return same and len(subject) <= settings.examples

    def _examples(
        self,
        some: Subject,
        losses: dict[str, RobustLoss],
        average: dict[str, dict[float, LossIncrease]],
        worst: dict[str, dict[float, LossIncrease]],
    ) -> dict[str, list[float]]:
        """The losses of each example, so that other statistics can be computed later."""
        settings = self.settings
        values = {}
        for name, loss in losses.items():
            draws = average[name][settings.average_radius].losses
            values[f"{name} loss"] = loss(some).losses
            values[f"{name} loss, mean over random weights"] = draws.double().mean(0)
            found = worst[name][settings.worst_radius]
            values[f"{name} loss, worst weights"] = found.losses
            if name != "clean":
                values[f"{name} loss, with the attacks of the worst weights"] = found.own
        return {name: losses.double().tolist() for name, losses in values.items()}

    def _asked(self, losses: dict[str, RobustLoss], headline: bool) -> dict[str, RobustLoss]:
        return {name: loss for name, loss in losses.items() if headline or name != "calibrated"}

    def _protocol(self, some: Subject, temperature: float) -> dict[str, JsonValue]:
        settings = self.settings
        ascent = f"{settings.epochs} decreasing steps on all examples"
        if settings.minibatch is not None:
            ascent = f"{settings.epochs} epochs in steps of {settings.minibatch} images"
        attack = (
            f"PGD-{settings.attack_steps}, one start, on both sides; at worst with shared images"
        )
        if some.kind == "tokens":
            attack = "none: the inputs are token ids"
        return {
            "ball": settings.geometry,
            "tensors": settings.rule,
            "average-case radius": float(settings.average_radius),
            "worst-case radius": float(settings.worst_radius),
            "input budget": float(settings.eps),
            "examples": len(some),
            "draws": settings.draws,
            "restarts": settings.restarts,
            "ascent": ascent,
            "input attack": attack,
            "loss cap": "none",
            "batch norm": "frozen",
            "mean confidence": confidence(some.logits()),
            "calibrated temperature": temperature,
            "calibrated mean confidence": confidence(some.logits(), temperature),
        }
