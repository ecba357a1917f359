"""The backdoors of the probe, their scores and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from torch import Tensor

from benchmark.attacks.backdoor import Trigger
from benchmark.attacks.sparse import Found, SparseInjection, SparseOutcome
from benchmark.budgets import Budget
from benchmark.probes.backdoor.outcomes import pattern_seed
from benchmark.probes.backdoor_sparse.settings import SparseBackdoorSettings
from benchmark.probes.backdoor_sparse.specs import AT_ONE, smallest_name
from benchmark.probes.probe import as_outcomes
from benchmark.results import Score
from benchmark.statistics import exact, paired_shares, proportion
from benchmark.subject import Subject
from benchmark.threats import SparseBackdoorThreat


@dataclass(frozen=True)
class FamilyResult:
    """The backdoors of one storage and one family of triggers.

    Attributes:
        storage: name of the storage.
        family: of the triggers.
        counts: numbers of changes, 0 first.
        found: the best with at most as many changes, by the selection split.
        outcomes: what they achieve on the measured split.
        smallest: the smallest number that works on both splits; infinite if none does.
    """

    storage: str
    family: str
    counts: tuple[int, ...]
    found: tuple[Found, ...]
    outcomes: tuple[SparseOutcome, ...]
    smallest: float

    @classmethod
    def of(
        cls,
        injection: SparseInjection,
        family: str,
        found: list[Found],
        counts: tuple[int, ...],
    ) -> FamilyResult:
        """Choose the best of what was found by number of changes, and measure it."""
        numbers = (0, *counts)
        best = [injection.best(found, count) for count in numbers]
        measured: dict[int, SparseOutcome] = {}
        for each in best:
            if id(each) not in measured:
                measured[id(each)] = injection.measured(each)
        outcomes = [measured[id(each)] for each in best]
        smallest = injection.smallest(zip(numbers, best, outcomes, strict=True))
        name = injection.storage.name
        return cls(name, family, numbers, tuple(best), tuple(outcomes), smallest)

    @property
    def one(self) -> SparseOutcome:
        """The outcome with at most one change, or with the fewest that were asked for."""
        return self.outcomes[1]

    @property
    def name(self) -> str:
        """In words, such as ``float32-bits, pixels``."""
        return f"{self.storage}, {self.family}"

    @property
    def key(self) -> str:
        """In names of outcomes and charts, such as ``float32_bits_pixels``."""
        return f"{self.storage}_{self.family}".replace("-", "_")

    @property
    def share_of(self) -> dict[str, str]:
        """The outcome that its clean accuracy with one change is the share of, by the score."""
        prefix = AT_ONE.get(self.storage)
        score = f"{prefix}clean_accuracy_{self.family}"
        return {} if prefix is None else {score: f"held_out_robust_{self.key}"}

    def scores(self) -> dict[str, Score]:
        """Its scores: those of one change if it has such, and the smallest number."""
        n = len(self.one.robust)
        found = {smallest_name(self.storage, self.family): exact(self.smallest, n)}
        prefix = AT_ONE.get(self.storage)
        if prefix is None or self.counts[1] != 1:
            return found
        success, alone = as_outcomes(self.one.success), as_outcomes(self.one.alone)
        clean, robust = as_outcomes(self.one.clean), as_outcomes(self.one.robust)
        return found | {
            f"{prefix}success_{self.family}": proportion(success),
            f"{prefix}trigger_alone_{self.family}": proportion(alone),
            f"{prefix}gain_{self.family}": paired_shares(success, alone).score,
            f"{prefix}clean_accuracy_{self.family}": proportion(robust),
            f"{prefix}clean_drop_{self.family}": paired_shares(clean, robust).score,
        }

    def threat(self, settings: SparseBackdoorSettings, count: int) -> SparseBackdoorThreat:
        """The threat of a number of changes, with any trigger of the family."""
        return SparseBackdoorThreat(
            Budget(count), self.storage, trigger=settings.described(self.family)
        )


def pairs(settings: SparseBackdoorSettings, subject: Subject) -> list[tuple[Trigger, int]]:
    """Every fixed trigger with every target; random patterns are those of the probe backdoor."""
    seed = pattern_seed(subject, 0)
    seeded = [trigger.seeded(seed) for trigger in settings.triggers]
    return list(product(seeded, settings.targets))


def right_with_and_without(subject: Subject, outcome: SparseOutcome) -> Tensor:
    """Bool (N,): all examples that are right after the changes, stamped and not stamped.

    Args:
        subject: the model and all examples.
        outcome: the trigger and the changed weights.
    """
    stamped = subject.on(outcome.trigger.stamp(subject.images), subject.labels)
    clean = subject.at(outcome.weights).correct()
    return clean & stamped.at(outcome.weights).correct()
