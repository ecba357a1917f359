"""Do the outcomes of attacks fit together? Checks of results, whichever search they come from."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from benchmark.results import Flag

CHANCE = 2
"""Examples by which a search may be luckier than another without any meaning."""

SHARE = 0.02
"""The same as a share of the examples; the flag needs more than both."""


def gradient_free_wins(gradient_fallen: Tensor, free_fallen: Tensor) -> Flag:
    """Share of examples that only a search without gradients broke.

    Args:
        gradient_fallen: bool (N,), broken by the search that follows gradients.
        free_fallen: bool (N,), broken by the one that does not, of the same examples in the same
            ball; it need not have been asked about those that had fallen already.
    """
    alone = int((free_fallen & ~gradient_fallen).sum())
    share = alone / len(gradient_fallen)
    return Flag(
        name="gradient_free_wins",
        title="Search without gradients beats gradients",
        raised=alone >= CHANCE and share > SHARE,
        figure=share,
        saw=f"The search along gradients broke {int(gradient_fallen.sum())} of "
        f"{len(gradient_fallen)} examples, and {alone} of the others fell to a search without "
        f"them. At least {CHANCE} and more than {SHARE:.0%} of all raise the flag.",
        advice="Gradients lead the attack astray, so robust accuracy from gradients alone is too "
        "high. Trust the outcomes of the search without gradients, give it more queries, and look "
        "for what masks the gradients.",
    )


def accuracy_rises(budgets: Sequence[float], standing: Sequence[int]) -> Flag:
    """Most examples by which a larger budget left more standing than a smaller one.

    A larger ball holds every image of a smaller one, so an attack that leaves more standing there
    has not found what it could have found.

    Args:
        budgets: radii, ascending.
        standing: how many of the same examples an independent run left standing at each budget,
            before outcomes of smaller budgets are counted at larger ones.
    """
    least, rise, where = standing[0], 0, (budgets[0], budgets[0])
    floor = budgets[0]
    for budget, count in zip(budgets, standing, strict=True):
        if count - least > rise:
            rise, where = count - least, (floor, budget)
        if count < least:
            least, floor = count, budget
    tolerance = max(CHANCE, SHARE * max(standing))
    return Flag(
        name="accuracy_rises",
        title="Accuracy rises with the budget",
        raised=rise > tolerance,
        figure=float(rise),
        saw=f"No larger budget left more examples standing than a smaller one ({len(budgets)} "
        "budgets)."
        if rise == 0
        else f"{rise} more examples stood at budget {where[1]:.4g} than at {where[0]:.4g}, in "
        f"independent runs. More than {tolerance:g} raise the flag.",
        advice="The attack at the larger budget stopped early: give it more steps or restarts, and "
        "read the smallest accuracy of all smaller budgets as the larger one's bound.",
    )
