"""Checks of the clean accuracy: a model that was loaded incorrectly may look fragile, or robust."""

from __future__ import annotations

from scipy.special import betaincinv

from benchmark.results import Flag

MAX_SHORTFALL = 0.02
"""Largest accepted shortfall of accuracy against a card's figure, which is rounded and from all
test images."""

FALSE_FLAG_PROBABILITY = 0.01
"""Probability that sampling alone raises a flag."""

MIN_TIMES_CHANCE = 1.5
"""Multiple of chance with which an accuracy must be compatible."""

_ADVICE = (
    "Check that the images are those the model was trained for and that they are prepared, "
    "normalized and labeled as it expects. The robustness of a model that is wrong without an "
    "attack is meaningless."
)


def upper_accuracy(right: int, n: int) -> float:
    """Upper confidence bound of the accuracy, at :data:`FALSE_FLAG_PROBABILITY`.

    The upper end of Clopper and Pearson's one-sided interval (1934), which holds for any number of
    examples.

    Args:
        right: examples classified correctly.
        n: examples, at least 1.
    """
    if right >= n:
        return 1.0
    # scipy.stats.beta gives the same number, and takes a second to import.
    return float(betaincinv(right + 1, n - right, 1 - FALSE_FLAG_PROBABILITY))


def below_card(right: int, n: int, stated: float) -> Flag:
    """Check whether accuracy is far below the figure of the model's card.

    Args:
        right: examples classified correctly.
        n: examples, at least 1.
        stated: the card's figure, in [0, 1].
    """
    share, most = right / n, upper_accuracy(right, n)
    return Flag(
        name="accuracy_below_card",
        title="Clean accuracy far below the card's",
        raised=most < stated - MAX_SHORTFALL,
        figure=100 * (stated - share),
        saw=f"The card states {stated:.1%}, {share:.1%} of {n:,} examples are right: "
        f"{abs(100 * (stated - share)):.1f} points {'less' if share <= stated else 'more'}. The "
        f"accuracy may be {most:.1%} at most (one-sided {1 - FALSE_FLAG_PROBABILITY:.0%} "
        f"interval); more than {100 * MAX_SHORTFALL:g} points below the card even then raises "
        "the flag.",
        advice=_ADVICE,
    )


def no_better_than_chance(right: int, n: int, classes: int) -> Flag:
    """Check whether accuracy is that of guessing.

    Args:
        right: examples classified correctly.
        n: examples, at least 1.
        classes: number of classes of the model.
    """
    chance, most = 1 / classes, upper_accuracy(right, n)
    return Flag(
        name="no_better_than_chance",
        title="Clean accuracy is that of guessing",
        raised=most < MIN_TIMES_CHANCE * chance,
        figure=right / n / chance,
        saw=f"{right / n:.1%} of {n:,} examples are right, chance is {chance:.1%}. The "
        f"accuracy may be {most:.1%} at most (one-sided {1 - FALSE_FLAG_PROBABILITY:.0%} "
        f"interval); below {MIN_TIMES_CHANCE:g} times chance even then raises the flag.",
        advice=_ADVICE,
    )
