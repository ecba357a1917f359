"""Results of another version of a probe's algorithm."""

import re

import pytest

from benchmark import load_battery
from leaderboard.exports.record import record_of
from leaderboard.pages.score_rows import cost_rows
from leaderboard.reruns.reproduction import battery_of
from models_zoo.errors import InputError


@pytest.fixture
def entry(store, made_up):
    """An entry whose clean probe had its second algorithm."""
    battery = load_battery("digits-v1")
    where = made_up.provenance(battery, algorithms={"clean": 2}, versions={"nonsingular": "0.2.0"})
    for probe in ("clean", "weight"):
        store.save(made_up.card(), where, battery, made_up.results()[probe])
    return store.entries()[0]


def test_a_result_of_another_algorithm_is_not_run_again_with_this_one(entry):
    with pytest.raises(
        InputError, match=r"other algorithms: clean 2, now 1[,;].* install the version"
    ):
        battery_of(entry)


def test_record_and_page_say_which_algorithm_ran(entry):
    results = record_of([entry])["evaluations"][0]["results"]
    assert (results["clean"]["algorithm"], results["weight"]["algorithm"]) == (2, 1)
    rows = dict(
        re.findall(r'scope="row">(\w+)</th><td class="number">(\d+)</td>', cost_rows(entry))
    )
    assert rows == {"clean": "2", "weight": "1"}
