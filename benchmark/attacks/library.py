"""The attacks on weights, on inputs and weights at once, by backdoors and by flipped bits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from benchmark.arguments import count_of, input_budget_of
from benchmark.attacks.attack import TAKES_TEXTS, Attack
from benchmark.attacks.backdoor import (
    Backdoor,
    BackdoorOutcome,
    Injection,
    InjectionEffort,
    Patch,
    Trigger,
    WeightChange,
    split,
)
from benchmark.attacks.bits import flip_bits, quantize
from benchmark.attacks.controls import gain_over, require_trigger, success_of
from benchmark.attacks.embeddings import rows_of, trigger_ball
from benchmark.attacks.inputs import attack_subject, searches_of
from benchmark.attacks.joint import BudgetPair, input_candidate
from benchmark.attacks.result import AttackResult, Candidate, SearchReport
from benchmark.attacks.weights import worst_weights
from benchmark.requirements import (
    require_image_gradients,
    require_weights,
    require_weights_under_attack,
)
from benchmark.spaces.selection import BY_ROLE
from benchmark.subject import Subject
from benchmark.threats import (
    ROW_RULE,
    BackdoorThreat,
    BitFlipThreat,
    JointThreat,
    WeightThreat,
)
from models_zoo.errors import InputError


@dataclass(frozen=True)
class WeightAttack(Attack[AttackResult]):
    """APGD over the weights of the whole network, one perturbation for all examples.

    Attributes:
        threat: the ball around the weights.
        steps: APGD steps of each ascent.
    """

    takes = TAKES_TEXTS

    threat: WeightThreat
    steps: int = 30

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        count_of("steps", self.steps)
        _require_weights(subject, self.threat.rule)

    def run(self, subject: Subject) -> AttackResult:
        """As :meth:`Attack.run`."""
        with subject.cost() as cost:
            (found,) = worst_weights(subject, [self.threat], self.steps)
        lowest = found.lowest
        search = SearchReport.of_whole_set(
            "weight", lowest.robust, cost().forwards, cost().backwards
        )
        return AttackResult(self.threat, lowest.robust, subject.images, lowest.weights, (search,))


@dataclass(frozen=True)
class JointAttack(Attack[AttackResult]):
    """One weight perturbation for all examples and an input perturbation for each.

    Never weaker than either attack alone at the same budgets, nor than one after the other in
    either order: all are candidates. Each is one of the result's ``searches``, and ``strongest`` is
    the one that the result is from.

    Attributes:
        threat: the balls around the images and around the weights.
        steps: APGD steps over the weights.
        effort: of the input attacks.
    """

    threat: JointThreat
    steps: int = 30
    effort: str = "standard"

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        count_of("steps", self.steps)
        searches_of(self.effort)
        input_budget_of(self.threat.inputs.eps, self.threat.inputs.norm, subject.images)
        require_image_gradients(subject)
        _require_weights(subject, self.threat.weights.rule)

    def run(self, subject: Subject) -> AttackResult:
        """As :meth:`Attack.run`."""
        inputs = self.threat.inputs
        (worst,) = worst_weights(subject, [self.threat.weights], self.steps)
        found = attack_subject(subject, inputs.norm, inputs.eps, self.effort)
        alone = Candidate({}, found.images, found.robust)
        if self.threat.weights.radius > 0:
            alone = input_candidate(subject, inputs, alone)
        return BudgetPair(
            subject=subject,
            threat=self.threat,
            steps=self.steps,
            effort=self.effort,
            input_attack=alone,
            weight_attack=worst.lowest,
        ).attack()


@dataclass(frozen=True, repr=False)
class BackdoorResult(AttackResult):
    """Measurements of a backdoor on the examples that were not used to optimize or select it.

    There are N of these, of which M are of other classes than the target. ``images`` are these
    examples, without the trigger.

    Attributes:
        success: bool (M,), triggered images that are classified as the target.
        base: bool (M,), those that the unperturbed model already classifies as the target.
        clean: bool (N,), clean images that the unperturbed model classifies correctly.
        agreement: bool (N,), clean images classified as by the unperturbed model.
        moved: how far the weights moved.
        other: bool (M,), the same as ``success``, stamped with a trigger that the injection does
            not know; ``None`` where none was given.
    """

    success: Tensor = field(kw_only=True)
    base: Tensor = field(kw_only=True)
    clean: Tensor = field(kw_only=True)
    agreement: Tensor = field(kw_only=True)
    moved: WeightChange = field(kw_only=True)
    other: Tensor | None = field(kw_only=True, default=None)

    @property
    def gain(self) -> float:
        """Success less the base rate or that of the other trigger, whichever is larger."""
        return gain_over(self.success, self.base, self.other)

    @property
    def outcome(self) -> BackdoorOutcome:
        """The measurements, without the threat."""
        return BackdoorOutcome(
            weights=self.weights,
            success=self.success,
            base=self.base,
            robust=self.robust,
            clean=self.clean,
            agreement=self.agreement,
            moved=self.moved,
        )

    @property
    def change(self) -> float:
        """Mean of ``|v_j| / |w_j|`` over all weights with ``|w_j| >= 1e-8``."""
        return self.outcome.change

    @property
    def rate(self) -> float:
        """Share of triggered images of other classes that are classified as the target."""
        return self.outcome.rate

    @property
    def drop(self) -> float:
        """Decrease of clean accuracy from the unperturbed model, as a share."""
        return self.outcome.drop


@dataclass(frozen=True)
class BackdoorAttack(Attack[BackdoorResult]):
    """A trigger and a target class injected by a perturbation of the weights.

    Half of the examples are used for the optimization, a fifth for selecting among the weights
    found, and the rest for measuring. ``robust`` is about the latter.

    Attributes:
        threat: the ball around the weights; its trigger and target are set from the two below.
        trigger: what is stamped on images, or inserted into texts.
        target: the class that stamped images are to be classified as.
        steps: mini-batch steps of up to 32 images, each clean and stamped.
        other: another trigger of the same kind, which the injection does not know: what it achieves
            with the same weights is due to no trigger in particular.
    """

    takes = TAKES_TEXTS

    threat: BackdoorThreat
    trigger: Trigger = field(default_factory=Patch)
    target: int = 0
    steps: int = 200
    other: Trigger | None = None

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        require_trigger("trigger", self.trigger, subject)
        if self.other is not None:
            require_trigger("other", self.other, subject)
        classes = subject.logits(subject.images[:1]).shape[1]
        if not 0 <= count_of("target", self.target, 0) < classes:
            raise InputError(f"target must be a class in 0..{classes - 1}, got {self.target}")
        if self.threat.rule == ROW_RULE:
            rows_of(subject, self.trigger)
        # Rules by role leave weights out on purpose, so few of them may move.
        if self.threat.rule in (*BY_ROLE, ROW_RULE):
            require_weights(subject)
        else:
            _require_weights(subject, self.threat.rule)
        count_of("steps", self.steps)

    def run(self, subject: Subject) -> BackdoorResult:
        """As :meth:`Attack.run`."""
        splits, ball = split(subject), trigger_ball(subject, self.threat, self.trigger)
        backdoor = Backdoor(self.trigger, self.target)
        with subject.cost() as cost:
            of_images = subject.kind == "images"  # the schedules of the probes of both kinds
            effort = InjectionEffort if of_images else InjectionEffort.in_small_steps
            injection = Injection(splits, backdoor, effort(self.steps))
            found = injection.measure(ball, injection.at(ball))
            other = success_of(splits.measured, self.other, self.target, found.weights)
        search = SearchReport.of_whole_set(
            "injection", found.robust, cost().forwards, cost().backwards
        )
        threat = replace(self.threat, trigger=str(self.trigger), target=int(self.target))
        return BackdoorResult(
            threat,
            found.robust,
            splits.measured.images,
            found.weights,
            (search,),
            success=found.success,
            base=found.base,
            clean=found.clean,
            agreement=found.agreement,
            moved=found.moved,
            other=other,
        )


@dataclass(frozen=True)
class BitFlipAttack(Attack[AttackResult]):
    """Progressive bit search on weights that are stored in 8 bits.

    The result's weights are the quantized ones with the bits flipped.

    Attributes:
        threat: how many bits may be flipped, and in which tensors.
        search_examples: number of examples that the search uses, the first ones.
        top: entries of the largest gradient considered in each tensor.
    """

    takes = TAKES_TEXTS

    threat: BitFlipThreat
    search_examples: int = 128
    top: int = 10

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        if not self.threat.flips.is_integer():
            raise InputError(f"flips must be a whole number, got {self.threat.flips.text}")
        count_of("search_examples", self.search_examples)
        count_of("top", self.top)
        _require_weights(subject, self.threat.rule)

    def run(self, subject: Subject) -> AttackResult:
        """As :meth:`Attack.run`."""
        quantized = quantize(subject.weights_that_move(self.threat.rule))
        with subject.cost() as cost:
            found = flip_bits(
                subject,
                quantized,
                int(self.threat.flips),
                search_examples=self.search_examples,
                top=self.top,
            )
        robust = found.after(int(self.threat.flips))
        search = SearchReport.of_whole_set("bit search", robust, cost().forwards, cost().backwards)
        weights = found.weights.weights()
        return AttackResult(self.threat, robust, subject.images, weights, (search,))


def _require_weights(subject: Subject, rule: str) -> None:
    require_weights(subject)
    require_weights_under_attack(subject, rule)
