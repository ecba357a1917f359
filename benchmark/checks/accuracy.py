"""Is the clean accuracy what it should be? A model read wrongly looks fragile, or robust."""

from __future__ import annotations

from scipy.stats import beta

from benchmark.results import Flag

SLACK = 0.02
"""How far accuracy may lie below a card's figure: that is rounded, and of all test images."""

ALPHA = 0.01
"""Probability with which an honest model's few examples would raise a flag."""

FACTOR = 1.5
"""How many times chance an accuracy must be able to reach."""

_ADVICE = (
    "Check that the images are those the model was trained for and that they are prepared, "
    "normalised and labelled as it expects. A model that is wrong without an attack says nothing "
    "of robustness."
)


def most_likely(right: int, n: int) -> float:
    """The largest accuracy of which so few right answers are no wonder, at :data:`ALPHA`.

    The upper end of Clopper and Pearson's one-sided interval (1934), which holds for any number of
    examples.

    Args:
        right: examples classified correctly.
        n: examples, at least 1.
    """
    return 1.0 if right >= n else float(beta.ppf(1 - ALPHA, right + 1, n - right))


def below_card(right: int, n: int, stated: float) -> Flag:
    """Whether accuracy is far below the figure of the model's card; the difference in points.

    Args:
        right: examples classified correctly.
        n: examples, at least 1.
        stated: the card's figure, in [0, 1].
    """
    share, most = right / n, most_likely(right, n)
    return Flag(
        name="accuracy_below_card",
        title="Clean accuracy far below the card's",
        raised=most < stated - SLACK,
        figure=100 * (stated - share),
        saw=f"The card states {stated:.1%}, {share:.1%} of {n:,} examples are right: "
        f"{abs(100 * (stated - share)):.1f} points {'less' if share <= stated else 'more'}. So few "
        f"right answers allow for {most:.1%} at most (one-sided {1 - ALPHA:.0%} interval); more "
        f"than {100 * SLACK:g} points below the card even then raises the flag.",
        advice=_ADVICE,
    )


def no_better_than_chance(right: int, n: int, classes: int) -> Flag:
    """Whether accuracy is that of guessing; how many times chance it is.

    Args:
        right: examples classified correctly.
        n: examples, at least 1.
        classes: how many the model tells apart.
    """
    chance, most = 1 / classes, most_likely(right, n)
    return Flag(
        name="no_better_than_chance",
        title="Clean accuracy is that of guessing",
        raised=most < FACTOR * chance,
        figure=right / n / chance,
        saw=f"{right / n:.1%} of {n:,} examples are right, chance is {chance:.1%}. So few right "
        f"answers allow for {most:.1%} at most (one-sided {1 - ALPHA:.0%} interval); below "
        f"{FACTOR:g} times chance even then raises the flag.",
        advice=_ADVICE,
    )
