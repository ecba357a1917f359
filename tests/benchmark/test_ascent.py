"""Ascents against closed forms, and what they guarantee per row."""

from importlib import import_module

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark import objectives
from benchmark.ascent import Evaluation, apgd, per_example, pgd, whole_set
from benchmark.spaces import IMAGES, InputBall, WeightBall, select_weights


@pytest.mark.parametrize(
    "geometry", ["relative-l2", "absolute-l2", "relative-linf", "absolute-linf"]
)
@pytest.mark.parametrize("batch_size", [256, 7])
def test_apgd_reaches_the_closed_form_in_small_weight_balls(linear_subject, geometry, batch_size):
    subject = linear_subject(batch_size=batch_size)
    weights, radius = select_weights(subject.model), 1e-4
    ball = WeightBall(weights, radius, geometry)
    loss = whole_set(subject, objectives.cross_entropy)
    at_origin = loss(ball.origin, torch.arange(1))
    dual = {
        "relative-l2": lambda w, g: w.norm() * g.norm(),
        "absolute-l2": lambda w, g: g.norm(),
        "relative-linf": lambda w, g: (w * g).abs().sum(),
        "absolute-linf": lambda w, g: g.abs().sum(),
    }[geometry]
    closed = radius * sum(float(dual(w, at_origin.gradient[n])) for n, w in weights.items())
    result = apgd(ball, loss, ball.origin, 20)
    assert float(ball.excess(result.point)) <= 1e-9
    increase = float(result.values - at_origin.values)
    assert increase >= 0.99 * closed
    assert increase <= 1.01 * closed  # the ball is small, so more would lie outside it


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_ascents_reach_the_closed_form_in_input_balls(linear_subject, norm, dual):
    subject, eps = linear_subject(), 0.05
    targets = (subject.labels + 1) % 4
    ball = InputBall(subject.images, norm, eps)
    loss = per_example(subject, objectives.targeted_margin, targets, stop=False)
    weight = subject.model[1].weight
    difference = weight[targets] - weight[subject.labels]
    closed = eps * torch.linalg.vector_norm(difference, ord=dual, dim=1)
    before = objectives.targeted_margin(subject.model(subject.images), subject.labels, targets)
    for result in (apgd(ball, loss, ball.origin, 20), pgd(ball, loss, ball.origin, 10, 0.5)):
        assert (result.values - before >= 0.99 * closed).all()
        assert (result.values - before <= 1.0001 * closed).all()
        assert float(ball.excess(result.point).amax()) <= 1e-9


class Recorder:
    """An objective that oscillates, so that the last value is seldom the best."""

    def __init__(self, images, broken_above=float("inf")):
        self.centre, self.broken_above = images, broken_above
        self.seen = []

    def __call__(self, point, rows):
        x = point[IMAGES].detach().requires_grad_(True)
        values = torch.sin(40 * (x - self.centre[rows])).flatten(1).sum(1)
        (gradient,) = torch.autograd.grad(values.sum(), [x])
        values = values.detach()
        self.seen.append((rows.clone(), point[IMAGES].clone(), values.clone()))
        return Evaluation(values, {IMAGES: gradient}, values > self.broken_above)

    def history(self, row):
        for rows, images, values in self.seen:
            for index in (rows == row).nonzero().flatten().tolist():
                yield images[index], float(values[index])


@pytest.fixture
def oscillating():
    images = 0.2 + 0.6 * torch.rand(6, 1, 3, 3, generator=torch.Generator().manual_seed(1))
    ball = InputBall(images, "linf", 0.15)
    start = ball.sample(torch.Generator().manual_seed(2))
    return images, ball, start


@pytest.mark.parametrize("ascent", ["pgd", "apgd"])
def test_ascents_keep_each_row_s_best(oscillating, ascent):
    images, ball, start = oscillating
    record = Recorder(images)
    result = pgd(ball, record, start, 25, 0.7) if ascent == "pgd" else apgd(ball, record, start, 25)
    assert len(record.seen) == 26
    last_is_best = []
    for row in range(6):
        visited = list(record.history(row))
        best = max(value for _, value in visited)
        assert float(result.values[row]) == best
        place = next(image for image, value in visited if value == best)
        assert torch.equal(result.point[IMAGES][row], place)
        last_is_best.append(visited[-1][1] == best)
    assert not all(last_is_best), "the objective must oscillate, or the test shows nothing"


def test_broken_rows_leave_and_end_where_they_were_broken(oscillating):
    images, ball, start = oscillating
    limit = 4.0
    record = Recorder(images, broken_above=limit)
    result = apgd(ball, record, start, 40)
    counts = [len(rows) for rows, _, _ in record.seen]
    assert counts == sorted(counts, reverse=True)
    assert result.broken.any()
    for row in range(6):
        visited = list(record.history(row))
        broken = [value > limit for _, value in visited]
        assert bool(result.broken[row]) == any(broken)
        if any(broken):
            assert broken.index(True) == len(broken) - 1, "a broken row was run on"
            assert torch.equal(result.point[IMAGES][row], visited[-1][0])
            assert float(result.values[row]) == visited[-1][1]


class Waits(TorchDispatchMode):
    """Counts operations for whose result the program has to wait on an accelerator."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        waits = func.name() in ("aten::_local_scalar_dense", "aten::nonzero")
        if func.name() in ("aten::index.Tensor", "aten::index_put_"):
            waits = any(each is not None and each.dtype == torch.bool for each in args[1])
        self.count += waits
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("limit", [4.0, float("inf")])
def test_where_rows_leave_at_checkpoints_nothing_changes_and_no_step_waits(
    oscillating, monkeypatch, limit
):
    images, ball, start = oscillating
    at_once = apgd(ball, Recorder(images, limit), start, 40)
    module = import_module("benchmark.ascent.apgd")
    monkeypatch.setattr(module, "compacts_at_once", lambda device: False)
    record = Recorder(images, limit)
    with Waits() as waits:
        found = apgd(ball, record, start, 40)
    assert torch.equal(found.point[IMAGES], at_once.point[IMAGES])
    assert torch.equal(found.values, at_once.values)
    assert torch.equal(found.broken, at_once.broken)
    assert found.broken.any() == (limit == 4.0)
    # At the start, after six windows and at the end: which rows stay, and which leave.
    assert waits.count <= 16, "one of 40 steps waits for the accelerator"
    assert len(record.seen) == 41


def test_rows_broken_at_the_start_stay_there(oscillating):
    images, ball, start = oscillating
    record = Recorder(images, broken_above=-1e9)
    result = apgd(ball, record, start, 10)
    assert result.broken.all()
    assert len(record.seen) == 1
    assert torch.equal(result.point[IMAGES], start[IMAGES])


def test_a_row_does_not_depend_on_the_rest_of_the_batch(oscillating):
    images, ball, start = oscillating
    together = apgd(ball, Recorder(images), start, 15)
    for row in range(6):
        only = torch.tensor([row])
        alone = apgd(ball.take(only), Recorder(images[only]), {IMAGES: start[IMAGES][only]}, 15)
        assert torch.equal(alone.point[IMAGES][0], together.point[IMAGES][row])


def test_no_steps_return_the_start(oscillating):
    images, ball, start = oscillating
    for result in (
        apgd(ball, Recorder(images), start, 0),
        pgd(ball, Recorder(images), start, 0, 1),
    ):
        assert torch.equal(result.point[IMAGES], start[IMAGES])


def test_the_set_s_gradient_is_the_mean_s_whatever_the_batches(linear_subject):
    weights = select_weights(linear_subject().model)
    one = whole_set(linear_subject(), objectives.cross_entropy)(weights, torch.arange(1))
    many = whole_set(linear_subject(batch_size=3), objectives.cross_entropy)(
        weights, torch.arange(1)
    )
    torch.testing.assert_close(one.values, many.values)
    subject = linear_subject()
    asked = {n: w.clone().requires_grad_(True) for n, w in weights.items()}
    logits = subject.forward(subject.images, asked)
    expected = torch.autograd.grad(
        nn.functional.cross_entropy(logits, subject.labels), list(asked.values())
    )
    for name, gradient in zip(asked, expected, strict=True):
        torch.testing.assert_close(one.gradient[name], gradient)
        torch.testing.assert_close(many.gradient[name], gradient)
