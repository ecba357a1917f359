"""Units have the identity of stored results; estimates follow the work and the time of passes."""

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy import UniqueConstraint

from benchmark import load_battery, load_dataset
from benchmark.attacks.inputs.distance import find_distances
from benchmark.attacks.inputs.pilot import rough_distances
from benchmark.planning import Estimate, Unit, estimate
from benchmark.planning.cost_model import seconds_of
from benchmark.planning.step_times import StepTimes
from benchmark.planning.unit import IDENTITY_DIGITS, units_of
from benchmark.probes import PROBES
from benchmark.probes.input.expected import input_work
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


def test_the_time_of_each_kind_of_pass_is_a_line_through_two_batches(monkeypatch, digits):
    model, data = digits
    clock = Machine(monkeypatch)
    with subject_of(model, data.images, data.labels) as subject:
        times = StepTimes(subject, clock, seconds=1.0)
        assert (times.forward.image, times.forward.call) == pytest.approx((2e-3, 5e-3))
        for step in (times.images, times.weights):  # a forward and a backward pass
            assert (step.image, step.call) == pytest.approx((5e-3, 10e-3))


def test_a_short_measurement_counts_neither_the_first_run_nor_calls_as_images(monkeypatch, digits):
    class Cold(Machine):
        """The first call takes longer, as where memory is allocated."""

        @property
        def call(self):
            self.calls += 1
            return 0.05 if self.calls == 1 else 2e-3

        @call.setter
        def call(self, _):
            self.calls = 0

    model, data = digits
    clock = Cold(monkeypatch, forward=1e-4, backward=1.5e-4)
    with subject_of(model, data.images, data.labels) as subject:
        weights = StepTimes(subject, clock, seconds=0.02).weights
        assert (weights.image, weights.call) == pytest.approx((2.5e-4, 4e-3))


def test_a_large_network_is_timed_on_few_images(monkeypatch, digits):
    model, data = digits
    clock = Machine(monkeypatch, forward=20.0, backward=30.0)
    with subject_of(model, data.images, data.labels) as subject:
        times = StepTimes(subject, clock)
        assert times.images.image == pytest.approx(50.0, rel=1e-3)
    assert clock.now < 1000 * 60  # of 16 images, 4 are timed: a step of one takes 50 s


def test_estimates_are_work_times_the_time_of_passes_times_the_factor_of_the_probe(
    monkeypatch, digits
):
    model, data = digits
    battery = cheap_battery.battery()
    clock = Machine(monkeypatch)
    options: dict[str, Any] = {"clock": clock, "seconds": 1.0, "tries": False}
    each = estimate(*(model, data.images, data.labels, battery, ["intrinsic"]), **options)
    with subject_of(model, data.images, data.labels) as subject:
        probe = PROBES["intrinsic"](battery.probes["intrinsic"], battery.probes)
        steps = probe.expected_steps(subject)
        spent = seconds_of(steps, StepTimes(subject, clock, seconds=1.0))
    found = each["intrinsic"]
    assert (found.forwards, found.backwards) == (round(steps.forwards), round(steps.backwards))
    calls = 2 * steps.images.calls + steps.forward.calls
    seconds = 2e-3 * steps.forwards + 3e-3 * steps.backwards + 5e-3 * calls
    assert spent == pytest.approx(seconds)
    assert found.seconds == pytest.approx(probe.step_cost * seconds)


def test_the_time_of_corrupting_images_is_part_of_the_estimate(monkeypatch, digits):
    (model, data), battery = digits, load_battery("digits-v1")
    probe = PROBES["corruptions"]
    with subject_of(model, data.images, data.labels) as subject:
        ticks = count()  # one second per generation, of one image or of six
        asked = probe(battery.probes["corruptions"])
        assert asked.seconds_besides(subject, lambda: float(next(ticks))) == pytest.approx(1)
    monkeypatch.setattr(probe, "seconds_besides", lambda *_: 60.0)
    options: dict[str, Any] = {"clock": Machine(monkeypatch, 1e-4, 1e-4, 1e-4), "tries": False}
    found = estimate(*(model, data.images, data.labels, battery, ["corruptions"]), **options)
    assert found["corruptions"].seconds == pytest.approx(60, abs=1)


def test_examples_that_are_misclassified_are_not_expected_to_be_attacked(digits):
    model, data = digits
    battery = cheap_battery.battery()
    probe = PROBES["input"](battery.probes["input"], battery.probes)
    works = []
    for labels in (data.labels, torch.cat([data.labels[:8], (data.labels[8:] + 1) % 10])):
        with subject_of(model, data.images, labels) as subject:
            right = int(subject.head(16).correct().sum())
            before = subject.passes.forwards
            works.append((probe.expected_work(subject).images, right))
            assert subject.passes.forwards - before == 16
            subject.correct()  # is not computed before
            assert subject.passes.forwards - before == 32
    (whole, all_right), (part, half) = works
    assert part / whole == pytest.approx(half / all_right)


@pytest.mark.parametrize("probe", ["flatness", "backdoor"])
def test_the_passes_of_ascents_are_counted_from_the_settings(digits, probe):
    model, data = digits
    battery = cheap_battery.battery()
    with subject_of(model, data.images, data.labels, seed=0) as subject:
        asked = PROBES[probe](battery.probes[probe], battery.probes)
        expected = asked.expected_work(subject).images
        expected += sum(2 * part.steps.backwards for part in asked.taken_over(subject))
        asked.ask(subject)
        assert expected == pytest.approx(subject.passes.work.images, rel=0.25)


def test_a_probe_that_runs_alone_repeats_what_it_would_have_taken_over(monkeypatch, digits):
    model, data = digits
    battery = cheap_battery.battery()
    clock, names = Machine(monkeypatch), ["input", "weight", "joint", "flatness"]
    options: dict[str, Any] = {"clock": clock, "seconds": 0.01}
    together = estimate(*(model, data.images, data.labels, battery, names), **options)
    alone = estimate(*(model, data.images, data.labels, battery, names), **options, alone=True)
    asked_alone = estimate(*(model, data.images, data.labels, battery, ["joint"]), **options)
    more = {name: alone[name].seconds - together[name].seconds for name in names}
    assert [more["input"], more["weight"]] == pytest.approx([0, 0])
    assert asked_alone["joint"].seconds == pytest.approx(alone["joint"].seconds)
    weight = together["weight"].seconds
    assert 0.4 * weight < more["flatness"] < weight
    assert more["flatness"] < more["joint"] < together["input"].seconds + weight


def test_examples_close_to_a_budget_cost_most_and_more_are_attacked_at_larger_budgets():
    def passes(*distances):
        return input_work(np.array(distances), "linf", [0.1], 1000, 250).images / 1000

    assert passes(0.0) == 0  # misclassified already
    assert passes(0.03) < passes(0.3) < passes(0.12) < passes(0.101)
    two = input_work(np.array([0.03, 0.3]), "linf", [0.05, 0.1], 1000, 250)
    # The one that is robust at the larger budget is not attacked at the smaller one.
    assert two.images / 500 == passes(0.3) + 2 * passes(0.03)


def test_rough_distances_are_near_the_minimal_ones(digits):
    model, data = digits
    with subject_of(model, data.images[:4], data.labels[:4]) as subject:
        rough, minimal = rough_distances(subject, "linf"), find_distances(subject, "linf")
        assert torch.equal(rough > 0, subject.correct())
    assert float((rough / minimal.distances).nanmedian()) < 1.01


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
