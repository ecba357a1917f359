"""One backdoor at several budgets, down to the smallest at which it works."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmark.attacks.backdoor.injection import Injection
from benchmark.attacks.backdoor.outcome import BackdoorOutcome
from benchmark.attacks.backdoor.selection import Trial
from benchmark.spaces import WeightBall


@dataclass(frozen=True)
class AtBudget:
    """The result at one budget.

    Attributes:
        works: whether the backdoor works on the selection split.
        outcome: measured on the third split; without the weights, to save memory, except that
            which counts at the headline budget.
    """

    works: bool
    outcome: BackdoorOutcome


class BackdoorByBudget:
    """Injections of one backdoor at several budgets, each started from a neighboring one.

    Args:
        injection: the backdoor on its splits.
        ball: returns the weight ball of a budget.
    """

    def __init__(self, injection: Injection, ball: Callable[[float], WeightBall]) -> None:
        self.injection, self.ball = injection, ball
        self.found: dict[float, AtBudget] = {}
        self._working: tuple[float, Trial] | None = None
        self._headline = 0.0
        self._at(0.0)

    def inject(self, budgets: Sequence[float], headline: float, found: Trial) -> None:
        """Inject at every budget, upwards and downwards from the weights of the headline.

        Args:
            budgets: ascending, the headline among them.
            headline: the budget at which ``found`` is known.
            found: the result there.
        """
        self._headline = headline
        self._add(headline, found)
        for way in (
            [budget for budget in budgets if budget > headline],
            [budget for budget in reversed(budgets) if budget < headline],
        ):
            trial = found
            for budget in way:
                trial = self._at(budget, trial)

    def bisect(self, times: int) -> None:
        """Halve the interval below the smallest working budget, judged by the selection split."""
        if self._working is None or self._working[0] == 0:
            return
        high, trial = self._working
        low = max(budget for budget in self.found if budget < high)
        for _ in range(times):
            middle = (low + high) / 2
            found = self.injection.at(self.ball(middle), trial)
            self._add(middle, found, between=True)
            if self.found[middle].works:
                high, trial = middle, found
            else:
                low = middle

    def kept(self, budgets: Sequence[float]) -> list[BackdoorOutcome]:
        """The most successful outcome up to each budget: smaller balls lie in larger ones.

        That of the headline has its weights.
        """
        outcomes: list[BackdoorOutcome] = []
        for budget in budgets:
            outcome = self.found[budget].outcome
            if outcomes and outcomes[-1].rate >= outcome.rate:
                outcome = outcomes[-1]
            outcomes.append(outcome)
        return outcomes

    def smallest(self) -> float:
        """The smallest budget that works on the selection split and on the measured split."""
        goal = self.injection.goal
        working = [
            budget
            for budget, found in self.found.items()
            if found.works and goal.reached(found.outcome.rate, found.outcome.drop)
        ]
        return min(working, default=math.inf)

    def smallest_change(self) -> float:
        """The mean relative change of the weights at that budget; infinite where there is none."""
        smallest = self.smallest()
        return self.found[smallest].outcome.change if smallest in self.found else math.inf

    def smallest_selected(self) -> float:
        """The smallest budget that works on the selection split."""
        return self._working[0] if self._working else math.inf

    def _at(self, budget: float, known: Trial | None = None) -> Trial:
        trial = self.injection.at(self.ball(budget), known)
        self._add(budget, trial)
        return trial

    def _add(self, budget: float, trial: Trial, *, between: bool = False) -> None:
        """Measure what was found at a budget, which may lie between those of :meth:`inject`."""
        outcome = self.injection.measure(self.ball(budget), trial)
        if between or budget > self._headline:
            outcome = replace(outcome, weights={})
        found = self.found[budget] = AtBudget(self.injection.works(trial), outcome)
        self._forget_weights()
        if found.works and (self._working is None or budget < self._working[0]):
            self._working = budget, trial

    def _forget_weights(self) -> None:
        """Keep the weights of the most successful outcome alone, of several at its least budget."""
        with_weights = [each for each, found in self.found.items() if found.outcome.weights]
        ranked = sorted(with_weights, key=lambda each: (-self.found[each].outcome.rate, each))
        for budget in ranked[1:]:
            found = self.found[budget]
            self.found[budget] = replace(found, outcome=replace(found.outcome, weights={}))
