"""The probe of sparse backdoors."""

from __future__ import annotations

from benchmark.attacks.backdoor import Patch, Splits, require_injectable, split
from benchmark.attacks.backdoor.injection import Backdoor
from benchmark.attacks.backdoor.splits import SEARCH_SHARE, SELECTION_SHARE
from benchmark.attacks.sparse import SparseInjection, Storage, storage_of, stored_in_float32
from benchmark.attacks.sparse.attack import RULE
from benchmark.attacks.sparse.learned_triggers import BATCH_SIZE
from benchmark.budgets import Budget
from benchmark.probes.backdoor_sparse.outcomes import (
    FamilyResult,
    pairs,
    right_with_and_without,
)
from benchmark.probes.backdoor_sparse.pictures import (
    count_curves,
    one_change_bars,
    trigger_thumbnails,
)
from benchmark.probes.backdoor_sparse.settings import (
    FIXED,
    SparseBackdoorSettings,
    headline_storage,
)
from benchmark.probes.backdoor_sparse.specs import specs
from benchmark.probes.probe import Probe, as_outcomes, classes_of, refusal
from benchmark.results import Outcome, ProbeResult, Score
from benchmark.spaces import Point
from benchmark.subject import Subject
from benchmark.threats import SparseBackdoorThreat
from benchmark.work import PassMix, Work

STEPS_TAKEN = 0.85
"""Usual share of the work of a search that is done, for estimates of the time left: a search ends
when its backdoor is perfect."""


class SparseBackdoorProbe(Probe[SparseBackdoorSettings]):
    """Greedy search of few changed weights or bits, for fixed and for optimized triggers."""

    name = "backdoor-sparse"
    title = "Sparse backdoors"
    question = (
        "How few changed weights or bits inject a backdoor without a noticeable loss of accuracy?"
    )
    perturbs = frozenset({"images", "weights"})
    offers_threats = True
    leading_pictures = ("sparse_backdoor_one_change", "sparse_backdoor_float32_bits_pixels")
    mix = PassMix(images=0.28, weights=0.02)
    step_cost = 1.5
    scores = specs()

    def applies(self, subject: Subject) -> str | None:
        """Requires weights in float32, images of other classes, and triggers that fit."""
        settings = self.settings

        def check() -> None:
            self._weights(subject)
            backdoors = [Backdoor(*pair) for pair in pairs(settings, subject)]
            backdoors += [Backdoor(Patch(1), target) for target in settings.targets]
            require_injectable(split(subject), backdoors, classes_of(subject))

        return refusal(check)

    @property
    def weight_rule(self) -> str:
        """The rule of the tensors whose weights are changed."""
        return RULE

    @property
    def headline_threats(self) -> list[SparseBackdoorThreat]:
        """The fewest changes, of the first storage, for each family of triggers."""
        settings = self.settings
        first = headline_storage(settings.storages)
        count = Budget(settings.counts[0])
        return [
            SparseBackdoorThreat(count, first, trigger=settings.described(family))
            for family in settings.families
        ]

    def expected_work(self, subject: Subject) -> Work:
        """Searches for all storages and families, and steps that optimize triggers."""
        settings = self.settings
        searched = min(int(SEARCH_SHARE * len(subject)), settings.examples)
        selected = min(max(int(SELECTION_SHARE * len(subject)), 1), settings.examples)
        each = 2 * (searched + selected)  # clean and stamped
        deep = settings.deep_steps * (settings.shortlist * 64 + 3 * each + 4 * searched)
        search = 3 * each + (deep if settings.shortlist else 0)
        families = len(settings.optimized) * len(settings.targets)
        triggers = families * (1 + settings.starts + settings.rounds)
        searches = families * (1 + settings.rounds) + (1 if settings.triggers else 0)
        steps = triggers * settings.trigger_steps * 2 * BATCH_SIZE
        passes = len(settings.storages) * (searches * STEPS_TAKEN * search + steps)
        return Work.in_batches(passes, 64)

    def ask(self, subject: Subject) -> ProbeResult:
        """Search every storage and family, and measure the best by number of changes."""
        settings = self.settings
        splits, weights = split(subject), self._weights(subject)
        results = [
            result
            for name in settings.storages
            for result in self._of_storage(subject, splits, storage_of(name, weights))
        ]
        scores: dict[str, Score] = {}
        for result in results:
            scores |= result.scores()
        return ProbeResult(
            probe=self.name,
            scores={name: scores[name] for name in self.scores if name in scores},
            share_of={
                score: outcome
                for result in results
                for score, outcome in result.share_of.items()
                if score in scores
            },
            curves=count_curves(results, settings),
            bars=one_change_bars(results),
            thumbnails=trigger_thumbnails(results, splits.measured.images),
            protocol={
                "tensors": RULE,
                "counts as working": str(settings.goal),
                "optimized on": min(len(splits.search), settings.examples),
                "selected on": min(len(splits.selection), settings.examples),
                "measured on": len(splits.measured),
                "batch norm": "frozen",
                "fixed triggers": [str(trigger) for trigger in settings.triggers],
                "target classes": list(settings.targets),
                "first change": {result.name: _first_change(result) for result in results},
            },
        ).with_outcomes(self._outcomes(subject, results))

    def _weights(self, subject: Subject) -> Point:
        return stored_in_float32(subject.weights_that_move(RULE))

    def _of_storage(self, subject: Subject, splits: Splits, storage: Storage) -> list[FamilyResult]:
        settings = self.settings
        injection = SparseInjection(
            splits, storage, settings.counts[-1], settings.goal, settings.effort
        )
        found = []
        for family in settings.families:
            states = (
                injection.with_triggers(pairs(settings, subject))
                if family == FIXED
                else injection.with_optimized(settings.search(family), settings.targets)
            )
            found.append(FamilyResult.of(injection, family, states, settings.counts))
        return found

    def _outcomes(self, subject: Subject, results: list[FamilyResult]) -> dict[str, Outcome]:
        """Of all examples with the fewest changes, and of those that were held out."""
        found = {}
        for result in results:
            threat = result.threat(self.settings, result.counts[1])
            triggered = as_outcomes(right_with_and_without(subject, result.one))
            held_out = as_outcomes(result.one.robust)
            found[f"triggered_{result.key}"] = Outcome(triggered, "budget", threat)
            found[f"held_out_robust_{result.key}"] = Outcome(held_out, "control", threat)
        return found


def _first_change(result: FamilyResult) -> str:
    """The first change in words."""
    if not result.one.changes:
        return "none is better than the trigger alone"
    change = result.one.changes[0]
    return f"{change.name}[{change.entry}] = {change.value:.6g}"
