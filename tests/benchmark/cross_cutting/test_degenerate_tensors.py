"""Tensors that are zero, that nothing flows to, that are frozen or shared."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from benchmark import attack_weights
from benchmark.datasets import load_dataset
from benchmark.spaces import WeightBall, select_weights
from benchmark.spaces.weights import GEOMETRIES

GEOMETRIC = ("weight", "joint", "backdoor", "average flatness", "worst flatness")


class Odd(nn.Module):
    """An MLP with one matrix used twice, a zero bias, a parameter no one uses and a frozen one."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(64, 24), nn.Linear(24, 24)
        self.third, self.last = nn.Linear(24, 24), nn.Linear(24, 10)
        self.third.weight = self.second.weight
        nn.init.zeros_(self.first.bias)
        self.first.bias.requires_grad_(False)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, images):
        hidden = self.second(self.first(images.flatten(1)).relu()).relu()
        return self.last(self.third(hidden).relu())


@pytest.fixture(scope="module")
def trained():
    data = load_dataset("digits", "train")
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(0)
        model = Odd()
        moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimiser = torch.optim.Adam(moving, lr=0.01)
        for _ in range(10):
            for batch in torch.randperm(len(data)).split(64):
                optimiser.zero_grad()
                loss = nn.functional.cross_entropy(model(data.images[batch]), data.labels[batch])
                loss.backward()
                optimiser.step()
        optimiser.zero_grad()
    return model.eval()


@pytest.fixture
def odd(trained, networks, request):
    """A copy of it, with the budgets of the MLP."""
    return replace(networks("mlp", request), model=copy.deepcopy(trained))


def test_it_is_odd(trained):
    assert trained.third.weight is trained.second.weight
    assert not trained.first.bias.any()
    assert not trained.first.bias.requires_grad


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("name", GEOMETRIC)
def test_every_attack_gives_finite_numbers(odd, ask, name, geometry):
    answer = ask(name, odd, geometry=geometry)
    assert answer.details.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in answer.weights.values())
    for tensor in answer.weights.values():
        assert not tensor.requires_grad


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_zero_and_unused_tensors_go_where_the_ball_lets_them(odd, geometry):
    found = attack_weights(
        odd.model, odd.images, odd.labels, radius=odd.radius, geometry=geometry, steps=4
    ).weights
    own = dict(odd.model.named_parameters())
    assert torch.equal(found["unused"], own["unused"]), "no gradient, no step"
    moved = not torch.equal(found["first.bias"], own["first.bias"])
    bounded_by_itself = geometry in ("relative-l2", "filter-l2", "relative-linf")
    assert moved != bounded_by_itself, "a relative ball around zero is a point"


def test_a_shared_tensor_is_one_tensor(odd, ask, passes):
    ask("weight", odd)
    names = {name for _, weights in passes for name in weights}
    assert "second.weight" in names
    assert "third.weight" not in names
    assert names == set(select_weights(odd.model))
    count = sum(tensor.numel() for tensor in select_weights(odd.model).values())
    assert count == sum(parameter.numel() for parameter in odd.model.parameters())


def test_a_shared_tensor_moves_in_both_places(odd):
    found = attack_weights(odd.model, odd.images, odd.labels, radius=odd.radius, steps=4)
    changed = copy.deepcopy(odd.model)
    with torch.no_grad():
        for name, parameter in changed.named_parameters():
            parameter.copy_(found.weights[name])
    assert changed.third.weight is changed.second.weight
    robust = changed(odd.images).argmax(1) == odd.labels
    assert torch.equal(robust, found.robust)
    assert not robust.all()


def test_whether_a_parameter_was_frozen_does_not_matter(odd, ask):
    thawed = copy.deepcopy(odd.model)
    thawed.requires_grad_(True)
    frozen = copy.deepcopy(odd.model)
    frozen.requires_grad_(False)
    answers = [ask("weight", replace(odd, model=each)) for each in (odd.model, thawed, frozen)]
    for other in answers[1:]:
        assert torch.equal(other.details, answers[0].details)
        assert other.weights.keys() == answers[0].weights.keys()
    assert [p.requires_grad for p in odd.model.parameters()].count(False) == 1
    assert all(p.requires_grad for p in thawed.parameters())


def test_a_model_without_any_gradient_gives_no_nan(odd, measure):
    with torch.no_grad():
        odd.model.last.weight.zero_()
        odd.model.second.weight.zero_()
    answer = measure(odd)
    assert answer.details.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in answer.weights.values())
    ball = WeightBall(select_weights(odd.model), odd.radius)
    if answer.weights and measure.__name__ == "ask_weight":
        assert float(ball.excess(answer.weights)) <= 1e-6
