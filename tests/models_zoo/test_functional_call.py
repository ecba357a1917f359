"""Models that use a module, or a tensor, in several places are called with other weights."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from benchmark import attack_weights
from models_zoo.functional_call import functional_call


def linear():
    return nn.Linear(4, 4)


def tied(first, second):
    second.weight = first.weight
    return nn.Sequential(first, nn.Tanh(), second)


class Named(nn.Module):
    """Calls one module by each of its names."""

    def __init__(self, module, count=2):
        super().__init__()
        for place in range(count):
            setattr(self, f"part{place}", module)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        for name in [name for name in self._modules if name.startswith("part")]:
            x = torch.tanh(getattr(self, name)(x))
        return self.head(x)


def around(module):
    return nn.Sequential(linear(), module, linear(), module, nn.Linear(4, 3))


def shared_child():
    child = linear()
    return nn.Sequential(nn.Sequential(child, nn.Tanh()), nn.Sequential(child), nn.Linear(4, 3))


def blocks():
    block = nn.Sequential(linear(), nn.LayerNorm(4), nn.ReLU())
    return nn.Sequential(*[block] * 4, nn.Linear(4, 3))


SHARED = {
    "activation": lambda: around(nn.PReLU()),
    "layer": lambda: around(linear()),
    "norm": lambda: around(nn.BatchNorm1d(4)),
    "two names": lambda: Named(linear()),
    "four names": lambda: Named(linear(), 4),
    "blocks": blocks,
    "child": shared_child,
    "list": lambda: Named(nn.Sequential(*nn.ModuleList([linear()] * 3))),
    "weight norm": lambda: around(parametrizations.weight_norm(linear())),
    "tied tensors": lambda: nn.Sequential(tied(linear(), linear()), nn.Linear(4, 3)),
    "tied and shared": lambda: around(tied(linear(), linear())),
    "module and its child": lambda: Named(nn.Sequential(block := linear(), block)),
    "nothing": lambda: nn.Sequential(linear(), nn.Linear(4, 3)),
}


@pytest.mark.parametrize("kind", SHARED)
def test_what_is_shared_is_replaced_everywhere_and_put_back(kind):
    torch.manual_seed(0)
    model = SHARED[kind]().eval()
    before, x = copy.deepcopy(model.state_dict()), torch.rand(5, 4)
    names = dict(model.named_parameters())
    other = {name: tensor.detach() * 1.5 for name, tensor in names.items()}
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for name, tensor in twin.named_parameters():
            tensor.copy_(other[name])
        found = functional_call(model, other, (x,))
        assert torch.equal(found, twin(x))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert dict(model.named_parameters()).keys() == names.keys()
    assert all(tensor is names[name] for name, tensor in model.named_parameters())


@pytest.mark.parametrize("kind", SHARED)
def test_weight_attacks_leave_models_with_shared_modules_as_they_are(kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), SHARED[kind]()).eval()
    images = torch.rand(6, 1, 2, 2)
    labels = model(images).argmax(1)
    before = copy.deepcopy(model.state_dict())
    attack_weights(model, images, labels, radius=0.05, steps=2)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
