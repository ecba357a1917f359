"""What the cells of a board say.

Pages are written with these texts, and the script of a board, which makes cells as well, is given
them: see :func:`leaderboard.board.payload.board_payload`. A name in braces stands for a value.
"""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.board.ranking import Rank
from leaderboard.formatting.texts import ABSENT

NOT_RUN = "not run"
TITLE = "{text}{interval}, n = {n}{near}"
INTERVAL = ", 95% interval {interval}"
NEAR = ", not significantly different from the best"
RANK_MEANING = (
    "A rank goes from 1 plus the number of significantly better models to the number of models "
    "less that of significantly worse ones"
)
PLACE = (
    "of {others} other models {better} significantly better, {worse} significantly worse, "
    "{tied} not distinguishable{nearest}{widened}"
)
NEAREST = " (next to it: {names})"
WIDENED = "; the range is widened so that ranks follow the scores"
PROFILE_SHARE = "{label} {percent}%"

FOR_SCRIPTS = {
    "absent": ABSENT,
    "notRun": NOT_RUN,
    "title": TITLE,
    "interval": INTERVAL,
    "near": NEAR,
    "place": PLACE,
    "nearest": NEAREST,
    "widened": WIDENED,
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
        near: whether it does not differ significantly from the best score.
    """
    if n == 0:
        return NOT_RUN
    between = INTERVAL.format(interval=interval) if interval else ""
    return TITLE.format(text=text, interval=between, n=count_text(n), near=NEAR if near else "")


def rank_example(rank: Rank) -> str:
    """What ranks mean, by one that is a range, as a sentence."""
    verb = "is" if rank.better == 1 else "are"
    return (
        f"Rank {rank.text} of {count_text(rank.models)} means that {count_text(rank.better)} "
        f"model{'s' if rank.better != 1 else ''} {verb} significantly better and "
        f"{count_text(rank.worse)} significantly worse."
    )


def place_text(rank: Rank, names: Sequence[str]) -> str:
    """What a rank says, as text.

    Args:
        rank: of a model.
        names: of the models by their indices in it.
    """
    near = ", ".join(names[index] for index in rank.nearest)
    return PLACE.format(
        others=count_text(rank.models - 1),
        better=count_text(rank.better),
        worse=count_text(rank.worse),
        tied=count_text(rank.tied),
        nearest=NEAREST.format(names=near) if near else "",
        widened=WIDENED if rank.widened else "",
    )
