"""What each adversary of the headline costs a model."""

import re

import numpy as np
import pytest

from benchmark import load_battery
from leaderboard.board.members import Member, costliest, members_of
from leaderboard.pages import render_site
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


@pytest.mark.parametrize(("probes", "hidden"), [(("clean", "weight"), True), (None, False)])
def test_a_board_hides_the_column_that_none_of_its_models_fills(
    made_up, store, tmp_path, probes, hidden
):
    battery = load_battery("digits-v1")
    for result in made_up.results().values():
        if probes is None or result.probe in probes:
            card, where = made_up.card("digits/one", "standard"), made_up.provenance(battery)
            store.save(card, where, battery, result)
    page = render_site(store, tmp_path / "site").read_text("utf-8")
    (heading,) = re.findall(r'<th [^>]*data-key="costliest"', page)
    assert ('class="name extra"' in heading) == hidden
    assert ('<td class="name cost extra">' in page) == hidden
