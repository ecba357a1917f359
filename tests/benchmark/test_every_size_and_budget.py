"""Points truly inside their spaces, from 8 x 8 to 512 x 512 pixels and budgets from 1e-4 to 30."""

import itertools

import pytest
import torch
from torch import nn

from benchmark import attack_inputs, minimal_distances
from benchmark.attacks.verification import require_inside
from benchmark.spaces import GEOMETRIES, IMAGES, InputBall, ProductSpace, Region, WeightBall
from benchmark.spaces.inputs import NORMS

SHAPES = [
    (1, 8, 8),
    (16, 8, 8),
    (1, 28, 28),
    (3, 32, 32),
    (3, 96, 64),
    (3, 224, 224),
    (1, 512, 512),
]
BUDGETS = [1e-4, 1e-3, 1 / 255, 8 / 255, 0.3, 3.0, 30.0]
ORDERS = {"linf": float("inf"), "l2": 2, "l1": 1}


def images_of(kind, count, shape, seed=0):
    """Images of every kind that projections treat differently."""
    noise = torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))
    return {
        "noise": noise,
        "corners": noise.round(),
        "zero": torch.zeros_like(noise),
        "one": torch.ones_like(noise),
        "gray": torch.full_like(noise, 1 - 2**-24),
        "levels": (noise * 255).round() / 255,
    }[kind]


def beyond(points, images, norm, eps):
    """How far the furthest image goes beyond its budget, as a share of that, all in float64."""
    moved = (points.double() - images.double()).flatten(1)
    return float((torch.linalg.vector_norm(moved, ord=ORDERS[norm], dim=1) / eps - 1).max())


def assert_inside(ball, point, eps):
    found = point[IMAGES]
    slack = 1e-5 if ball.norm == "linf" else 5e-7
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert beyond(found, ball.images, ball.norm, eps) <= slack
    require_inside(ball, point)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_every_projection_is_inside_as_float64_measures_it(norm, shape):
    kinds = ["noise", "corners", "zero", "one", "gray", "levels"]
    if max(shape) > 64:
        kinds = kinds[: 1 if max(shape) > 500 else 2]
    for kind, eps in itertools.product(kinds, BUDGETS if max(shape) < 200 else BUDGETS[::3]):
        images = images_of(kind, 2, shape)
        ball = InputBall(images, norm, eps)
        slope = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
        step = ball.steepest({IMAGES: slope}, ball.origin)
        once = ball.project(ball.move(ball.origin, step, torch.full((2,), 2.0)))
        assert_inside(ball, once, eps)
        assert_inside(ball, ball.project({IMAGES: images + eps * slope}), eps)
        again = ball.project(once)
        assert_inside(ball, again, eps)
        apart = (again[IMAGES] - once[IMAGES]).abs().amax()
        assert float(apart) <= max(1e-3 * eps, 2**-22)


@pytest.mark.parametrize("norm", NORMS)
def test_a_shortened_image_spends_its_budget(norm):
    """What is brought inside goes to the boundary of the ball, and is not sent home."""
    for shape, eps in itertools.product(SHAPES[:5], [1e-3, 0.3, 3.0]):
        images = images_of("noise", 2, shape) * 0.2 + 0.4
        slope = torch.randn(images.shape, generator=torch.Generator().manual_seed(2))
        found = InputBall(images, norm, eps).project({IMAGES: images + 10 * slope})[IMAGES]
        box = float(
            (torch.where(slope > 0, 1 - images, images)).flatten(1).norm(ORDERS[norm], 1).min()
        )
        assert beyond(found, images, norm, min(eps, box)) >= -0.02, (shape, eps)


@pytest.mark.parametrize("norm", NORMS)
def test_budgets_of_every_size_side_by_side(norm):
    images = images_of("noise", len(BUDGETS), (3, 32, 32))
    radii = torch.tensor(BUDGETS, dtype=torch.float64)
    ball = InputBall(images, norm, radii)
    found = ball.project({IMAGES: torch.rand_like(images)})
    require_inside(ball, found)
    for row, eps in enumerate(BUDGETS):
        alone = InputBall(images[row : row + 1], norm, eps)
        assert_inside(alone, {IMAGES: found[IMAGES][row : row + 1]}, eps)


@pytest.mark.parametrize("norm", NORMS)
def test_what_lies_a_little_outside_is_noticed(norm):
    for shape, eps in itertools.product(SHAPES[:4], [1e-4, 1e-2, 1.0]):
        images = images_of("noise", 2, shape) * 0.1
        wide = InputBall(images, norm, eps * 1.002 if eps < 1e-2 else eps * 1.0001)
        far = wide.project({IMAGES: images + 1})
        if norm == "linf" and eps == 1.0:
            continue  # the box stops it before
        if beyond(far[IMAGES], images, norm, eps) < 2e-5:
            continue  # pixels are too coarse for so small a difference
        with pytest.raises(RuntimeError, match="outside its space"):
            require_inside(InputBall(images, norm, eps), far)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e-13, 1.0, 1e12, 1e22, 1e30])
@pytest.mark.parametrize("norm", NORMS)
def test_a_step_does_not_depend_on_how_flat_the_gradient_is(norm, scale):
    images = images_of("noise", 3, (1, 8, 8)) * 0.5 + 0.25
    slope = torch.randn(images.shape, generator=torch.Generator().manual_seed(3))
    slope[2] = 0
    ball = InputBall(images, norm, 0.1)
    plain = ball.steepest({IMAGES: slope}, ball.origin)[IMAGES]
    scaled = ball.steepest({IMAGES: scale * slope}, ball.origin)[IMAGES]
    torch.testing.assert_close(scaled, plain, rtol=1e-4, atol=1e-7)
    assert not scaled[2].any()


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("radius", [0.0, 1e-4, 1e-2, 1.0, 30.0])
def test_weights_are_inside_alone_and_together_with_images(geometry, radius):
    draw = torch.Generator().manual_seed(4)
    weights = {
        "large": 0.02 * torch.randn(100, 300, generator=draw),
        "small": torch.randn(10, generator=draw),
        "huge": 1e4 * torch.randn(8, 4, 3, 3, generator=draw),
        "zero": torch.zeros(16),
    }
    ball = WeightBall(weights, radius, geometry)
    images = images_of("noise", 2, (3, 96, 64))
    both = ProductSpace(InputBall(images, "l2", max(radius, 1e-4)), ball)
    far = {
        name: w + (1 + w.abs()) * torch.randn(w.shape, generator=draw)
        for name, w in weights.items()
    }
    for point in (ball.project(far), ball.sphere(draw), ball.sample(draw)):
        require_inside(ball, point)
        require_inside(both, both.project({IMAGES: 1 - images} | point))
    if radius:
        further = {name: w + (far[name] - w) * 1e6 for name, w in weights.items()}
        with pytest.raises(RuntimeError, match="outside its space"):
            require_inside(both, {IMAGES: images} | further)
        with pytest.raises(RuntimeError, match="outside its space"):
            require_inside(both, {IMAGES: (images + 0.5).clamp(0, 1)} | ball.origin)
        wider = WeightBall(weights, radius * 1.01, geometry)
        with pytest.raises(RuntimeError, match="outside its space"):
            require_inside(ball, wider.sphere(draw))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 224, 224), (16, 64, 48)])
def test_regions_hold_to_the_last_bit(shape):
    images = images_of("noise", 2, shape)
    mask = torch.zeros(2, 1, *shape[1:], dtype=torch.bool)
    mask[:, :, : shape[1] // 2] = True
    region = Region(images, mask)
    inside = region.project({IMAGES: images + torch.randn(images.shape)})
    require_inside(region, inside)
    pixel = inside[IMAGES].clone()
    pixel[0, 0, -1, -1] = torch.nextafter(pixel[0, 0, -1, -1], torch.tensor(2.0))
    with pytest.raises(RuntimeError, match="outside its space"):
        require_inside(region, {IMAGES: pixel})


class Small(nn.Module):
    """A convolution and a pooled linear layer, for images of any size and number of channels."""

    def __init__(self, channels, flat=False):
        super().__init__()
        torch.manual_seed(0)
        self.flat = flat
        self.body = nn.Sequential(
            nn.Conv2d(channels, 4, 7, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        )
        self.head = nn.Linear(16, 5)

    def forward(self, images):
        logits = self.head(self.body(images if not self.flat else images.round()))
        return logits * (images.sum() * 0 + 1) if self.flat else logits


ATTACKS = [
    ("l2", (3, 224, 224), 3.0),
    ("l2", (3, 224, 224), 0.1),
    ("linf", (3, 224, 224), 4 / 255),
    ("linf", (3, 64, 48), 1e-4),
    ("l1", (3, 64, 64), 12.0),
    ("l2", (1, 512, 512), 30.0),
    ("l2", (3, 32, 32), 1e-4),
    ("l1", (16, 32, 32), 1e-3),
    ("l2", (16, 8, 8), 30.0),
    ("l1", (1, 8, 8), 1e-4),
]


@pytest.mark.parametrize("flat", [False, True], ids=["slopes", "flat"])
@pytest.mark.parametrize(("norm", "shape", "eps"), ATTACKS)
def test_attacks_of_every_size_prove_their_finds(norm, shape, eps, flat):
    model = Small(shape[0], flat).eval()
    images = torch.cat([images_of("noise", 1, shape), images_of("corners", 1, shape)])
    with torch.no_grad():
        labels = model(images).argmax(1)
    found = attack_inputs(model, images, labels, norm=norm, eps=eps, effort="quick")
    assert beyond(found.images, images, norm, eps) <= (1e-5 if norm == "linf" else 5e-7)
    with torch.no_grad():
        assert (model(found.images).argmax(1)[~found.robust] != labels[~found.robust]).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_distances_between_large_images_are_what_float64_measures(norm):
    images = torch.cat([images_of("noise", 1, (3, 64, 64)), images_of("corners", 1, (3, 64, 64))])
    model = Small(3).eval()
    with torch.no_grad():
        labels = model(images).argmax(1)
    found = minimal_distances(model, images, labels, norm=norm, precision=0.5)
    for row, distance in enumerate(found.distances.tolist()):
        assert distance < float("inf")
        here = slice(row, row + 1)
        assert abs(beyond(found.images[here], images[here], norm, distance)) < 1e-9
