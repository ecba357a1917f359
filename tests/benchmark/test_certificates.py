"""A certificate is a proof: nothing that can be tried breaks a certified example."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import attack_joint, certify_joint
from benchmark.attacks.weights import weight_ball
from benchmark.budgets import Budget
from benchmark.certificates import Certifier, UncertifiableError, certify_surface
from benchmark.certificates.affine import linear_layer, propagate
from benchmark.certificates.enclosure import Enclosure, norms
from benchmark.certificates.moving import DisplacementBound, MovingWeight
from benchmark.certificates.norms import convolution_norm, matrix_norm
from benchmark.certificates.traversal import Traversal
from benchmark.spaces import IMAGES, InputBall, WeightBall, select_weights
from benchmark.spaces.weights import GEOMETRIES
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from models_zoo.architectures import build_architecture

N = 24
SHAPES = {
    "mlp": (1, 8, 8),
    "cnn": (1, 8, 8),
    "cifar-cnn-a": (3, 16, 16),
    "cifar-resnet2b": (3, 16, 16),
    "cifar-resnet20": (3, 8, 8),
}
BUDGETS = {
    "relative-l2": 0.003,
    "filter-l2": 0.003,
    "network-l2": 0.001,
    "relative-linf": 0.002,
    "absolute-l2": 0.01,
    "absolute-linf": 1e-4,
}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def untrained(architecture, seed=0):
    """A network whose labels are its own answers, with batch norm statistics of some data."""
    torch.manual_seed(seed)
    shape = SHAPES[architecture]
    model = build_architecture(architecture, classes=10, input_shape=shape)
    for _ in range(3):
        model.train()(torch.rand(32, *shape))
    model.eval().requires_grad_(False)
    images = torch.rand(N, *shape)
    return Subject(model, images, model(images).argmax(1))


def corner_weights(ball, generator):
    """The ends of the ball in a random direction."""
    return ball.project(ball.sphere(generator))


def assert_stands(subject, certified, eps, ball, tries=40):
    """No random corner, and no small gradient walk from it, breaks what is certified."""
    generator = rng(1)
    inputs = InputBall(subject.images, "linf", eps)
    for _ in range(tries):
        weights = corner_weights(ball, generator) if ball.radius else {}
        signs = torch.randn(subject.images.shape, generator=generator).sign()
        images = inputs.project({IMAGES: subject.images + eps * signs})[IMAGES]
        images = images.detach().requires_grad_(True)
        logits = subject.forward(images, weights)
        loss = F.cross_entropy(logits, subject.labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, images)
        pushed = inputs.project({IMAGES: images.detach() + 2 * eps * slope.sign()})[IMAGES]
        for tried in (images.detach(), pushed):
            right = subject.forward(tried, weights).argmax(1) == subject.labels
            assert not (certified & ~right).any()


@pytest.mark.parametrize(
    ("architecture", "geometry"),
    [
        *((name, geometry) for name in SHAPES if "20" not in name for geometry in GEOMETRIES),
        ("cifar-resnet20", "relative-l2"),
    ],
)
def test_no_certified_example_falls_to_corners_of_images_and_weights(architecture, geometry):
    subject = untrained(architecture)
    share = 0.0
    certifier = Certifier(subject, "linf")
    for factor in (0.003, 0.03, 0.3, 3.0):
        threat = WeightThreat(geometry, Budget(factor * BUDGETS[geometry]))
        ball = weight_ball(subject, threat)
        certified = certifier.certified(factor * 1e-3, ball)
        share = max(share, float(certified.float().mean()))
        assert_stands(subject, certified, factor * 1e-3, ball, tries=3)
    assert share > 0 or architecture == "cifar-resnet20", "a certificate of nothing proves nothing"


@pytest.mark.parametrize("name", ["digits/mlp-pgd-at", "digits/cnn-pgd-at"])
def test_no_certified_example_falls_to_the_joint_attack(zoo, digits, name):
    data, model = digits.head(40), zoo(name)
    asked: dict[str, Any] = {"eps": 0.002, "radius": 0.0005}
    certified = certify_joint(model, data.images, data.labels, **asked)
    attack = attack_joint(model, data.images, data.labels, steps=10, effort="quick", **asked)
    assert certified.any()
    assert not (certified & ~attack.robust).any()


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_other_input_balls_can_be_certified(subject, norm):
    asked = subject("digits/mlp-pgd-at", 40)
    certified = Certifier(asked, norm).certified(0.05, None)
    assert certified.float().mean() > 0.2
    for seed in range(20):
        ball = InputBall(asked.images, norm, 0.05)
        images = ball.sample(rng(seed))[IMAGES]
        right = asked.logits(images).argmax(1) == asked.labels
        assert not (certified & ~right).any()


@pytest.mark.parametrize("name", ["digits/mlp-standard", "digits/cnn-pgd-at"])
def test_without_budgets_what_is_right_is_certified(subject, name):
    asked = subject(name, 60)
    ball = weight_ball(asked, WeightThreat("relative-l2", Budget(0.0)))
    assert torch.equal(Certifier(asked, "linf").certified(0.0, ball), asked.correct())


def test_the_certified_surface_falls_along_both_axes(subject):
    asked = subject("digits/cnn-pgd-at", 60)
    balls = [
        weight_ball(asked, WeightThreat("relative-l2", Budget(radius)))
        for radius in (0.0, 0.0005, 0.001)
    ]
    cells = certify_surface(asked, "linf", (0.0, 0.002, 0.01), balls)
    counts = torch.tensor([[int(cell.sum()) for cell in row] for row in cells])
    assert (counts.diff(dim=0) <= 0).all()
    assert (counts.diff(dim=1) <= 0).all()
    assert counts[0, 0] > counts[1, 1] > counts[2, 2]
    assert counts[1, 1] > 0


def test_lengths_bound_an_l2_ball_of_weights_better_than_its_box(subject):
    asked = subject("digits/mlp-pgd-at", 60)
    ball = weight_ball(asked, WeightThreat("relative-l2", Budget(0.003)))
    by_length = Certifier(asked, "linf").certified(0.0, ball)

    longest = {n: 0.003 * float(w.norm()) for n, w in ball.weights.items()}
    boxed = torch.ones_like(by_length)
    for name, weight in ball.weights.items():  # one tensor alone is less than all of them
        one = WeightBall({name: weight}, longest[name], "absolute-linf")
        boxed &= Certifier(asked, "linf").certified(0.0, one)
    assert by_length.sum() > boxed.sum()


def test_one_layer_is_bounded_as_closely_as_it_can_be():
    """A linear model's worst case is known: the row difference's l1 norm, and Cauchy-Schwarz."""
    torch.manual_seed(0)
    layer = nn.Linear(16, 2)
    model = nn.Sequential(nn.Flatten(), layer).requires_grad_(False)
    images = torch.rand(200, 1, 4, 4) * 0.6 + 0.2
    layer.bias.sub_(model(images).mean(0))
    labels = model(images).argmax(1)
    subject, eps, radius = Subject(model, images, labels), 0.05, 0.05
    weight, bias = layer.weight.double(), layer.bias.double()
    sign = 1.0 - 2.0 * labels.double()
    apart = (weight[0] - weight[1], bias[0] - bias[1])
    margin = sign * (images.double().flatten(1) @ apart[0] + apart[1])
    exact = margin - eps * apart[0].abs().sum()
    proven = Certifier(subject, "linf").certified(eps, None)
    clear = exact.abs() > 1e-4
    assert torch.equal(proven[clear], (exact > 0)[clear])
    assert 0 < proven.float().mean() < 1
    lengths = radius * (weight.norm() * images.double().flatten(1).norm(dim=1) + bias.norm())
    exact = margin - 2**0.5 * lengths
    proven = Certifier(subject, "linf").certified(
        0.0, weight_ball(subject, WeightThreat("relative-l2", Budget(radius)))
    )
    clear = exact.abs() > 1e-4
    assert torch.equal(proven[clear], (exact > 0)[clear])
    assert 0 < proven.float().mean() < 1


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1), (3, 3)])
@pytest.mark.parametrize(("groups", "dilation"), [(1, (1, 1)), (2, (1, 1)), (1, (2, 1))])
@pytest.mark.parametrize("padding", [0, 1])
def test_a_convolution_is_no_longer_than_its_norm(stride, groups, dilation, padding):
    kernel = torch.randn(6, 4 // groups, 3, 3, generator=rng(3), dtype=torch.float64)
    size = (7, 6)
    basis = torch.eye(4 * 42, dtype=torch.float64).view(-1, 4, *size)
    matrix = F.conv2d(basis, kernel, None, stride, padding, dilation, groups).flatten(1)
    exact = float(torch.linalg.matrix_norm(matrix, ord=2))
    bound = convolution_norm(kernel, size, stride, dilation, groups)
    assert exact <= bound <= 1.6 * exact


def test_a_matrix_s_norm_is_its_largest_singular_value():
    matrix = torch.randn(20, 30, generator=rng(4))
    exact = float(torch.linalg.matrix_norm(matrix.double(), ord=2))
    assert exact <= matrix_norm(matrix) <= exact * (1 + 1e-6)


def test_a_layer_s_enclosure_holds_its_worst_member():
    """The worst members of each part are known; together they touch what is computed."""
    weight = torch.randn(5, 7, generator=rng(5))
    z = Enclosure(
        torch.randn(1, 7, generator=rng(6)).double(),
        torch.rand(1, 7, generator=rng(7)).double(),
        torch.tensor([0.5]).double(),
    )
    moved = propagate(
        z, linear_layer(MovingWeight.of(weight, DisplacementBound(0.1)), None, Traversal())
    )
    values = torch.linalg.svdvals(weight.double())
    assert moved.ball >= 0.5 * values[0] + 0.1 * norms(z.magnitude)
    assert moved.ball <= 0.5 * values[0] + 0.1 * z.size + 1e-4
    torch.testing.assert_close(moved.box, z.box @ weight.double().abs().T)
    boxed = MovingWeight.of(
        weight, DisplacementBound(0.1 * 35**0.5, torch.full_like(weight, 0.1).double())
    )
    boxed_moved = propagate(z, linear_layer(boxed, None, Traversal()))
    expected = z.box @ weight.double().abs().T + 0.1 * z.magnitude.sum()
    torch.testing.assert_close(boxed_moved.box, expected)


class Odd(nn.Module):
    """A network with one operation more."""

    def __init__(self, operation):
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.operation = operation

    def forward(self, images):
        return self.operation(self, self.linear(images.flatten(1)))


REFUSED = {
    "softmax": lambda self, z: z.softmax(1),
    "product of unknowns": lambda self, z: z * z,
    "second use of a weight": lambda self, z: z + self.linear.weight.sum(1),
    "squared weight": lambda self, z: F.linear(z, self.linear.weight @ self.linear.weight.T),
    "noise": lambda self, z: z + torch.rand(10),
    "noise larger than rounding": lambda self, z: z + 1e-4 * torch.rand(10),
    "noise beside a masked class": lambda self, z: F.linear(
        z + torch.rand(10), torch.eye(10), torch.tensor([0.0] * 9 + [-1e9])
    ),
    "examples mixed": lambda self, z: z.flatten(0).view(-1, 10),
    "one answer": lambda self, z: torch.zeros(len(z), 10),
    "indexing by a list": lambda self, z: z[:, [0] * 10],
}


@pytest.mark.parametrize("operation", REFUSED)
def test_a_network_with_an_unknown_operation_is_refused(operation, digits):
    data = digits.head(8)
    torch.manual_seed(0)
    model = Odd(REFUSED[operation])
    why = r"no bound|outside a layer|own answers|images alone"
    with pytest.raises(UncertifiableError, match=why):
        certify_joint(model, data.images, data.labels, eps=0.01, radius=0.001)


def test_batch_norm_that_moves_and_weight_norm_are_refused(digits):
    data = digits.head(8)
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 10))
    asked: dict[str, Any] = {"eps": 0.01, "radius": 0.001}
    labels = body.eval()(data.images).argmax(1)
    certify_joint(body, data.images, labels, **asked)
    with pytest.raises(UncertifiableError, match="batch norm whose affine"):
        certify_joint(body, data.images, labels, rule="all", **asked)
    body.get_buffer("1.running_var").fill_(-9.99e-6)
    with pytest.raises(UncertifiableError, match="negative variance"):
        certify_joint(body, data.images, body(data.images).argmax(1), **asked)
    normed = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(64, 10)))
    labels = normed(data.images).argmax(1)
    with pytest.raises(UncertifiableError, match="outside a layer"):
        certify_joint(normed, data.images, labels, **asked)


def test_a_tied_weight_counts_wherever_it_is_used():
    """Two layers that share a tensor move together; both of their errors have to count."""
    torch.manual_seed(0)
    first, second, last = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 4)
    second.weight = first.weight
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)
    model.requires_grad_(False)
    images = torch.rand(300, 1, 4, 4)
    subject = Subject(model, images, model(images).argmax(1))
    untied = copy.deepcopy(model)
    untied[3].weight = nn.Parameter(first.weight.clone(), requires_grad=False)
    ball = WeightBall(select_weights(model), 0.003)
    tied = Certifier(subject, "linf").certified(0.0, ball)
    apart = Subject(untied, images, subject.labels)
    same = Certifier(apart, "linf").certified(0.0, WeightBall(select_weights(untied), 0.003))
    assert torch.equal(tied, same)
    assert 0 < tied.float().mean() < 1
