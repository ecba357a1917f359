"""Properties of the sets an adversary may move in."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.spaces import IMAGES, InputBall, ProductSpace, WeightBall, select_weights
from benchmark.spaces.inputs import lengths
from benchmark.spaces.weights import GEOMETRIES
from models_zoo.errors import InputError

NORMS = st.sampled_from(["linf", "l2"])
RADII = st.just(0.0) | st.floats(1e-6, 3)
SEEDS = st.integers(0, 2**31)
FEW = settings(max_examples=60, deadline=None, derandomize=True)


def rng(seed):
    return torch.Generator().manual_seed(seed)


def some_images(seed, count=4):
    """Images with pixels all over [0, 1] and many on its ends."""
    return (torch.rand(count, 2, 3, 3, generator=rng(seed)) * 1.6 - 0.3).clamp(0, 1)


def some_weights(seed, scale=1.0):
    """A kernel, a matrix, a bias, and a bias that is still zero."""
    g = rng(seed)
    return {
        "conv": scale * torch.randn(4, 2, 3, 3, generator=g),
        "linear": 10 * scale * torch.randn(5, 7, generator=g),
        "bias": 0.01 * scale * torch.randn(6, generator=g),
        "zero": torch.zeros(3),
    }


def joint_norm(tensors):
    """The norm of all tensors joined into one vector."""
    return float(torch.cat([tensor.flatten() for tensor in tensors.values()]).norm())


def somewhere(space, seed, scale=3.0):
    g = rng(seed + 1)
    return {
        name: value + scale * torch.randn(value.shape, generator=g)
        for name, value in space.origin.items()
    }


def input_ball(seed, norm, eps):
    return InputBall(some_images(seed), norm, eps)


def weight_ball(seed, geometry, radius, scale=1.0):
    return WeightBall(some_weights(seed, scale), radius, geometry)


def assert_projects(space, outside, inside):
    projected = space.project(outside)
    assert float(space.excess(projected).amax()) <= 1e-6
    assert all(value.isfinite().all() for value in projected.values())
    assert_same(space.project(projected), projected)
    assert float(space.excess(inside).amax()) <= 1e-6
    assert_same(space.project(inside), inside)


def assert_same(one, other):
    """Equal up to the rounding of a float32 of the tensor's own size."""
    assert set(one) == set(other)
    for name, value in one.items():
        size = max(float(value.abs().max()), 1e-30)
        torch.testing.assert_close(value / size, other[name] / size, atol=1e-6, rtol=0)


@FEW
@given(SEEDS, NORMS, RADII)
def test_an_input_ball_projects_inside_and_leaves_alone_what_is_inside(seed, norm, eps):
    ball = input_ball(seed, norm, eps)
    assert_projects(ball, somewhere(ball, seed), ball.sample(rng(seed)))


@FEW
@given(SEEDS, st.sampled_from(GEOMETRIES), RADII, st.sampled_from([1e-3, 1.0, 1e3]))
def test_a_weight_ball_projects_inside_and_leaves_alone_what_is_inside(
    seed, geometry, radius, scale
):
    ball = weight_ball(seed, geometry, radius, scale)
    assert_projects(ball, somewhere(ball, seed, 3 * scale), ball.sample(rng(seed)))


@FEW
@given(SEEDS, NORMS, st.sampled_from(GEOMETRIES), RADII)
def test_a_product_projects_part_by_part(seed, norm, geometry, radius):
    inputs, weights = input_ball(seed, norm, radius), weight_ball(seed, geometry, radius)
    space = ProductSpace(inputs, weights)
    assert space.rows == 1
    assert set(space.origin) == {IMAGES, *weights.origin}
    assert_projects(space, somewhere(space, seed), space.sample(rng(seed)))
    outside = somewhere(space, seed)
    projected = space.project(outside)
    assert torch.equal(projected[IMAGES], inputs.project({IMAGES: outside[IMAGES]})[IMAGES])
    alone = weights.project({name: outside[name] for name in weights.origin})
    assert all(torch.equal(projected[name], value) for name, value in alone.items())


@FEW
@given(SEEDS, NORMS, st.floats(0.01, 0.5))
def test_excess_measures_the_ball_and_the_box(seed, norm, eps):
    ball = input_ball(seed, norm, eps)
    outside = {IMAGES: ball.images.clone()}
    outside[IMAGES][1] = 1.25
    assert float(ball.excess(outside)[1]) >= 0.25 - 1e-6
    assert float(ball.excess(outside)[[0, 2, 3]].amax()) <= 1e-6


@FEW
@given(SEEDS, st.sampled_from(GEOMETRIES), st.floats(1e-3, 1.0))
def test_excess_of_weights_sees_one_tensor_that_is_too_far(seed, geometry, radius):
    ball = weight_ball(seed, geometry, radius)
    far = 2 * radius * (joint_norm(ball.weights) if geometry == "network-l2" else 1)
    outside = ball.origin | {"bias": ball.weights["bias"] + far * torch.ones(6)}
    assert float(ball.excess(outside)) > 1e-3
    moved_zero = ball.origin | {"zero": torch.full((3,), far)}
    assert float(ball.excess(moved_zero)) > 1e-3


@FEW
@given(SEEDS, st.floats(1e-4, 2.0))
def test_the_sphere_lies_at_full_radius_tensor_by_tensor(seed, radius):
    for geometry in ("relative-l2", "absolute-l2"):
        ball = weight_ball(seed, geometry, radius)
        for name, moved in ball.sphere(rng(seed)).items():
            weight = ball.weights[name].double()
            full = radius * (float(weight.norm()) if geometry == "relative-l2" else 1.0)
            reached = float((moved.double() - weight).norm())
            assert reached == pytest.approx(full, rel=1e-3, abs=1e-6)


@FEW
@given(SEEDS, st.floats(1e-4, 2.0))
def test_the_sphere_lies_at_full_radius_filter_by_filter(seed, radius):
    ball = weight_ball(seed, "filter-l2", radius)
    for name, moved in ball.sphere(rng(seed)).items():
        weight = ball.weights[name].double()
        filters = (weight.flatten(1) if weight.ndim > 1 else weight[None]).norm(dim=1)
        away = moved.double() - weight
        reached = (away.flatten(1) if weight.ndim > 1 else away[None]).norm(dim=1)
        torch.testing.assert_close(reached, radius * filters, rtol=1e-3, atol=1e-6)


@FEW
@given(SEEDS, st.floats(1e-4, 2.0))
def test_the_sphere_of_the_whole_network_lies_at_full_radius_jointly(seed, radius):
    ball = weight_ball(seed, "network-l2", radius)
    moved = {n: w.double() - ball.weights[n].double() for n, w in ball.sphere(rng(seed)).items()}
    full = radius * joint_norm(ball.weights)
    assert joint_norm(moved) == pytest.approx(full, rel=1e-3)
    assert moved["zero"].any(), "a tensor without norm of its own moves on that of the others"


def test_a_tensor_of_one_dimension_is_one_filter():
    weights = {"bias": torch.tensor([3.0, 4.0]), "scale": torch.tensor(2.0)}
    ball = WeightBall(weights, 0.1, "filter-l2")
    step = ball.steepest({"bias": torch.tensor([0.0, -7.0]), "scale": torch.tensor(5.0)})
    torch.testing.assert_close(step["bias"], torch.tensor([0.0, -0.5]))
    torch.testing.assert_close(step["scale"], torch.tensor(0.2))


def test_a_filter_without_weights_stays_where_it_is():
    kernel = torch.ones(3, 2, 2, 2)
    kernel[1] = 0
    ball = WeightBall({"kernel": kernel}, 0.5, "filter-l2")
    for point in (
        ball.project({"kernel": kernel + 7}),
        ball.sphere(rng(0)),
        ball.sample(rng(0)),
        ball.move(ball.origin, ball.steepest({"kernel": torch.ones(3, 2, 2, 2)}), torch.ones(1)),
    ):
        assert not point["kernel"][1].any()
        assert (point["kernel"][[0, 2]] != 1).all()
        assert float(ball.excess(point)) <= 1e-6
    outside = kernel.clone()
    outside[1] = 1e-3
    assert float(ball.excess({"kernel": outside})) > 1


@FEW
@given(SEEDS, NORMS, st.floats(0.001, 1.0))
def test_the_input_ball_s_steepest_step_beats_every_other_of_its_length(seed, norm, eps):
    ball = input_ball(seed, norm, eps)
    g = rng(seed + 7)
    gradient = torch.randn(ball.images.shape, generator=g)
    step = ball.steepest({IMAGES: gradient})[IMAGES]
    torch.testing.assert_close(lengths(step, norm), torch.full((4,), eps), rtol=1e-4, atol=0)
    best = (gradient * step).flatten(1).sum(1)
    for _ in range(20):
        other = torch.randn(ball.images.shape, generator=g)
        other *= (eps / lengths(other, norm)).view(-1, 1, 1, 1)
        assert ((gradient * other).flatten(1).sum(1) <= best * (1 + 1e-5)).all()


def increases(gradient, displacement, geometry):
    """The increase of a linear function, for each tensor or, in the joint ball, for all
    together."""
    each = [float((gradient[name] * value).sum()) for name, value in displacement.items()]
    return [sum(each)] if geometry == "network-l2" else each


@FEW
@given(SEEDS, st.sampled_from(GEOMETRIES), st.floats(0.001, 1.0))
def test_the_weight_ball_s_steepest_step_beats_random_points_of_the_ball(seed, geometry, radius):
    ball = weight_ball(seed, geometry, radius)
    g = rng(seed + 7)
    gradient = {n: torch.randn(w.shape, generator=g) for n, w in ball.weights.items()}
    step = ball.steepest(gradient)
    best = increases(gradient, step, geometry)
    for draw in [ball.sphere] * 10 + [ball.sample] * 10:
        other = {name: value - ball.weights[name] for name, value in draw(g).items()}
        for increase, most in zip(increases(gradient, other, geometry), best, strict=True):
            assert increase <= most * (1 + 1e-4) + 1e-5


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_zero_gradients_and_zero_tensors_give_no_nan(geometry):
    ball = weight_ball(0, geometry, 0.1)
    flat = {name: torch.zeros_like(value) for name, value in ball.origin.items()}
    for point in (ball.steepest(flat), ball.sphere(rng(0)), ball.sample(rng(0))):
        assert all(value.isfinite().all() for value in point.values())
    assert all(not value.any() for value in ball.steepest(flat).values())
    if geometry.startswith(("relative", "filter")):
        far = ball.project({name: value + 5 for name, value in ball.origin.items()})
        assert not far["zero"].any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_zero_input_gradient_gives_no_step(norm):
    ball = input_ball(0, norm, 0.1)
    assert not ball.steepest({IMAGES: torch.zeros_like(ball.images)})[IMAGES].any()
    assert torch.equal(ball.project(ball.origin)[IMAGES], ball.images)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_radius_zero_leaves_one_point(norm):
    ball = input_ball(0, norm, 0.0)
    assert torch.equal(ball.sample(rng(0))[IMAGES], ball.images)
    torch.testing.assert_close(ball.project(somewhere(ball, 0))[IMAGES], ball.images)
    for geometry in GEOMETRIES:
        weights = weight_ball(0, geometry, 0.0)
        moved = weights.project(somewhere(weights, 0))
        assert all(torch.equal(moved[n], w) for n, w in weights.weights.items())


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_image_s_ball_does_not_depend_on_its_neighbours(norm):
    ball = input_ball(3, norm, 0.2)
    far = somewhere(ball, 3)[IMAGES]
    rows = torch.tensor([2, 0])
    part = ball.take(rows)
    assert part.rows == 2
    together = ball.project({IMAGES: far})[IMAGES][rows]
    assert torch.equal(part.project({IMAGES: far[rows]})[IMAGES], together)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_radii_that_are_none_are_refused(value):
    with pytest.raises(InputError, match=r"eps must be a finite number of at least 0"):
        InputBall(some_images(0), "linf", value)
    with pytest.raises(InputError, match=r"radius must be a finite number of at least 0"):
        WeightBall(some_weights(0), value)


def test_unknown_norms_geometries_and_rules_are_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown norm 'linff'; did you mean 'linf'"):
        InputBall(some_images(0), "linff", 0.1)
    with pytest.raises(InputError, match=r"did you mean 'relative-l2'"):
        WeightBall(some_weights(0), 0.1, "relative_l2")
    with pytest.raises(InputError, match=r"did you mean 'kernels'"):
        select_weights(nn.Linear(2, 2), "kernel")


class Tied(nn.Module):
    """A decoder that shares its encoder's matrix, with every kind of normalisation."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 4)
        self.decoder = nn.Linear(4, 4)
        self.decoder.weight = self.encoder.weight
        self.bn, self.gn, self.ln = nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4)
        self.bare = nn.Parameter(torch.ones(2))


def test_rules_take_shared_tensors_once_and_leave_normalisation_out():
    model = Tied()
    chosen = select_weights(model, "no-normalization")
    assert set(chosen) == {"encoder.weight", "encoder.bias", "decoder.bias", "bare"}
    assert set(select_weights(model, "kernels")) == {"encoder.weight"}
    affine = {f"{layer}.{name}" for layer in ("bn", "gn", "ln") for name in ("weight", "bias")}
    assert set(select_weights(model, "all")) == set(chosen) | affine
    assert not any(tensor.requires_grad for tensor in chosen.values())


def test_a_rule_that_leaves_nothing_is_refused():
    with pytest.raises(InputError, match=r"'kernels' selects no parameter"):
        select_weights(nn.BatchNorm1d(3), "kernels")


@pytest.mark.parametrize("geometry", ["relative-l2", "filter-l2", "network-l2", "absolute-l2"])
def test_millions_of_weights_are_measured_exactly_enough(geometry):
    """The largest kernel of a WideResNet-28-10: sums of so many float32 squares would be off."""
    weights = {"kernel": 0.05 * torch.randn(640, 640, 3, 3, generator=rng(0)).abs() + 0.01}
    ball = WeightBall(weights, 0.5, geometry)
    for point in (ball.sphere(rng(1)), ball.project({"kernel": -weights["kernel"]})):
        assert abs(float(ball.excess(point))) <= 2e-7


SUPPORT = {"linear": torch.arange(5)[:, None] == 2, "zero": torch.tensor([True, False, True])}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@FEW
@given(seed=SEEDS, radius=RADII)
def test_entries_outside_the_support_never_move(geometry, seed, radius):
    weights = some_weights(seed)
    ball = WeightBall(weights, radius, geometry, SUPPORT)
    full = WeightBall(weights, radius, geometry)
    away = somewhere(full, seed)
    points = [ball.project(away), ball.sample(rng(seed)), ball.sphere(rng(seed))]
    points.append(ball.move(weights, ball.steepest(away), torch.ones(1)))
    for point in points:
        assert ball.contains(point)
        for name, mask in SUPPORT.items():
            outside = ~mask.expand_as(weights[name])
            assert torch.equal(point[name][outside], weights[name][outside])
    if geometry.endswith("linf"):
        assert full.contains(points[0])
    other = {name: value.clone() for name, value in points[0].items()}
    other["linear"][0, 0] = torch.nextafter(other["linear"][0, 0], torch.tensor(1e9))
    assert not ball.contains(other)


def test_a_support_of_everything_changes_no_bit():
    weights = some_weights(3)
    everything = {name: torch.ones((), dtype=torch.bool) for name in weights}
    for geometry in GEOMETRIES:
        one, other = (WeightBall(weights, 0.1, geometry, each) for each in (None, everything))
        for a, b in (
            (one.sample(rng(1)), other.sample(rng(1))),
            (one.project(somewhere(one, 5)), other.project(somewhere(one, 5))),
            (one.steepest(somewhere(one, 7)), other.steepest(somewhere(one, 7))),
        ):
            assert all(torch.equal(a[name], b[name]) for name in weights)


def test_a_relative_radius_is_a_share_of_what_may_move():
    ball = WeightBall({"linear": some_weights(1)["linear"]}, 0.5, "relative-l2", SUPPORT)
    row = ball.weights["linear"][2]
    moved = ball.sphere(rng(0))["linear"][2] - row
    assert float(moved.norm()) == pytest.approx(0.5 * float(row.norm()), rel=1e-5)
