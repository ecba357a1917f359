"""The share of the work that is done, and the time left, follow a clock that the tests set."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from benchmark import evaluate, load_battery, load_dataset
from benchmark.probes import PROBES
from benchmark.progress import INTERVAL_SECONDS, Meter, Plan, Step, TimeLeft, plans_of
from benchmark.results import Cost
from benchmark.subject import Passes, subject_of
from benchmark.work import IMAGES_PER_CALL, CallTimes, Work
from models_zoo import load_model


class Clock:
    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


class Machine:
    """Passes images at a rate of its own, while a meter and an estimate of the time follow."""

    def __init__(self, plans, known=None, per_image=0.01):
        self.clock, self.passes, self.per_image = Clock(), Passes(), per_image
        self.left, self.shares, self.estimates = TimeLeft(self.clock), [], []
        self.meter = Meter(self.passes, plans, known or {}, self.heard, self.clock)

    def heard(self, step):
        self.left.update(step.share)
        self.shares.append(step.share)
        self.estimates.append((self.clock.now - 50.0, self.left.seconds))

    def run(self, **images):
        with self.meter:
            for probe, count in images.items():
                self.meter.begin(probe)
                for _ in range(count // 10):
                    self.clock.now += 10 * self.per_image
                    self.passes.forwards += 10
                    self.passes.called(0.0, 0)
                self.meter.end()
        return self.clock.now - 50.0

    def error(self, point):
        """Relative error of the time left at a share of the time."""
        whole = self.clock.now - 50.0
        at, left = next(each for each in self.estimates if each[0] >= point * whole)
        return left / (whole - at) - 1


def plan(images, **further):
    return Plan(Work.in_batches(images, 10), **further)


@pytest.mark.parametrize("per_image", [0.001, 0.1])
def test_the_time_left_is_right_where_the_probes_do_as_expected(per_image):
    machine = Machine({"one": plan(1000), "two": plan(4000)}, per_image=per_image)
    machine.run(one=1000, two=4000)
    assert max(abs(machine.error(point)) for point in (0.1, 0.25, 0.5, 0.9)) < 0.01
    steps = [after - before for before, after in pairwise(machine.shares)]
    assert min(steps) > -0.001
    assert (machine.shares[0], machine.shares[-1], machine.left.seconds) == (0, 1, 0)


def test_a_probe_that_passes_more_than_expected_does_not_end_early():
    machine = Machine({"one": plan(1000), "two": plan(1000)})
    machine.run(one=3000, two=1000)
    assert machine.error(0.5) < -0.25  # at 2,000 of 4,000 it cannot know
    assert abs(machine.error(0.8)) < 0.05  # what was passed counts, not what was expected
    assert max(machine.shares[:-1]) < 1


def test_a_probe_that_costs_more_per_image_counts_more():
    plans = {"slow": plan(1000, pass_cost=3.0), "fast": plan(1000)}
    machine = Machine(plans)
    with machine.meter:
        machine.meter.begin("slow")
        machine.passes.forwards += 1000
        machine.passes.calls += 100
        machine.meter.end()
    assert machine.shares[-1] == pytest.approx(0.75)


def test_times_of_similar_models_count_more_than_what_a_probe_says():
    plans = {"one": plan(1000, seconds=30.0), "two": plan(1000, seconds=10.0), "three": plan(1000)}
    machine = Machine(plans)
    machine.run(one=1000)
    assert machine.shares[-1] == pytest.approx(0.5)  # 30 of 30 + 10 + 20, the mean of both


def test_a_resumed_run_begins_at_what_is_known_and_times_only_the_rest():
    known = {"one": Cost(seconds=999.0, forwards=3000)}
    machine = Machine({"one": plan(3000), "two": plan(1000)}, known)
    machine.run(two=1000)
    assert machine.shares[0] == pytest.approx(0.75)
    assert abs(machine.error(0.1)) < 0.02


def test_nothing_is_estimated_before_something_is_done():
    clock = Clock()
    left = TimeLeft(clock)
    assert (left.started, left.elapsed, left.seconds) == (False, 0, None)
    left.update(0.0)
    clock.now += 5
    left.update(0.001)
    assert (left.started, left.elapsed, left.seconds) == (True, 5, None)
    left.update(0.1)
    assert left.seconds == pytest.approx(45)
    clock.now += 3  # between two reports it counts down
    assert left.seconds == pytest.approx(42)


def test_reports_are_as_rare_as_an_eye_can_follow():
    machine = Machine({"one": plan(1000)}, per_image=INTERVAL_SECONDS / 50)
    machine.run(one=1000)
    assert 15 <= len(machine.shares) <= 22  # in 4 seconds


def test_the_cost_of_a_call_is_that_of_no_image():
    times = CallTimes()
    for images in (1, 1, 1, 1):
        times.add(images, 5.0)
    assert times.images_per_call == IMAGES_PER_CALL  # of one size, nothing can be said
    for images in (10, 20, 40):
        times.add(images, 0.02 + 0.001 * images)
    times = CallTimes()
    for images in (9, 9, 9, 10, 20, 40):
        times.add(images, 3.0 if images == 9 else 0.02 + 0.001 * images)
    assert times.images_per_call == pytest.approx(20)


def test_what_a_probe_expects_is_near_what_it_does():
    data = load_dataset("digits").head(20)
    battery = load_battery("digits-v1")
    names = ["clean", "weight", "intrinsic"]
    model = load_model("digits/mlp-standard")
    report = evaluate(model, data.images, data.labels, battery, names)
    with subject_of(model, data.images, data.labels) as subject:
        probes = {name: PROBES[name](battery.probes[name], battery.probes) for name in names}
        plans = plans_of(subject, probes, {})
    for name, result in report.results.items():
        passed = result.cost.forwards + result.cost.backwards
        assert plans[name].work.images == pytest.approx(passed, rel=0.1), name


def test_every_probe_says_what_it_expects_in_every_battery():
    data = load_dataset("digits").head(20)
    with subject_of(load_model("digits/mlp-standard"), data.images, data.labels) as subject:
        for battery in map(load_battery, ("digits-v1", "mnist-linf-v1", "cifar10-l2-v1")):
            for name, settings in battery.probes.items():
                work = PROBES[name](settings, battery.probes).expected_work(subject)
                assert work.images >= work.calls > 0, name


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, images):
        return self.linear(images.flatten(1))


def test_an_evaluation_reports_each_probe_and_ends_at_one():
    data = load_dataset("digits").head(8)
    steps: list[Step] = []
    heard: list[tuple[str, float]] = []
    torch.manual_seed(0)
    names = ["clean", "intrinsic"]
    battery = load_battery("digits-v1")
    evaluate(
        Flat(),
        data.images,
        data.labels,
        battery,
        names,
        on_step=steps.append,
        on_result=lambda _, result: heard.append((result.probe, steps[-1].share)),
    )
    shares = [step.share for step in steps]
    assert list(dict.fromkeys(step.probe for step in steps)) == names
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert heard == [("clean", pytest.approx(shares[1])), ("intrinsic", 1)]
