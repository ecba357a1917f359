"""Checks of whether the outcomes of attacks are consistent."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from benchmark.results import Flag

MIN_EXAMPLES = 2
"""Smallest number of examples that raises a flag; fewer may differ by chance."""

MAX_SHARE = 0.02
"""Share of the examples above which a flag is raised, if they are at least :data:`MIN_EXAMPLES`."""


def gradient_free_wins(gradient_broken: Tensor, gradient_free_broken: Tensor) -> Flag:
    """Check the share of examples that only a search without gradients broke.

    Args:
        gradient_broken: bool (N,), broken by the search that follows gradients.
        gradient_free_broken: bool (N,), broken by the search without gradients, in the same ball;
            it need not have run on examples that the other one broke.
    """
    n_only = int((gradient_free_broken & ~gradient_broken).sum())
    share = n_only / len(gradient_broken)
    return Flag(
        name="gradient_free_wins",
        title="Search without gradients beats gradients",
        raised=n_only >= MIN_EXAMPLES and share > MAX_SHARE,
        figure=share,
        saw=f"The search along gradients broke {int(gradient_broken.sum())} of "
        f"{len(gradient_broken)} examples, and a search without them broke "
        f"{n_only} of the others. At least {MIN_EXAMPLES} and more than {MAX_SHARE:.0%} of all "
        "raise the flag.",
        advice="Gradients are masked, so robust accuracy from gradients alone is too "
        "high. Use the outcomes of the search without gradients, give it more queries, and look "
        "for what masks the gradients.",
    )


def accuracy_rises(budgets: Sequence[float], n_robust: Sequence[int]) -> Flag:
    """Check the largest number of examples by which robust accuracy increases with the budget.

    A larger ball contains the smaller ones, so if more examples are robust there, the attack has
    missed some.

    Args:
        budgets: radii, ascending.
        n_robust: number of robust examples per budget, in independent runs on the same examples.
    """
    least, increase, where = n_robust[0], 0, (budgets[0], budgets[0])
    floor = budgets[0]
    for budget, count in zip(budgets, n_robust, strict=True):
        if count - least > increase:
            increase, where = count - least, (floor, budget)
        if count < least:
            least, floor = count, budget
    tolerance = max(MIN_EXAMPLES, MAX_SHARE * max(n_robust))
    return Flag(
        name="accuracy_rises",
        title="Accuracy increases with the budget",
        raised=increase > tolerance,
        figure=float(increase),
        saw=f"No more examples are robust at a larger budget than at a smaller one ({len(budgets)} "
        "budgets)."
        if increase == 0
        else f"{increase} more examples are robust at budget {where[1]:.4g} than at "
        f"{where[0]:.4g}, in independent runs. More than {tolerance:g} raise the flag.",
        advice="The attack at the larger budget stopped early: give it more steps or restarts, and "
        "read the smallest accuracy of all smaller budgets as the larger one's bound.",
    )
