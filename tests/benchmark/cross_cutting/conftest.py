"""Networks of every kind, and every attack and measure asked of them in one way.

The tests of this folder are the eleven that every attack on weights and every measure of flatness
must pass, on an MLP, a plain CNN, ResNets with batch norm and a ResNet without.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark import attack_joint, attack_weights, inject_backdoor
from benchmark.datasets import Dataset, load_dataset
from benchmark.measures.divergence import maximum_divergence
from benchmark.measures.flatness import average_flatness, worst_flatness
from benchmark.measures.robust_loss import RobustLoss
from benchmark.spaces import Point, WeightBall, select_weights
from benchmark.subject import Subject
from models_zoo.architectures.cifar_resnet import CIFARResNet
from perf.cases import find_model

KINDS = ("mlp", "cnn", "batch norm", "resnet20", "resnet2b")
"""``batch norm`` is a small ResNet trained for a second; the last two are shared checkpoints."""


@dataclass(frozen=True)
class Network:
    """A model with examples, and budgets at which attacks on it find something but not all.

    Attributes:
        model: from images to logits.
        images: the examples.
        labels: theirs.
        eps: radius of linf input balls.
        radius: relative l2 radius of weight balls.
        change: relative linf radius of a backdoor's ball.
        layers: a layer and what follows it: scale may move from the first into the second.
    """

    model: nn.Module
    images: Tensor
    labels: Tensor
    eps: float
    radius: float
    change: float
    layers: tuple[str, str]

    def subject(self, **options: Any) -> Subject:
        """The model under examination, ready for attacks below the level of the library's."""
        return Subject(self.model, self.images, self.labels, **options)

    def rescaled(self, factor: float) -> Network:
        """The same function, with the first of the two layers larger by ``factor``.

        Where the second is batch norm, its running statistics take the factor up (and its eps, so
        that the function stays the same), else its weights do.
        """
        model = copy.deepcopy(self.model)
        first, second = (dict(model.named_modules())[name] for name in self.layers)
        with torch.no_grad():
            for parameter in first.parameters():
                parameter.mul_(factor)
            if isinstance(second, nn.BatchNorm2d):
                assert second.running_mean is not None
                assert second.running_var is not None
                second.running_mean *= factor
                second.running_var *= factor**2
                second.eps *= factor**2
            else:
                dict(second.named_parameters())["weight"].div_(factor)
        return replace(self, model=model)

    def head(self, count: int) -> Network:
        """The same model with the first ``count`` examples."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])


def of_dataset(
    model: nn.Module, data: Dataset, count: int, first: int = 0, **budgets: Any
) -> Network:
    some = slice(first, first + count)
    return Network(model, data.images[some], data.labels[some], **budgets)


def trained_briefly() -> nn.Module:
    """A ResNet-8 with batch norm, trained on digits until its predictions mean something."""
    data = load_dataset("digits", "train")
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(0)
        model = CIFARResNet(1, 10, 1)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(3):
            for batch in torch.randperm(len(data)).split(64):
                optimiser.zero_grad()
                loss = nn.functional.cross_entropy(model(data.images[batch]), data.labels[batch])
                loss.backward()
                optimiser.step()
        optimiser.zero_grad()
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def networks(zoo, digits):
    """``networks(kind, request)``: one of :data:`KINDS`, made once; skips what is not at hand."""
    made: dict[str, Network] = {}

    def make(kind: str, request: pytest.FixtureRequest) -> Network:
        if kind == "mlp":
            return of_dataset(
                zoo("digits/mlp-standard"),
                digits,
                20,
                eps=0.05,
                radius=0.03,
                change=0.2,
                layers=("network.linear1", "network.linear2"),
            )
        if kind == "cnn":
            return of_dataset(
                zoo("digits/cnn-pgd-at"),
                digits,
                20,
                eps=0.15,
                radius=0.05,
                change=0.2,
                layers=("network.conv1", "network.conv2"),
            )
        if kind == "batch norm":
            return of_dataset(
                trained_briefly(),
                digits,
                16,
                eps=0.05,
                radius=0.02,
                change=0.1,
                layers=("layer2.0.conv1", "layer2.0.bn1"),
            )
        shared = request.getfixturevalue("shared_data").parent
        if kind == "resnet20":
            return of_dataset(
                *find_model("cifar10-resnet20-standard", shared),
                4,
                9,  # of the first examples, most have a loss that rounds to 0
                eps=3 / 255,
                radius=0.005,
                change=0.02,
                layers=("network.layer1.0.conv1", "network.layer1.0.bn1"),
            )
        return of_dataset(
            *find_model("cifar10-resnet2b-adv", shared),
            10,
            eps=2 / 255,
            radius=0.01,
            change=0.1,
            layers=("network.layer1.0.conv1", "network.layer1.0.conv2"),
        )

    def remembered(kind: str, request: pytest.FixtureRequest) -> Network:
        if kind not in made:
            made[kind] = make(kind, request)
        return made[kind]

    return remembered


@pytest.fixture(params=KINDS)
def network(request, networks) -> Network:
    """A network of each kind."""
    found: Network = networks(request.param, request)
    return found


@dataclass(frozen=True)
class Answer:
    """What an attack or a measure said.

    Attributes:
        harm: one number, 0 where nothing was changed, larger where the model suffers more.
        details: all that was found, example by example or draw by draw.
        weights: the perturbed tensors, where the attack hands them out.
    """

    harm: float
    details: Tensor
    weights: Point = field(default_factory=dict)


Ask = Callable[..., Answer]


def _lost(network: Network, robust: Tensor) -> float:
    clean = network.model(network.images).argmax(1) == network.labels
    return float(clean.double().mean() - robust.double().mean())


def ask_weight(network: Network, scale: float = 1.0, **options: Any) -> Answer:
    asked: dict[str, Any] = {"radius": scale * network.radius, "steps": 3} | options
    found = attack_weights(network.model, network.images, network.labels, **asked)
    return Answer(_lost(network, found.robust), found.robust.double(), found.weights)


def ask_joint(network: Network, scale: float = 1.0, **options: Any) -> Answer:
    asked: dict[str, Any] = {
        "eps": scale * network.eps,
        "radius": scale * network.radius,
        "steps": 3,
        "effort": "quick",
    }
    found = attack_joint(network.model, network.images, network.labels, **asked | options)
    return Answer(_lost(network, found.robust), found.robust.double(), found.weights)


def ask_backdoor(network: Network, scale: float = 1.0, **options: Any) -> Answer:
    asked: dict[str, Any] = {"radius": scale * network.change, "steps": 3} | options
    found = inject_backdoor(network.model, network.images, network.labels, **asked)
    return Answer(found.change, torch.cat([found.success, found.robust]).double(), found.weights)


class Measures:
    """What the library measures below the level of its attacks, in the form the tests need."""

    @staticmethod
    def losses(subject: Subject, eps: float, steps: int = 3) -> Tensor:
        """Cross-entropy (N,) under an input attack."""
        return RobustLoss(eps, steps)(subject).losses

    @staticmethod
    def average(
        subject: Subject, eps: float, ball: WeightBall, draws: int = 2, steps: int = 3
    ) -> Tensor:
        """Increases of the mean loss (draws,)."""
        (increases,) = average_flatness(subject, [RobustLoss(eps, steps)], ball, draws)
        return increases.loss

    @staticmethod
    def worst(
        subject: Subject,
        eps: float,
        ball: WeightBall,
        restarts: int = 1,
        epochs: int = 2,
        steps: int = 3,
    ) -> float:
        """The largest increase of the mean loss."""
        loss = RobustLoss(eps, steps)
        (worst,) = worst_flatness(subject, loss, [ball], restarts=restarts, epochs=epochs)
        return float(worst.increase.loss)

    @staticmethod
    def divergence(subject: Subject, budgets: Sequence[float], **effort: Any) -> list[Tensor]:
        """Largest divergences (N,), one tensor a budget."""
        asked: dict[str, Any] = {"steps": 3, "restarts": 1} | effort
        ladder = maximum_divergence(subject, "linf", budgets, **asked)
        return [found.values for found in ladder]


@pytest.fixture(scope="session")
def measures() -> Measures:
    """Losses under attack, average and worst flatness, divergence."""
    return Measures()


def _split(options: dict[str, Any], *names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a measure is asked with, and what its subject is made with."""
    own = {name: value for name, value in options.items() if name in names}
    return own, {name: value for name, value in options.items() if name not in names}


def _ball(network: Network, scale: float, geometry: str = "relative-l2") -> WeightBall:
    return WeightBall(select_weights(network.model), scale * network.radius, geometry)


def ask_average_flatness(network: Network, scale: float = 1.0, **options: Any) -> Answer:
    shape, rest = _split(options, "geometry")
    increases = Measures.average(
        network.subject(**rest), network.eps, _ball(network, scale, **shape)
    )
    return Answer(float(increases.mean()), increases)


def ask_worst_flatness(network: Network, scale: float = 1.0, **options: Any) -> Answer:
    shape, rest = _split(options, "geometry")
    effort, rest = _split(rest, "restarts", "epochs")
    ball = _ball(network, scale, **shape)
    increase = Measures.worst(network.subject(**rest), network.eps, ball, **effort)
    return Answer(increase, torch.tensor([increase]))


def ask_divergence(network: Network, scale: float = 1.0, **options: Any) -> Answer:
    effort, rest = _split(options, "steps", "restarts", "normalized")
    (found,) = Measures.divergence(network.subject(**rest), [scale * network.eps], **effort)
    return Answer(float(found.mean()), found)


MEASURES: dict[str, Ask] = {
    "weight": ask_weight,
    "joint": ask_joint,
    "backdoor": ask_backdoor,
    "average flatness": ask_average_flatness,
    "worst flatness": ask_worst_flatness,
    "divergence": ask_divergence,
}


@pytest.fixture(params=MEASURES)
def measure(request) -> Ask:
    """Each attack and measure: ``measure(network, scale, ...)``, its budgets times ``scale``."""
    return MEASURES[request.param]


@pytest.fixture
def ask():
    """``ask(name, network, scale, ...)``: one attack or measure by name."""

    def asked(name: str, *arguments: Any, **options: Any) -> Answer:
        return MEASURES[name](*arguments, **options)

    return asked


@pytest.fixture(scope="session")
def usual():
    """``usual(measure, network)``: its answer without further options, asked once."""
    known: dict[tuple[Ask, int], tuple[Network, Answer]] = {}

    def answer(measure: Ask | str, network: Network) -> Answer:
        asked = MEASURES[measure] if isinstance(measure, str) else measure
        key = asked, id(network)
        if key not in known:
            known[key] = network, asked(network)  # the network is kept, and with it its id
        return known[key][1]

    return answer


@dataclass(frozen=True)
class State:
    """What an attack must leave as it was: the model, the examples, and every generator.

    Attributes:
        tensors: the model's parameters and buffers, the images and the labels.
        flags: whether each parameter needs a gradient and has one, and each module is training.
        random: states of the generators that a process shares.
    """

    tensors: dict[str, Tensor]
    flags: list[bool]
    random: tuple[Any, ...]

    @classmethod
    def of(cls, network: Network) -> State:
        """The present one."""
        model = network.model
        found = model.state_dict() | {"images": network.images, "labels": network.labels}
        return cls(
            {name: tensor.clone() for name, tensor in found.items()},
            [flag for p in model.parameters() for flag in (p.requires_grad, p.grad is None)]
            + [module.training for module in model.modules()],
            (
                torch.get_rng_state().tolist(),
                str(np.random.get_state()),  # noqa: NPY002 - others may use the old one
                random.getstate(),
            ),
        )


@dataclass(frozen=True)
class Repetition:
    """The usual answer of a measure asked again, and the state before and after."""

    answer: Answer
    before: State
    after: State


@pytest.fixture(scope="session")
def again():
    """``again(measure, network)``: its usual question a second time, asked once for all tests."""
    known: dict[tuple[Ask, int], tuple[Network, Repetition]] = {}

    def repetition(measure: Ask, network: Network) -> Repetition:
        key = measure, id(network)
        if key not in known:
            before = State.of(network)
            answer = measure(network, seed=0)
            known[key] = network, Repetition(answer, before, State.of(network))
        return known[key][1]

    return repetition


@pytest.fixture
def passes(monkeypatch):
    """``passes``: every (images, perturbed weights) a model was asked for, as they happen."""
    seen: list[tuple[Tensor, Point]] = []
    original = Subject.forward

    def forward(self, images, weights=None):
        perturbed = self.weights if weights is None else weights
        moved = {name: tensor.detach() for name, tensor in perturbed.items()}
        seen.append((images.detach(), moved))
        return original(self, images, weights)

    monkeypatch.setattr(Subject, "forward", forward)
    return seen
