"""Adam in weight balls: it stays inside, reaches closed forms and measures steps in radii."""

from itertools import repeat

import pytest
import torch
from torch import nn

from benchmark import objectives
from benchmark.ascent import Evaluation, adam, whole_set
from benchmark.spaces import WeightBall, select_weights
from benchmark.spaces.weights import GEOMETRIES
from benchmark.subject import Subject


@pytest.fixture
def linear():
    """A linear softmax model in float64."""
    g = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 4)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=g))
    model.requires_grad_(False)
    images = torch.rand(20, 3, 2, 2, generator=g, dtype=torch.float64)
    return Subject(model, images, torch.randint(4, (20,), generator=g))


@pytest.mark.parametrize("geometry", ["relative-linf", "absolute-linf"])
def test_it_reaches_the_closed_form_in_small_boxes(linear, geometry):
    weights, radius = select_weights(linear.model), 1e-4
    ball = WeightBall(weights, radius, geometry)
    loss = whole_set(linear, objectives.cross_entropy)
    start = loss(ball.origin, torch.arange(1))
    sizes = {n: w.abs() if geometry == "relative-linf" else 1 for n, w in weights.items()}
    closed = radius * sum(float((sizes[n] * g).abs().sum()) for n, g in start.gradient.items())
    *_, end = adam(ball, repeat(loss), ball.origin, 40)
    increase = float(loss(end, torch.arange(1)).values - start.values)
    assert 0.99 * closed <= increase <= 1.01 * closed


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_point_lies_inside_and_there_are_as_many_as_steps(linear, geometry):
    ball = WeightBall(select_weights(linear.model), 0.1, geometry)
    loss = whole_set(linear, objectives.cross_entropy)
    points = list(adam(ball, repeat(loss), ball.origin, 12))
    assert len(points) == 12
    for point in points:
        assert float(ball.excess(point)) <= 1e-9
    values = [float(loss(p, torch.arange(1)).values) for p in (ball.origin, points[-1])]
    assert values[1] > values[0]


def test_steps_are_radii_that_shrink_to_nothing_and_zero_gradients_do_not_move():
    weights = {"w": torch.tensor([1.0, -2.0, 4.0, 3.0])}
    ball = WeightBall(weights, 10.0, "relative-linf")
    gradient = {"w": torch.tensor([1e-30, -5.0, 7e9, 0.0])}
    uphill = repeat(lambda _point, _rows: Evaluation(torch.zeros(1), gradient))
    points = [ball.origin, *adam(ball, uphill, ball.origin, 4, first_step=0.1)]
    for step, length in enumerate([0.1, 0.075, 0.05, 0.025]):
        moved = points[step + 1]["w"] - points[step]["w"]
        radii = moved / (10 * weights["w"].abs())
        assert 0 <= radii[0] <= length * 1.001  # too small to square; never more than a step
        torch.testing.assert_close(radii[1:], length * torch.tensor([-1.0, 1.0, 0.0]))


def test_scaling_a_tensor_changes_nothing_in_relative_terms():
    weights = torch.tensor([1.0, -2.0, 4.0])
    ends = []
    for scale in (1.0, 64.0):
        ball = WeightBall({"w": scale * weights}, 0.5, "relative-linf")
        target = weights * torch.tensor([1.2, 0.9, 1.05])

        def towards(point, rows, scale=scale, target=target):
            away = point["w"] / scale - target
            return Evaluation(-away.square().sum().view(1), {"w": -2 * away / scale})

        *_, end = adam(ball, repeat(towards), ball.origin, 30)
        ends.append(end["w"] / scale)
    torch.testing.assert_close(*ends)
