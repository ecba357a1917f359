"""The joint probe: accuracy under joint perturbations of inputs and weights, and certificates."""

from __future__ import annotations

from pydantic import JsonValue
from torch import Tensor

from benchmark.attacks.inputs import attacks_by_budget
from benchmark.attacks.inputs.pilot import Pilot
from benchmark.attacks.joint import JOINT, PairOutcome, joint_surface
from benchmark.attacks.result import Candidate
from benchmark.attacks.weights import weight_ball, worst_weights
from benchmark.budgets import Budget
from benchmark.measures.temperature import confidence
from benchmark.probes.budget_curves import require_among
from benchmark.probes.headline_norm import HeadlineNorm
from benchmark.probes.input.probe import InputProbe
from benchmark.probes.input.settings import InputSettings
from benchmark.probes.joint.diagonal import Diagonal
from benchmark.probes.joint.envelope import ENVELOPE_SCORES, Envelope
from benchmark.probes.joint.grid import Grid
from benchmark.probes.joint.settings import JointSettings
from benchmark.probes.probe import (
    Probe,
    ProfileShare,
    TakenOver,
    as_outcomes,
    refusal,
    share,
)
from benchmark.probes.weight.probe import WeightProbe
from benchmark.probes.weight.settings import WeightSettings
from benchmark.results import Outcome, ProbeResult, ScoreSpec
from benchmark.statistics import bounded_score, proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat, JointThreat
from benchmark.work import PassMix, Steps, Work
from models_zoo.errors import InputError

PASSES_PER_PAIR, PASSES_PER_SHARE = 13.0, 5.5
"""Usual number of passes per example and step of an ascent over the weights, for estimates of the
time left, at a pair of budgets and at a share of the headline budgets. Networks for digits and
MNIST need 0.55 to 1.2 times as many, more where more examples are robust."""

SHARE_PER_BATCH = 0.37
"""Usual mean size of a batch relative to the largest, as for the input attack."""


PASSES_PER_ROBUST, PASSES_WHERE_HALF_ARE, PASSES_PER_SHARE_STEP = 123.0, 74.0, 3.9
"""Passes per example where the robustness is known: at a pair of budgets for each robust example,
in addition where half of all are robust, so that many are close to being broken, and at a share of
the headline budgets per step of an ascent. Fitted on models for digits, MNIST and CIFAR-10."""

SHARE_PER_BATCH_FOUND = 0.5
"""Mean size of a batch relative to the largest on the same models."""


def _share_robust(ball: str) -> ScoreSpec:
    return share(
        "Joint",
        "Share of test examples still classified correctly under the worst joint perturbation "
        "found: one weight "
        "perturbation within the headline radius for all examples, and an input perturbation "
        f"within the headline {ball} for each.",
        headline=True,
    )


def _area(label: str, description: str) -> ScoreSpec:
    return ScoreSpec(
        label=label,
        description=description,
        unit="share",
        higher_is_better=True,
        interval="bounded",
    )


class JointProbe(Probe[JointSettings]):
    """Simultaneous ascent in input ball x weight ball, and certificates from below."""

    name = "joint"
    title = "Joint attack"
    pass_cost = 1.25
    question = "What is the accuracy when images and weights are perturbed together?"
    mix = PassMix(images=0.32, weights=0.48)
    step_cost = 1.2
    reads = frozenset({"input", "weight"})
    algorithm = 5
    perturbs = frozenset({"images", "weights"})
    in_headline = True
    offers_threats = True
    profile = ProfileShare("robust_accuracy", "joint")
    uses_image_gradients = True
    scores = {
        "robust_accuracy": _share_robust("linf ball (or that of the battery's headline norm)"),
        "volume": _area(
            "Joint volume",
            "Volume under the joint accuracy surface over input budget and weight radius "
            "(trapezoid rule), divided by the area of the budgets: 1 means that all examples are "
            "robust at the largest budgets.",
        ),
        "input_area": _area(
            "Input area",
            "Area under the surface's edge without weight perturbation, over input budgets, "
            "divided by the largest: the input attack alone.",
        ),
        "weight_area": _area(
            "Weight area",
            "Area under the surface's edge without input perturbation, over weight radii, divided "
            "by the largest: the weight attack alone.",
        ),
    } | ENVELOPE_SCORES
    scores_by_norm = {"l2": {"robust_accuracy": _share_robust("l2 ball")}}

    def applies(self, subject: Subject) -> str | None:
        """Requires weights to perturb by the rule of the weight probe.

        Raises:
            InputError: the battery has no input or weight probe with these budgets.
        """
        rule = self._neighbors()[1].rule
        return refusal(lambda: subject.weights_that_move(rule))

    @property
    def weight_rule(self) -> str:
        """That of the battery's weight probe."""
        return self._neighbors()[1].rule

    @property
    def headline_threats(self) -> list[JointThreat]:
        """The product of the input ball and the weight ball of the headline."""
        return [
            JointThreat(
                InputThreat(self.settings.headline_norm, self.settings.headline_eps),
                self._neighbors()[1].threat(self.settings.headline_radius),
            )
        ]

    def expected_work(self, subject: Subject) -> Work:
        """As measured per step of an ascent, over all pairs and shares of the budgets."""
        settings = self.settings
        pairs = len(settings.budgets) * len(settings.radii)
        ascents = PASSES_PER_PAIR * pairs + PASSES_PER_SHARE * len(settings.shares)
        passes = ascents * self._neighbors()[1].steps * len(subject)
        return Work.in_batches(passes, SHARE_PER_BATCH * min(len(subject), subject.batch_size))

    def expected_steps(self, subject: Subject, pilot: Pilot | None = None) -> Steps:
        """By the share of examples that are robust at each input budget."""
        if pilot is None:
            return super().expected_steps(subject)
        settings = self.settings
        distances = pilot.distances(settings.headline_norm)
        shares = [float((distances >= float(eps)).double().mean()) for eps in settings.budgets]
        attacks = sum(
            PASSES_PER_ROBUST * share + PASSES_WHERE_HALF_ARE * 4 * share * (1 - share)
            for share in shares
        )
        ascents = PASSES_PER_SHARE_STEP * (self._neighbors()[1].steps + 1) * len(settings.shares)
        passes = (len(settings.radii) * attacks + ascents) * len(subject)
        size = SHARE_PER_BATCH_FOUND * min(len(subject), subject.batch_size)
        return self.mix.steps(Work.in_batches(passes, size))

    def taken_over(self, subject: Subject, pilot: Pilot | None = None) -> list[TakenOver]:
        """The input attack in the balls of the headline norm, and the weight attack."""
        inputs, weights = self._neighbors()
        probe, norm = InputProbe(inputs, self.battery), self.settings.headline_norm
        budgets = len(inputs.linf) + len(inputs.l2)
        work = (
            probe.work_in(norm, subject, pilot)
            if pilot is not None
            else probe.expected_work(subject).of(
                probe.expected_work(subject).images * len(_budgets(inputs, norm)) / budgets
            )
        )
        search = WeightProbe(weights, self.battery).search_work(subject)
        return [
            TakenOver("input", probe.mix.steps(work)),
            TakenOver("weight", WeightProbe.mix.steps(search)),
        ]

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack and certify every pair of budgets, from small to large."""
        settings = self.settings
        weights = self._neighbors()[1]
        norm = settings.headline_norm
        none = Budget(0.0)
        grid = Grid(
            tuple(InputThreat(norm, eps) for eps in (none, *settings.budgets)),
            tuple(weights.threat(radius) for radius in (none, *settings.radii)),
        )
        (threat,) = self.headline_threats
        outcomes = self._surface(subject, grid)
        robust = [[pair.robust for pair in row] for row in outcomes]
        accuracy = grid.accuracy(robust)
        headline = as_outcomes(grid.at(robust, threat))
        balls = [weight_ball(subject, each) for each in grid.weights]
        envelope = Envelope.of(subject, grid, balls) if settings.certify else Envelope.left_out()
        envelope.require_below(grid, robust)
        diagonal = self._diagonal(subject, envelope, threat, grid.at(robust, threat))
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(headline),
                "volume": bounded_score(grid.volume(accuracy), grid.volumes(robust)),
                "input_area": bounded_score(grid.input_area(accuracy), grid.input_areas(robust)),
                "weight_area": bounded_score(grid.weight_area(accuracy), grid.weight_areas(robust)),
            }
            | envelope.scores(grid, threat)
            | (diagonal.scores() if diagonal else {}),
            share_of={"robust_accuracy": "headline"},
            curves=diagonal.curves() if diagonal else [],
            surfaces=[
                grid.surface("joint_accuracy", "accuracy", accuracy, "budget"),
                *envelope.surfaces(grid),
            ],
            protocol={
                f"headline {norm} budget": float(settings.headline_eps),
                "headline radius": float(settings.headline_radius),
                "effort under perturbed weights": settings.effort,
                "input ball": norm,
                "weight ball": weights.geometry,
                "tensors": weights.rule,
                "weight steps": weights.steps,
                "shared by": len(subject),
                "batch norm": "frozen",
                "mean confidence": confidence(subject.logits()),
                "certificate": envelope.reason,
            }
            | _candidates(outcomes),
        ).with_outcomes(
            {"headline": Outcome(headline, "headline", threat)}
            | grid.named(robust, "budget")
            | envelope.outcomes(grid)
            | (diagonal.outcomes() if diagonal else {})
        )

    def _diagonal(
        self, subject: Subject, envelope: Envelope, threat: JointThreat, headline: Tensor
    ) -> Diagonal | None:
        """Attacks and certificates within shares of the headline budgets, if there are any."""
        settings = self.settings
        if envelope.certified is None:
            return None
        diagonal = Diagonal.of(
            subject,
            threat,
            self._neighbors()[1].steps,
            settings.shares,
            headline,
        )
        diagonal.require_below()
        return diagonal

    def _neighbors(self) -> tuple[InputSettings, WeightSettings]:
        """Settings of the battery's input and weight probes, whose budgets the surface combines."""
        settings = self.settings
        inputs, weights = self.battery.get("input"), self.battery.get("weight")
        if not isinstance(inputs, InputSettings) or not isinstance(weights, WeightSettings):
            raise InputError("the joint probe needs a battery with an input and a weight probe")
        norm = settings.headline_norm
        for eps in settings.budgets:
            require_among(f"joint.{norm}", eps, _budgets(inputs, norm))
        for radius in settings.radii:
            require_among("joint.radii", radius, weights.radii)
        return inputs, weights

    def _surface(self, subject: Subject, grid: Grid) -> list[list[PairOutcome]]:
        """The outcomes at all pairs of budgets, from the attacks of both other probes."""
        settings = self.settings
        inputs, weights = self._neighbors()
        norm = settings.headline_norm
        budgets = _budgets(inputs, norm)
        by_input = attacks_by_budget(subject, norm, budgets, inputs.effort)
        by_weight = worst_weights(subject, weights.threats, weights.steps)
        clean = Candidate({}, subject.images, subject.correct())
        return joint_surface(
            subject,
            grid.inputs,
            grid.weights,
            steps=weights.steps,
            effort=settings.effort,
            input_attacks=[
                clean,
                *(
                    Candidate({}, found.images, found.robust)
                    for found in (by_input[budgets.index(eps)] for eps in settings.budgets)
                ),
            ],
            weight_attacks=[
                clean,
                *(by_weight[weights.radii.index(radius)].lowest for radius in settings.radii),
            ],
        )


def _budgets(inputs: InputSettings, norm: HeadlineNorm) -> tuple[Budget, ...]:
    return inputs.linf if norm == "linf" else inputs.l2


def _candidates(pairs: list[list[PairOutcome]]) -> dict[str, JsonValue]:
    """Statistics of the strongest candidates, over pairs where both budgets are above 0."""
    inner = [pair for row in pairs[1:] for pair in row[1:]]
    names = [pair.strongest for pair in inner]
    ascended = [pair.n_robust for pair in inner if JOINT in pair.n_robust]
    others = [min(n for name, n in each.items() if name != JOINT) for each in ascended]
    compared = list(zip(ascended, others, strict=True))
    return {
        "strongest candidates": {name: names.count(name) for name in sorted(set(names))},
        "pairs with a joint ascent": len(ascended),
        "joint ascent at least as strong as every alternative": sum(
            each[JOINT] <= other for each, other in compared
        ),
        "joint ascent stronger than every alternative": sum(
            each[JOINT] < other for each, other in compared
        ),
    }
