"""An output that is not finite is never correct, whichever probe asks."""

import copy

import pytest
import torch
from torch import nn

from benchmark import attack_inputs, attack_weights, evaluate, inject_backdoor
from benchmark.batteries import Battery
from benchmark.subject import MAX_DERIVATIVE, subject_of
from models_zoo.prediction import NO_CLASS, predicted_classes

INF, NAN = torch.inf, torch.nan
N = 6


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1.0, 2.0, 0.0], 1),
        ([2.0, 2.0, 0.0], 0),
        ([-1e38, -3e38, -2e38], 0),
        ([NAN, 0.0, 0.0], NO_CLASS),
        ([0.0, 3.0, NAN], NO_CLASS),
        ([NAN, NAN, NAN], NO_CLASS),
        ([INF, 0.0, 0.0], NO_CLASS),
        ([0.0, INF, 0.0], NO_CLASS),
        ([INF, INF, INF], NO_CLASS),
        ([-INF, 0.0, 1.0], NO_CLASS),
        ([-INF, -INF, -INF], NO_CLASS),
        ([INF, -INF, 0.0], NO_CLASS),
    ],
)
def test_only_finite_outputs_have_a_class(row, expected):
    assert predicted_classes(torch.tensor([row])).tolist() == [expected]


class Around(nn.Module):
    """A network whose answer something is done to."""

    def __init__(self, network, change):
        super().__init__()
        self.network, self.change = network, change

    def forward(self, images):
        return self.change(images, self.network(images))


def off_grid(images):
    return ((images * 16).round() / 16 - images).abs().flatten(1).amax(1) > 1e-6


CHANGES = {
    "always": lambda x, z: z * NAN,
    "class 0": lambda x, z: torch.cat([z[:, :1] * NAN, z[:, 1:]], 1),
    "last class": lambda x, z: torch.cat([z[:, :-1], z[:, -1:] * NAN], 1),
    "plus infinity": lambda x, z: torch.cat([z[:, :1] * 0 + INF, z[:, 1:]], 1),
    "minus infinity": lambda x, z: torch.cat([z[:, :1] * 0 - INF, z[:, 1:]], 1),
    "division": lambda x, z: z / (z - z),
    "logarithm": lambda x, z: (z - z.amax(1, keepdim=True)).log(),
    "overflow": lambda x, z: (z.abs() + 1) * 1e38 * 1e10,
    "softmax of infinities": lambda x, z: (z.abs() * INF).softmax(1),
    "off the grid": lambda x, z: torch.where(off_grid(x)[:, None], NAN, z),
    "off the grid, infinite": lambda x, z: torch.where(off_grid(x)[:, None], INF, z),
    "off the grid, one class": lambda x, z: torch.cat(
        [torch.where(off_grid(x)[:, None], NAN, z[:, :1]), z[:, 1:]], 1
    ),
}
OFF = {name for name in CHANGES if name.startswith("off")}


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(32, 8), nn.Tanh(), nn.Linear(8, 4))


@pytest.fixture(scope="module")
def examples(network):
    images = torch.rand(N, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    images = (images * 16).round() / 16
    with torch.no_grad():
        return images, network(images).argmax(1)


@pytest.mark.parametrize("change", CHANGES)
def test_undefined_outputs_are_never_correct(network, examples, change):
    model = Around(copy.deepcopy(network), CHANGES[change])
    with subject_of(model, *examples) as subject:
        assert subject.correct().tolist() == [change in OFF] * N
    for effort in ("quick", "standard"):
        attack = attack_inputs(model, *examples, eps=1 / 32, effort=effort)
        assert not attack.robust.any()
    if change not in OFF:
        assert not attack_weights(model, *examples, radius=0.01, steps=2).robust.any()
        backdoor = inject_backdoor(model, *examples, radius=0.1, steps=2)
        assert not backdoor.robust.any()
        assert not backdoor.success.any()
        assert not backdoor.agreement.any()


@pytest.mark.parametrize("change", ["always", "plus infinity", "off the grid"])
def test_undefined_outputs_are_flagged_with_their_share(network, examples, change):
    tables = {"clean": {}, "checks": {"eps": 0.1, "examples": N, "steps": 2}}
    battery = Battery.model_validate(
        {
            "name": "undefined-v1",
            "dataset": "made-up",
            "description": "For a test.",
            "default": tuple(tables),
            "probes": tables,
        }
    )
    model = Around(copy.deepcopy(network), CHANGES[change])
    images, labels = examples
    report = evaluate(model, images, labels, battery)
    flags = {flag.name: flag for flag in report.results["checks"].flags}
    assert flags["non_finite_outputs"].raised
    figure = flags["non_finite_outputs"].figure
    assert figure is not None
    assert figure > 0.3
    undefined = [flag for flag in report.results["clean"].flags if flag.name == "undefined_scores"]
    assert [flag.figure for flag in undefined] == ([] if change in OFF else [0.5])


def test_one_undefined_example_does_not_stop_the_weight_attack(network, examples):
    """Its loss makes the gradient of all weights undefined, unless it is left out."""

    def first_is_undefined(x, z):
        first = (x == images[:1]).flatten(1).all(1)
        return z * torch.where(first, NAN, 1.0)[:, None]

    images, _ = examples
    whole = attack_weights(network, *examples, radius=0.5, steps=5).robust
    model = Around(copy.deepcopy(network), first_is_undefined)
    robust = attack_weights(model, *examples, radius=0.5, steps=5).robust
    assert not robust[0]
    assert whole.sum() < N
    assert robust[1:].sum() <= whole[1:].sum()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.sqrt().sum(), [MAX_DERIVATIVE, 0.5]),
        (lambda x: (0 * x.sqrt()).sum(), [0.0, 0.0]),
        (lambda x: (x * x.log()).sum(), [0.0, 1.0]),
        (lambda x: -x.pow(0.1).sum(), [-MAX_DERIVATIVE, -0.1]),
        (lambda x: (x / x).sum(), [0.0, 0.0]),
        (lambda x: x.square().sum(), [0.0, 2.0]),
    ],
)
def test_a_slope_that_is_not_finite_is_no_step_to_nowhere(network, examples, function, expected):
    """The root of a black pixel has an infinite derivative, and its product with 0 none."""
    with subject_of(network, *examples) as subject:
        pixels = torch.tensor([0.0, 1.0], requires_grad=True)
        (slope,) = subject.gradients(function(pixels), [pixels], 1)
    assert slope.tolist() == pytest.approx(expected)
