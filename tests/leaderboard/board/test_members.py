"""What each adversary of the headline costs a model."""

import numpy as np
import pytest

from leaderboard.board.members import Member, costliest, members_of
from leaderboard.store.encoding import pack

CLEAN = [1, 1, 1, 1, 1, 1, 0, 1, 1]
INPUT = [1, 0, 0, 0, 1, 1, 1, 1, 1]
WEIGHT = [1, 1, 0, 1, 0, 1, 0, 1, 1]
JOINT = [1, 1, 0, 0, 1, 0, 0, 1, 1]


class Stored:
    """The part of a summary that is read."""

    def __init__(self, **outcomes):
        self.examples = len(CLEAN)
        self.outcomes = {
            f"{name}.headline": pack(np.array(bits, bool)) for name, bits in outcomes.items()
        }


def test_an_adversary_costs_what_was_right_when_clean():
    found = members_of(Stored(clean=CLEAN, input=INPUT, weight=WEIGHT, joint=JOINT))
    assert found == [
        Member("input", 9, lost=3, lost_alone=1),
        Member("weight", 9, lost=2, lost_alone=1),
        Member("joint", 9, lost=3, lost_alone=1),
    ]
    assert costliest(found).label == "input"


def test_an_adversary_that_costs_nothing_is_not_the_costliest():
    assert (
        costliest(members_of(Stored(clean=CLEAN, input=CLEAN, weight=CLEAN, joint=CLEAN))) is None
    )


@pytest.mark.parametrize("missing", ["clean", "input", "weight", "joint"])
def test_without_one_of_them_nothing_is_said(missing):
    outcomes = {"clean": CLEAN, "input": INPUT, "weight": WEIGHT, "joint": JOINT}
    del outcomes[missing]
    assert members_of(Stored(**outcomes)) == []
    assert costliest([]) is None
