"""Certificates are about float32: what is certified stands with its roundings as well."""

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark.certificates import Certifier, UncertifiableError
from benchmark.certificates.affine import linear_layer, propagate
from benchmark.certificates.enclosure import Enclosure, norms
from benchmark.certificates.norms import matrix_norm
from benchmark.certificates.operations import FUNCTIONS
from benchmark.certificates.rounding import UNIT_ROUNDOFF, gamma
from benchmark.certificates.traversal import Traversal
from benchmark.certificates.unknown import Unknown
from benchmark.spaces import WeightBall, select_weights
from benchmark.subject import Subject
from models_zoo.torch_modes import fixed_modes
from perf.certified_rounding import LABEL, border, evaluate, networks, real_arithmetic


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def modes():
    with fixed_modes():
        yield


@pytest.mark.parametrize("network", networks())
def test_no_certified_example_falls_to_roundings_at_the_worst_member(network):
    """`python -m perf.certified_rounding` makes a million evaluations of each network."""
    where = border(networks()[network], 1, moving=True)
    found = evaluate(where, 2000)
    assert (found.evaluations, found.misclassified) == (2000, 0)
    assert found.least < 2e-4, "the evaluations are not near the worst member"


@pytest.mark.parametrize("network", networks())
def test_what_real_arithmetic_certifies_may_be_misclassified_in_float32(network):
    where = border(networks()[network], 0, moving=False, allow=False)
    image, weights = where.corner()
    assert not weights
    assert where.model(where.image).argmax(1) == LABEL
    assert where.model(image).argmax(1) != LABEL  # in float32, inside the certified ball

    certifier = Certifier(Subject(where.model, where.image, torch.tensor([LABEL])), "linf")
    eps = where.share * 2e-3
    with real_arithmetic():
        assert certifier.certified(eps, None).all()
    assert not certifier.certified(eps, None).any()


class Chain(nn.Module):
    """Linear layers of given weights without biases, then a last one with two outputs."""

    def __init__(self, factors, last, bias):
        super().__init__()
        sizes = [4, *[1] * len(factors)]
        layers = [nn.Linear(n, 1, bias=False) for n in sizes[:-1]]
        for layer, factor in zip(layers, factors, strict=True):
            layer.weight.data.fill_(factor)
        self.layers = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))
        self.last = nn.Linear(1, 2)
        self.last.weight.data = torch.tensor([[last], [0.0]])
        self.last.bias.data = torch.tensor([0.0, bias])
        self.eval().requires_grad_(False)

    def forward(self, images):
        return self.last(self.layers(images.flatten(1)))


@pytest.mark.parametrize(
    ("model", "pixel", "eps", "moved"),
    [
        (Chain([1e19, 1e19, 1e-19], 1e-19, 0.5), 0.8, 0.1, 0.09),
        (Chain([1e-20, 1e-24], 1e38, 2e-6), 0.604, 0.1, -0.1),
    ],
    ids=["overflow", "underflow"],
)
def test_what_leaves_the_range_of_float32_is_not_certified(model, pixel, eps, moved):
    """With real numbers both networks are linear, and right in the whole ball."""
    image = torch.full((1, 1, 2, 2), pixel)
    logits, double = model(image + moved), Chain.forward(model.double(), (image + moved).double())
    model.float()
    assert not logits[0, 0] > logits[0, 1]
    assert double[0, 0] > double[0, 1]
    subject = Subject(model, image, torch.tensor([0]))
    assert model(image).argmax(1) == 0
    assert not Certifier(subject, "linf").certified(eps, None).any()
    assert Certifier(subject, "linf").certified(0.0, None).all()


def test_a_chain_inside_the_range_of_float32_is_certified():
    subject = Subject(Chain([1e18], 1e-18, 0.5), torch.full((1, 1, 2, 2), 0.8), torch.tensor([0]))
    assert Certifier(subject, "linf").certified(0.1, None).all()


@pytest.mark.parametrize("roundings", [1, 10, 5000, 10**6])
def test_gamma_bounds_products_of_roundings(roundings):
    unit = Fraction(UNIT_ROUNDOFF)
    most = roundings * unit / (1 - roundings * unit)  # at least (1 + u)^n - 1, Higham's lemma 3.1
    assert gamma(roundings) == pytest.approx(float(most), rel=1e-14)
    assert (1 + UNIT_ROUNDOFF) ** roundings - 1 <= gamma(roundings)
    assert gamma(2**24) == float("inf")


def test_the_norm_of_a_matrix_is_not_rounded_down():
    for n in range(8, 200):
        matrix = torch.full((n, n), 0.1)
        assert matrix_norm(matrix) >= n * float(matrix[0, 0].double())


class Recomputed(nn.Module):
    """Two layers of equal shape whose weights are computed in every pass, as in weight norm."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Parameter(torch.randn(16, 16)) for _ in range(2))
        self.last = nn.Linear(16, 3)
        self.eval().requires_grad_(False)

    def forward(self, images):
        hidden = F.relu(F.linear(images.flatten(1), self.first * 1e-3))
        return self.last(F.relu(F.linear(hidden, self.second * 1e3)))


def test_weights_that_are_computed_in_each_pass_get_their_own_norms():
    """Their memory may be that of another layer's weight before."""
    torch.manual_seed(0)
    model = Recomputed()
    images = torch.rand(50, 1, 4, 4)
    certifier = Certifier(Subject(model, images, model(images).argmax(1)), "l2")
    for _ in range(3):
        certifier.certified(0.05, None)
        norms_found = [known.norm for known in certifier._norms.values()]
        expected = [1e-3 * model.first, 1e3 * model.second, model.last.weight]
        assert norms_found == pytest.approx(
            [float(torch.linalg.matrix_norm(w.double(), ord=2)) for w in expected], rel=1e-5
        )
    traversal, weight = Traversal(norms=certifier._norms), 1e-3 * model.first
    assert traversal.norm(weight, "linear", lambda: 7.0) != 7.0
    weight.mul_(2)
    assert traversal.norm(weight, "linear", lambda: 7.0) == 7.0
    weight.mul_(2)
    assert traversal.norm(weight, "linear", lambda: 8.0) == 8.0


class Autocast(nn.Module):
    """A network that computes in half precision on its own account."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype, self.linear = dtype, nn.Linear(64, 3)

    def forward(self, images):
        with torch.autocast("cpu", self.dtype):
            return self.linear(images.flatten(1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_networks_in_half_precision_are_refused(dtype):
    torch.manual_seed(0)
    model, images = Autocast(dtype).eval(), torch.rand(4, 1, 8, 8)
    with pytest.raises(UncertifiableError, match="compute under autocast"):
        Certifier(Subject(model, images, torch.zeros(4, dtype=torch.long)), "linf")
    with pytest.raises(UncertifiableError, match=r"compute in torch\.float64"):
        linear_layer(torch.rand(3, 64).double(), None, Traversal())


def enclosed(values):
    center = values.double()
    return Unknown(Enclosure(center, 0 * center, torch.zeros(len(values)).double()), Traversal())


def test_float32_outputs_of_every_operation_are_in_their_enclosures():
    """Large means that cancel, slopes that are no float32 numbers, and long sums."""
    images = torch.randn(8, 6, 8, 8, generator=rng(1))
    mean = 1e4 * torch.rand(6, generator=rng(2))
    constants = [1e-6 + torch.rand(6, generator=rng(seed)) for seed in range(3)]
    kernel = torch.randn(5, 6, 3, 3, generator=rng(3))
    tried: dict[Any, Any] = {
        F.batch_norm: (mean, *constants),
        F.conv2d: (kernel, torch.randn(5, generator=rng(4)), 1, 1),
        F.leaky_relu: (0.1,),
        F.avg_pool2d: (3, 1),
        F.max_pool2d: (2,),
        torch.mul: (1 / 3,),
        torch.div: (torch.tensor(0.7),),
        torch.sub: (1 / 3,),
        torch.add: (images.mean(0, keepdim=True),),
    }
    for function, args in tried.items():
        found = function(images, *args).double()
        bound = FUNCTIONS[function](enclosed(images), *args).enclosure
        assert (norms(found - bound.center) <= bound.ball).all(), function
    features = torch.randn(1, 10**5, generator=rng(5))
    weight = torch.rand(2, 10**5, generator=rng(6))
    exact = propagate(enclosed(features).enclosure, linear_layer(weight, None, Traversal()))
    assert norms(F.linear(features, weight).double() - exact.center) <= exact.ball
    backwards = F.linear(features.flip(1), weight.flip(1)).double()
    assert norms(backwards - exact.center) <= exact.ball


def test_weights_at_the_largest_float32_numbers_are_not_certified():
    """The bound itself overflows nowhere and proves nothing."""
    model = Chain([3e38], 3e-39, 0.1)
    subject = Subject(model, torch.full((1, 1, 2, 2), 0.2), torch.tensor([0]))
    ball = WeightBall(select_weights(model), 0.2, "relative-l2")
    assert model(subject.images).argmax(1) == 0
    assert not Certifier(subject, "linf").certified(0.05, ball).any()
