"""The finding on concept vectors: judged at equal false-positive rates, on a panel of its own."""

import math

import pytest

from benchmark import load_battery
from benchmark.results import ProbeResult, Score
from leaderboard.findings import make_findings, make_panels
from leaderboard.store import Store


def around(value, half=0.01):
    return Score(value=value, n=20, low=value - half, high=value + half)


def result(gain=0.1, spread=0.5, gs_gain=0.05, recall_gain=0.4):
    spread_score = around(spread) if spread else Score(value=0, n=20, low=-math.inf, high=math.inf)
    return ProbeResult(
        probe="concepts",
        scores={
            "recall_at_fpr": around(0.3),
            "recall_at_fpr_deviation": around(0.05),
            "acav_gain": around(gain),
            "acav_recall_gain": around(recall_gain),
            "gs_spread": spread_score,
            "gs_gain": around(gs_gain),
        },
    )


def found_in(store):
    return {each.key: each for each in make_findings(store.entries())}


@pytest.fixture
def save(made_up):
    store = Store.open(":memory:")

    def add(answer, name="digits/cnn-standard", battery="digits-concepts-v1"):
        chosen = load_battery(battery)
        store.save(made_up.card(name), made_up.provenance(chosen), chosen, answer)
        return store

    return add


@pytest.mark.parametrize(
    ("numbers", "votes"),
    [
        ({}, ["for", "for"]),
        ({"spread": 0}, ["for", "for"]),  # no scatter at all
        ({"gain": -0.1, "spread": 1.5}, ["against", "against"]),
        ({"gain": 0.005, "spread": 0.995}, ["open", "open"]),
        # Recall at the classifier's own threshold, the source's measure, does not count.
        ({"gain": -0.1, "recall_gain": 0.6}, ["against", "for"]),
        # Less scatter at a lower recall is no more reliable.
        ({"gs_gain": -0.2}, ["for", "against"]),
    ],
)
def test_recall_and_scatter_are_judged_at_equal_false_positives(save, numbers, votes):
    found = found_in(save(result(**numbers)))["concepts"]
    (part,) = found.parts
    assert list(part.votes) == votes
    first, second = part.tables
    assert (first.rows[0][-1], second.rows[0][-1]) == tuple(votes)
    assert len(first.rows[0]) == len(first.head)
    assert part.missing == []
    (figure,) = part.figures
    assert "30.0%" in figure.description


def test_without_results_it_says_so(save):
    found = found_in(save(ProbeResult(probe="clean", scores={}), battery="digits-v1"))["concepts"]
    assert found.parts == []
    assert found.status == "undecided"
    assert "nothing in the database can be compared" in found.verdict


def test_results_of_the_track_do_not_change_other_findings(save):
    save(ProbeResult(probe="bits", scores={"random_accuracy": around(0.8)}), battery="digits-v1")
    store = save(result())
    panels = make_panels(store.entries())
    assert [(panel.track, panel.battery) for panel in panels] == [
        ("", "digits-v1"),
        ("concepts", "digits-concepts-v1"),
    ]
    findings = found_in(store)
    assert [part.dataset for part in findings["backdoors"].parts] == ["digits"]
    assert "digits-v1" in " ".join(findings["backdoors"].parts[0].missing)
    assert len(findings["concepts"].parts) == 1


def test_a_checkpoint_without_the_probe_is_named(save):
    store = save(ProbeResult(probe="concepts", scores={}, left_out="no layer is wide enough"))
    (part,) = found_in(store)["concepts"].parts
    assert list(part.votes) == []
    assert "--battery digits-concepts-v1 --probe concepts" in " ".join(part.missing)
