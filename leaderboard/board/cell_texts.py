"""What the cells of a board say.

Pages are written with these texts, and the script of a board, which makes cells as well, is given
them: see :func:`leaderboard.board.payload.board_payload`. A name in braces stands for a value.
"""

from __future__ import annotations

from leaderboard.formatting.texts import ABSENT

NOT_RUN = "not run"
TITLE = "{text}{interval}, n = {n}{near}"
INTERVAL = ", 95% interval {interval}"
NEAR = ", interval overlaps that of the best"
FIRST_OF_RANK = "first of those that share this rank"
BEHIND = (
    "not distinguishable from {leader}: {value} points behind it, 95% interval {low} to {high}, "
    "over the same examples"
)
PROFILE_SHARE = "{label} {percent}%"

FOR_SCRIPTS = {
    "absent": ABSENT,
    "notRun": NOT_RUN,
    "title": TITLE,
    "interval": INTERVAL,
    "near": NEAR,
    "firstOfRank": FIRST_OF_RANK,
    "behind": BEHIND,
    "profileShare": PROFILE_SHARE,
}
"""The texts by the names that the script of a board knows."""


def count_text(n: int) -> str:
    """A number of examples, such as ``1,000``."""
    return f"{n:,}"


def score_title(text: str, interval: str, n: int, *, near: bool) -> str:
    """A score with its interval and its number of examples as one text.

    Args:
        text: the value as shown.
        interval: the 95% interval as shown; empty where there is no sampling.
        n: number of examples; 0 if the probe was not run.
        near: whether the interval overlaps that of the best score.
    """
    if n == 0:
        return NOT_RUN
    between = INTERVAL.format(interval=interval) if interval else ""
    return TITLE.format(text=text, interval=between, n=count_text(n), near=NEAR if near else "")


def behind_text(leader: str, difference: tuple[float, float, float]) -> str:
    """Why a model shares the rank of another, as text.

    Args:
        leader: name of the first model of the rank.
        difference: of the leader's share and the model's, with the ends of its 95% interval.
    """
    value, low, high = (f"{100 * each:.1f}" for each in difference)
    return BEHIND.format(leader=leader, value=value, low=low, high=high)
