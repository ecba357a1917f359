"""Sparse backdoors of one storage: several triggers and targets, and their best by count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from benchmark.attacks.backdoor import Goal, Splits, Trigger
from benchmark.attacks.sparse.changes import applied
from benchmark.attacks.sparse.evaluation import EvaluationSet
from benchmark.attacks.sparse.learned_triggers import TriggerSearch
from benchmark.attacks.sparse.linear_calls import output_layer
from benchmark.attacks.sparse.outcome import SparseOutcome, measure_sparse
from benchmark.attacks.sparse.search import SparseEffort, SparseState, search_states
from benchmark.attacks.sparse.starts import promising
from benchmark.attacks.sparse.storage import Storage, Support
from benchmark.spaces import Point

FIRST_LOOK = 2
"""Changes in the last layer by which triggers and targets are compared before the whole search."""

SEARCHED = 1
"""Number of triggers and targets of a family that the whole search is run for."""


@dataclass(frozen=True)
class Found:
    """A state of a search and the trigger it is for.

    Attributes:
        trigger: what is stamped.
        target: the class that stamped images are to be classified as.
        state: the changes, and what they achieve on the images to select on.
    """

    trigger: Trigger
    target: int
    state: SparseState


class SparseInjection:
    """Injects sparse backdoors with weights of one storage.

    Args:
        splits: to optimize on, to select on and to measure on.
        storage: of the weights.
        most: maximum number of changes.
        goal: what counts as working.
        effort: of the searches.
        support: which weights may change for a trigger; by default all.
    """

    def __init__(
        self,
        splits: Splits,
        storage: Storage,
        most: int,
        goal: Goal,
        effort: SparseEffort,
        support: Callable[[Trigger], Support] | None = None,
    ) -> None:
        self.splits, self.storage, self.goal, self.effort = splits, storage, goal, effort
        self.most, self.support = most, support

    def with_triggers(self, pairs: Sequence[tuple[Trigger, int]]) -> list[Found]:
        """All states found for some of the triggers and targets, the most promising ones.

        Args:
            pairs: triggers and targets.
        """
        if len(pairs) <= SEARCHED:
            return [found for pair in pairs for found in self._search(*pair)]
        looked = []
        shallow = replace(self.effort, shortlist=self.effort.first_look)
        most = min(FIRST_LOOK, self.most)
        for trigger, target in pairs:
            states = list(self._states(trigger, target, most, shallow))
            looked.append([Found(trigger, target, state) for state in states])
        looked.sort(key=lambda founds: -max(found.state.merit for found in founds))
        every = [found for founds in looked for found in founds]
        for founds in looked[:SEARCHED]:
            every += self._search(founds[0].trigger, founds[0].target)
        return every

    def with_optimized(self, search: TriggerSearch, targets: Iterable[int]) -> list[Found]:
        """All states found with optimized triggers.

        One trigger is optimized for the untouched weights, others for single changes that clean
        images do not show. The changes are searched for each of them; then the trigger of the best
        ones is optimized for these, and the changes are searched again.

        Args:
            search: the set of triggers.
            targets: the target classes.
        """
        found: list[Found] = []
        subject = self.splits.search.head(self.effort.examples)
        steps = self.effort.trigger_steps
        for target in targets:
            first = search.optimize(subject.at(self.storage.untouched), target, steps)
            others = [
                search.optimize(subject.at(weights), target, steps)
                for weights in self._starts(first, target)
            ]
            mine = self.with_triggers([(trigger, target) for trigger in (first, *others)])
            for _ in range(self.effort.rounds):
                last = self._to_improve(mine)
                if last is None:
                    break
                weights = applied(self.storage.untouched, last.state.changes)
                again = search.optimize(subject.at(weights), target, steps, last.trigger)
                mine += self._search(again, target)
            found += mine
        return found

    def best(self, found: Iterable[Found], count: int) -> Found:
        """The best with at most a number of changes, by the images to select on.

        Of equal ones, that with the fewest changes.
        """
        allowed = [each for each in found if len(each.state.changes) <= count]
        return max(
            allowed,
            key=lambda each: (self.goal.rank(each.state.trial), -len(each.state.changes)),
        )

    def measured(self, found: Found) -> SparseOutcome:
        """Measure changes from scratch on the third split."""
        measured, storage = self.splits.measured, self._storage(found.trigger)
        return measure_sparse(measured, storage, found.state.changes, found.trigger, found.target)

    def works(self, found: Found) -> bool:
        """Whether a backdoor meets the goal on the images to select on."""
        trial = found.state.trial
        return self.goal.reached(trial.success, trial.drop)

    def smallest(self, by_count: Iterable[tuple[int, Found, SparseOutcome]]) -> float:
        """The smallest count that works on the selection and on the measured split.

        Args:
            by_count: number of changes, the best with at most as many, and its measurement.
        """
        working = [
            count
            for count, found, outcome in by_count
            if self.works(found) and self.goal.reached(outcome.rate, outcome.drop)
        ]
        return min(working, default=math.inf)

    def _search(self, trigger: Trigger, target: int) -> list[Found]:
        """The states of a whole search, up to one that cannot be improved."""
        states: list[Found] = []
        for state in self._states(trigger, target, self.most, self.effort):
            states.append(Found(trigger, target, state))
            if state.trial.perfect:
                break
        best = self.best(states, self.most).state
        self.splits.search.progress(
            f"sparse backdoor, {self.storage.name}, {trigger} -> {target}: "
            f"{best.trial.success:.1%} with {len(best.changes)} changes"
        )
        return states

    def _states(
        self, trigger: Trigger, target: int, most: int, effort: SparseEffort
    ) -> Iterable[SparseState]:
        storage = self._storage(trigger)
        return search_states(self.splits, storage, trigger, target, most, self.goal, effort)

    def _storage(self, trigger: Trigger) -> Storage:
        """The weights, of which those may change that a trigger allows to."""
        return self.storage if self.support is None else self.storage.within(self.support(trigger))

    def _starts(self, trigger: Trigger, target: int) -> list[Point]:
        """Weights with single changes that clean images do not show."""
        if not self.effort.starts:
            return []
        untouched, search = self.storage.untouched, self.splits.search
        images = EvaluationSet.of(self.splits, untouched, trigger, target, self.effort.examples)
        logits, layer = output_layer(search, images.images, untouched)
        if layer is None:
            return []
        changes = promising(
            *(search.at(untouched), images, layer, self.storage, logits),
            *(self.goal, self.effort.starts),
        )
        return [applied(untouched, [change]) for change in changes]

    def _to_improve(self, found: Sequence[Found]) -> Found | None:
        """The best with the fewest changes that works, or with the most; ``None`` if none."""
        for count in range(self.most + 1):
            best = self.best(found, count)
            if self.works(best):
                # One change less is what another trigger might do with.
                return self.best(found, count - 1) if count > 1 else None
        return self.best(found, self.most)
