"""What each adversary of the headline costs a model."""

import numpy as np
import pytest

from leaderboard.board.members import Member, costliest, members_of
from leaderboard.store import Summary
from leaderboard.store.encoding import pack

CLEAN = [1, 1, 1, 1, 1, 1, 0, 1, 1]
INPUT = [1, 0, 0, 0, 1, 1, 1, 1, 1]
WEIGHT = [1, 1, 0, 1, 0, 1, 0, 1, 1]
JOINT = [1, 1, 0, 0, 1, 0, 0, 1, 1]


def stored(made_up, **outcomes):
    """A summary with these headline outcomes."""
    return Summary(
        card=made_up.card("digits/mlp", "standard"),
        submitted=False,
        fingerprint="a" * 64,
        battery="digits-v1",
        battery_sha256="b" * 64,
        data_sha256="c" * 64,
        seed=0,
        examples=len(CLEAN),
        split="test",
        outcomes={
            f"{name}.headline": pack(np.array(bits, bool)) for name, bits in outcomes.items()
        },
    )


def test_an_adversary_costs_what_was_right_when_clean(made_up):
    found = members_of(stored(made_up, clean=CLEAN, input=INPUT, weight=WEIGHT, joint=JOINT))
    assert found == [
        Member("input", "input", 9, lost=3, lost_alone=1),
        Member("weight", "weight", 9, lost=2, lost_alone=1),
        Member("joint", "joint", 9, lost=3, lost_alone=1),
    ]
    most = costliest(found)
    assert most is not None
    assert most.share == 3 / 9
    assert most.text == "input \N{MINUS SIGN}33.3"


def test_an_adversary_that_costs_nothing_is_not_the_costliest(made_up):
    assert (
        costliest(members_of(stored(made_up, clean=CLEAN, input=CLEAN, weight=CLEAN, joint=CLEAN)))
        is None
    )


@pytest.mark.parametrize("missing", ["clean", "input", "weight", "joint"])
def test_without_one_of_them_nothing_is_said(made_up, missing):
    outcomes = {"clean": CLEAN, "input": INPUT, "weight": WEIGHT, "joint": JOINT}
    del outcomes[missing]
    assert members_of(stored(made_up, **outcomes)) == []
    assert costliest([]) is None
