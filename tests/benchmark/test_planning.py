"""Units have the identity of stored results; estimates follow the work and the time of passes."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import UniqueConstraint

from benchmark import load_dataset
from benchmark.planning import Estimate, Unit, estimate
from benchmark.planning.pass_times import pass_times
from benchmark.planning.unit import IDENTITY_DIGITS, units_of
from benchmark.probes import PROBES
from benchmark.provenance import provenance_of
from benchmark.results import Cost
from benchmark.subject import Subject, subject_of
from leaderboard.store.schema import ResultRow
from models_zoo import load_model
from tests.benchmark import cheap_battery

KEY = ("a" * 64, "b" * 64, "c" * 64, 0, "clean")


def test_a_unit_is_identified_by_the_key_of_a_stored_result():
    (constraint,) = (
        each for each in ResultRow.__table_args__ if isinstance(each, UniqueConstraint)
    )
    columns = [column.name for column in constraint.columns]
    unit = Unit(*KEY, model="digits/mlp-standard", seconds=3.0)
    assert unit.key == tuple(getattr(unit, name) for name in columns) == KEY


def test_the_identity_depends_on_the_key_alone_and_never_changes():
    unit = Unit(*KEY)
    assert unit.identity == "8429e96b32cd8bf80cbb"
    assert unit == Unit(*KEY, model="another name", seconds=1.0)
    assert unit.identity == Unit(*KEY, model="another name", seconds=1.0).identity
    changes: list[dict[str, Any]] = [{name: "x"} for name in ("fingerprint", "battery_sha256")]
    changes += [{"data_sha256": "x"}, {"seed": 1}, {"probe": "input"}]
    identities = {unit.identity, *(replace(unit, **change).identity for change in changes)}
    assert len(identities) == 6
    assert {len(each) for each in identities} == {IDENTITY_DIGITS}


def test_the_units_of_an_evaluation_have_the_key_of_its_provenance():
    data, model = load_dataset("digits").head(8), load_model("digits/mlp-standard")
    provenance = provenance_of(model, data.images, data.labels, cheap_battery.battery(), 3, "cpu")
    units = units_of(provenance, ["clean", "input"], "digits/mlp-standard")
    assert [unit.probe for unit in units] == ["clean", "input"]
    assert {unit.key[:4] for unit in units} == {
        (model.fingerprint, provenance.battery_sha256, provenance.data_sha256, 3)
    }


class Machine:
    """A clock that a model's passes advance: so much per call, image and direction."""

    def __init__(self, monkeypatch, forward=2e-3, backward=3e-3, call=5e-3):
        self.now, self.forward, self.backward, self.call = 0.0, forward, backward, call
        pass_forward, pass_backward = Subject.forward, Subject.gradients

        def slow_forward(subject, images, weights=None):
            self.now += self.call + self.forward * len(images)
            return pass_forward(subject, images, weights)

        def slow_backward(subject, value, inputs, images, **further):
            self.now += self.call + self.backward * images
            return pass_backward(subject, value, inputs, images, **further)

        monkeypatch.setattr(Subject, "forward", slow_forward)
        monkeypatch.setattr(Subject, "gradients", slow_backward)

    def __call__(self):
        return self.now


@pytest.fixture
def digits():
    return load_model("digits/mlp-standard"), load_dataset("digits").head(16)


def test_the_time_of_passes_is_a_line_through_two_batches(monkeypatch, digits):
    model, data = digits
    clock = Machine(monkeypatch)
    with subject_of(model, data.images, data.labels) as subject:
        times = pass_times(subject, clock)
    assert (times.forward, times.backward, times.call) == pytest.approx((2e-3, 3e-3, 5e-3))


def test_estimates_are_work_times_the_time_of_passes_times_the_factor_of_the_probe(
    monkeypatch, digits
):
    model, data = digits
    battery = cheap_battery.battery()
    clock = Machine(monkeypatch)
    found = estimate(model, data.images, data.labels, battery, ["intrinsic"], clock=clock)
    with subject_of(model, data.images, data.labels) as subject:
        probe = PROBES["intrinsic"](battery.probes["intrinsic"], battery.probes)
        work = probe.expected_work(subject)
    each = found["intrinsic"]
    assert each.forwards + each.backwards == round(work.images)
    seconds = 2e-3 * each.forwards + 3e-3 * each.backwards + 5e-3 * work.calls
    assert each.seconds == pytest.approx(probe.pass_cost * seconds, rel=0.01)


def test_the_cost_of_similar_models_takes_precedence_and_nothing_is_measured(digits):
    model, data = digits
    cost = Cost(seconds=7.0, forwards=30, backwards=20)
    found = estimate(
        *(model, data.images, data.labels, cheap_battery.battery(), ["clean"]),
        measured={"clean": cost},
        clock=lambda: pytest.fail("a pass was timed"),
    )
    assert found == {"clean": Estimate("clean", 7.0, 30, 20, from_similar=True)}


def test_a_probe_that_does_not_apply_costs_nothing_and_says_why(digits):
    model, data = digits
    found = estimate(
        *(model, data.images[:1], data.labels[:1], cheap_battery.battery(), ["clean", "backdoor"]),
        clock=count(0.0, 0.1).__next__,
    )
    assert found["backdoor"].seconds == 0
    assert "example" in str(found["backdoor"].left_out)
    assert found["clean"].left_out is None
    assert found["clean"].seconds > 0
