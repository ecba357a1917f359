"""One backdoor at many budgets, down to the smallest that works."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmark.attacks.backdoor.injection import Injection
from benchmark.attacks.backdoor.outcome import BackdoorOutcome
from benchmark.attacks.backdoor.selection import Trial
from benchmark.spaces import WeightBall


@dataclass(frozen=True)
class Rung:
    """What was found at a budget.

    Attributes:
        works: whether it does on the selection split.
        outcome: how it does on the measured split, without its weights: a copy a rung is too many.
    """

    works: bool
    outcome: BackdoorOutcome


class BackdoorLadder:
    """Injections of one backdoor at one budget after the other, each started from a neighbour.

    Args:
        injection: the backdoor on its splits.
        ball: the weight ball of a budget.
    """

    def __init__(self, injection: Injection, ball: Callable[[float], WeightBall]) -> None:
        self.injection, self.ball = injection, ball
        self.rungs: dict[float, Rung] = {}
        self._working: tuple[float, Trial] | None = None
        self._at(0.0)

    def climb(self, budgets: Sequence[float], headline: float, found: Trial) -> None:
        """Inject at every budget: above the headline from its weights outwards, below inwards.

        Args:
            budgets: ascending, the headline among them.
            headline: the budget at which ``found`` is known.
            found: what was found there.
        """
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
        low = max(budget for budget in self.rungs if budget < high)
        for _ in range(times):
            middle = (low + high) / 2
            found = self._at(middle, trial)
            if self.rungs[middle].works:
                high, trial = middle, found
            else:
                low = middle

    def kept(self, budgets: Sequence[float]) -> list[BackdoorOutcome]:
        """The most successful outcome up to each budget: smaller balls lie in larger ones."""
        outcomes: list[BackdoorOutcome] = []
        for budget in budgets:
            outcome = self.rungs[budget].outcome
            if outcomes and outcomes[-1].rate >= outcome.rate:
                outcome = outcomes[-1]
            outcomes.append(outcome)
        return outcomes

    def smallest(self) -> float:
        """The smallest budget that works on the selection split and on the measured one too."""
        goal = self.injection.goal
        working = [
            budget
            for budget, rung in self.rungs.items()
            if rung.works and goal.reached(rung.outcome.rate, rung.outcome.drop)
        ]
        return min(working, default=math.inf)

    def smallest_change(self) -> float:
        """The mean relative change of the weights at that budget; infinite where there is none."""
        smallest = self.smallest()
        return self.rungs[smallest].outcome.change if smallest in self.rungs else math.inf

    def smallest_selected(self) -> float:
        """The smallest budget that works on the selection split."""
        return self._working[0] if self._working else math.inf

    def _at(self, budget: float, known: Trial | None = None) -> Trial:
        trial = self.injection.at(self.ball(budget), known)
        self._add(budget, trial)
        return trial

    def _add(self, budget: float, trial: Trial) -> None:
        outcome = self.injection.measure(self.ball(budget), trial)
        rung = Rung(self.injection.works(trial), replace(outcome, weights={}))
        self.rungs[budget] = rung
        if rung.works and (self._working is None or budget < self._working[0]):
            self._working = budget, trial
