"""Results that were stored before intervals were computed as they are now."""

import pytest

from benchmark.results import Curve, Score
from benchmark.statistics import wilson
from leaderboard.reruns.agreement import compare

NEGATIVE = Score(value=0.2, n=12, low=-0.1, high=0.5)
"""A normal interval of a mean loss, as version 1 computed it."""


@pytest.fixture
def old(store, made_up, battery):
    """A stored clean result of version 1, with its provenance: a share and a mean loss."""
    curve = Curve(
        picture="p", series="s", x_label="x", y_label="y", x=[1.0], x_text=["1"], y=[NEGATIVE]
    )
    stored = made_up.results()["clean"]
    scores = {"accuracy": wilson(0.75, 12), "cross_entropy": NEGATIVE}
    result = stored.model_copy(update={"scores": scores, "curves": [curve]})
    provenance = made_up.provenance(battery, intervals=1)
    assert "intervals" not in provenance.model_dump()
    store.save(made_up.card(), provenance, battery, result)
    return result, provenance


def test_intervals_of_earlier_methods_are_not_shown_as_those_of_the_present_ones(store, old):
    result, _ = old
    (entry,) = store.entries()
    (summary,) = store.summaries([("clean", "accuracy"), ("clean", "cross_entropy")])
    read = entry.results["clean"]
    for accuracy, loss in (
        (read.scores["accuracy"], read.scores["cross_entropy"]),
        (summary.scores["clean.accuracy"], summary.scores["clean.cross_entropy"]),
    ):
        assert accuracy == result.scores["accuracy"]  # Wilson's, which has not changed
        assert (loss.value, loss.n, loss.interval) == (0.2, 12, None)
    assert read.curves[0].y[0].interval is None


def test_a_rerun_with_the_present_intervals_agrees_if_the_values_do(store, old):
    result, provenance = old
    (entry,) = store.entries()
    again = result.model_copy(
        update={
            "scores": result.scores | {"cross_entropy": Score(value=0.2, n=12, low=0.1, high=0.5)}
        }
    )
    now = provenance.model_copy(update={"intervals": 2})
    agreement = compare(entry.results["clean"], again, provenance, now)
    assert agreement.same
    assert agreement.largest_difference == 0
    assert agreement.circumstances == ["intervals of version 2 in place of 1"]
    assert not compare(entry.results["clean"], again, now, now).same
    other = again.model_copy(
        update={
            "scores": again.scores | {"cross_entropy": Score(value=0.3, n=12, low=0.1, high=0.5)}
        }
    )
    assert not compare(entry.results["clean"], other, provenance, now).same
