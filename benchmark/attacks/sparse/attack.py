"""The sparse backdoor as an attack that is called on any module."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from benchmark.arguments import count_of
from benchmark.attacks.attack import TAKES_TEXTS, Attack
from benchmark.attacks.backdoor import Goal, Patch, Trigger, require_injectable, split
from benchmark.attacks.backdoor.injection import Backdoor
from benchmark.attacks.controls import gain_over, require_trigger, success_of
from benchmark.attacks.embeddings import RuleSupport
from benchmark.attacks.result import AttackResult, SearchReport
from benchmark.attacks.sparse.any_layer import REACHES, ROW_REACHES
from benchmark.attacks.sparse.changes import Change
from benchmark.attacks.sparse.injection import SparseInjection
from benchmark.attacks.sparse.learned_triggers import TriggerSearch
from benchmark.attacks.sparse.search import SparseEffort
from benchmark.attacks.sparse.storage import storage_of, stored_in_float32
from benchmark.requirements import require_weights, require_weights_under_attack
from benchmark.subject import Subject
from benchmark.threats import ROW_RULE, SparseBackdoorThreat
from models_zoo.errors import InputError, shown
from models_zoo.inputs import KINDS

RULE = "kernels"
"""The rule of the tensors whose weights are changed."""


@dataclass(frozen=True, repr=False)
class SparseBackdoorResult(AttackResult):
    """Measurements of a sparse backdoor on the examples that were not used to find or select it.

    There are N of these, of which M are of other classes than the target. ``images`` are these
    examples, without the trigger; ``weights`` are the stored weights with the changes.

    Attributes:
        changes: the changed weights or bits.
        trigger: what is stamped, optimized if that was asked for.
        success: bool (M,), stamped images that are classified as the target.
        alone: bool (M,), those that the untouched weights classify so: the trigger alone.
        clean: bool (N,), clean images that the untouched weights classify correctly.
        agreement: bool (N,), clean images classified as by the untouched weights.
        other: bool (M,), the same as ``success``, stamped with a trigger that the search does not
            know; ``None`` where none was given.
    """

    changes: tuple[Change, ...] = field(kw_only=True)
    trigger: Trigger = field(kw_only=True)
    success: Tensor = field(kw_only=True)
    alone: Tensor = field(kw_only=True)
    clean: Tensor = field(kw_only=True)
    agreement: Tensor = field(kw_only=True)
    other: Tensor | None = field(kw_only=True, default=None)

    @property
    def gain(self) -> float:
        """Success less that of the trigger alone or of the other one, whichever is larger."""
        return gain_over(self.success, self.alone, self.other)


@dataclass(frozen=True)
class SparseBackdoorAttack(Attack[SparseBackdoorResult]):
    """Changes a few weights or bits so that a trigger determines the predicted class.

    Half of the examples are used for the search, a fifth for selecting, and the rest for measuring.

    Attributes:
        threat: how many weights or bits may be changed, and how they are stored.
        trigger: what is stamped; or a set of triggers, from which one is optimized.
        target: the class that stamped images are to be classified as.
        effort: of the search.
        other: another trigger of the same kind, which the search does not know.
    """

    takes = TAKES_TEXTS

    threat: SparseBackdoorThreat
    trigger: Trigger | TriggerSearch = field(default_factory=Patch)
    target: int = 0
    effort: SparseEffort = field(default_factory=SparseEffort)
    other: Trigger | None = None

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        if not isinstance(self.trigger, Trigger | TriggerSearch):
            raise InputError(
                "trigger must be a trigger, such as Patch(), or a set of them, such as "
                f"PixelSearch(), got {shown(self.trigger)}"
            )
        if isinstance(self.trigger, TriggerSearch) and subject.kind != "images":
            raise InputError(
                f"triggers of {type(self.trigger).__name__} are optimized for images, and the "
                f"inputs are {KINDS[subject.kind]}; give a TokenTrigger"
            )
        if self.other is not None:
            require_trigger("other", self.other, subject)
        if not self.threat.changes.is_integer():
            raise InputError(f"changes must be a whole number, got {self.threat.changes.text}")
        target = count_of("target", self.target, 0)
        require_weights(subject)
        require_weights_under_attack(subject, RULE)
        stored = stored_in_float32(subject.weights_that_move(RULE))
        if isinstance(self.trigger, Trigger):
            RuleSupport(subject, stored)(self.threat.rule, self.trigger)
        stamped = self.trigger if isinstance(self.trigger, Trigger) else Patch(1)
        require_injectable(split(subject), [Backdoor(stamped, target)], subject.classes)

    def run(self, subject: Subject) -> SparseBackdoorResult:
        """As :meth:`Attack.run`."""
        splits, most = split(subject), int(self.threat.changes)
        weights = stored_in_float32(subject.weights_that_move(RULE))
        storage = storage_of(self.threat.storage, weights)
        supports, effort = RuleSupport(subject, weights), self.effort
        if self.threat.rule == ROW_RULE and effort.reaches == REACHES:
            effort = replace(effort, reaches=ROW_REACHES)
        injection = SparseInjection(
            *(splits, storage, most, Goal(), effort),
            support=lambda trigger: supports(self.threat.rule, trigger),
        )
        with subject.cost() as cost:
            if isinstance(self.trigger, Trigger):
                found = injection.with_triggers([(self.trigger, self.target)])
            else:
                found = injection.with_optimized(self.trigger, [self.target])
            outcome = injection.measured(injection.best(found, most))
            other = success_of(splits.measured, self.other, self.target, outcome.weights)
        report = SearchReport.of_whole_set(
            "sparse search", outcome.robust, cost().forwards, cost().backwards
        )
        threat = replace(self.threat, trigger=str(outcome.trigger), target=int(self.target))
        return SparseBackdoorResult(
            threat,
            outcome.robust,
            splits.measured.images,
            outcome.weights,
            (report,),
            changes=outcome.changes,
            trigger=outcome.trigger,
            success=outcome.success,
            alone=outcome.alone,
            clean=outcome.clean,
            agreement=outcome.agreement,
            other=other,
        )
