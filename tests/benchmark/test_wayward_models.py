"""Models with an ``eval``, ``to``, layout or output of their own: scored alike, or refused."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from benchmark import attack_inputs, attack_weights
from models_zoo.errors import InputError

N = 5


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 4)).eval()


@pytest.fixture(scope="module")
def examples(network):
    images = torch.rand(N, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return images, network(images).argmax(1)


class Around(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = copy.deepcopy(network)

    def forward(self, images):
        return self.network(images)


class Plain(torch.Tensor):
    """A subclass, as images of torchvision's and fastai's are."""


class AnswersInASubclass(Around):
    def forward(self, images):
        return self.network(images).as_subclass(Plain)


class Squeezes(Around):
    """Drops every dimension of size one, of a batch of one image too."""

    def forward(self, images):
        return self.network(images).squeeze()


class CannotMove(Around):
    def to(self, *args, **kwargs):
        raise NotImplementedError("bound to its device")


class MovesACopy(Around):
    def to(self, *args, **kwargs):
        return copy.deepcopy(self)


class NoStateDict(Around):
    def state_dict(self, *args, **kwargs):
        raise RuntimeError("none")


class CallsItself(Around):
    def __call__(self, images):
        return self.forward(images)


class DifferentiatesInside(Around):
    def forward(self, images):
        with torch.enable_grad():
            asked = images if images.requires_grad else images.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(self.network(asked).sum(), asked, create_graph=True)
        return self.network(images) + 0 * slope.sum()


class AsksInside(Around):
    """Attacks another model in its own forward pass."""

    def forward(self, images):
        if not torch.is_grad_enabled() and len(images) == 1:
            other = nn.Sequential(nn.Flatten(), nn.Linear(32, 4))
            attack_inputs(other, torch.rand(1, 2, 4, 4), torch.tensor([0]), eps=0, effort="quick")
        return self.network(images)


class Compiled(Around):
    """Compiled ahead of time by itself, as by ``torch.compile``'s own default."""

    def __init__(self, network):
        super().__init__(network)
        self.network = torch.compile(self.network, backend="aot_eager")


def with_hooks(network):
    model = Around(network)
    model.register_forward_pre_hook(lambda module, given: (given[0] * 1,))
    model.register_forward_hook(lambda module, given, answer: answer * 1)
    return model


ALIKE = {
    "subclass": AnswersInASubclass,
    "squeezes": Squeezes,
    "cannot move": CannotMove,
    "moves a copy": MovesACopy,
    "no state dict": NoStateDict,
    "calls itself": CallsItself,
    "differentiates inside": DifferentiatesInside,
    "asks inside": AsksInside,
    "compiled": Compiled,
    "compiled whole": lambda net: torch.compile(Around(net), backend="aot_eager"),
    "hooks": with_hooks,
}


@pytest.mark.parametrize("case", ALIKE)
def test_a_model_is_scored_as_its_layers_are(network, examples, case):
    model = ALIKE[case](network)
    for batch_size in (256, 1):
        found = attack_inputs(model, *examples, eps=0.1, effort="quick", batch_size=batch_size)
        plain = attack_inputs(network, *examples, eps=0.1, effort="quick", batch_size=batch_size)
        assert torch.equal(found.robust, plain.robust)
    moved = attack_weights(model, *examples, radius=0.2, steps=3)
    assert torch.equal(moved.robust, attack_weights(network, *examples, radius=0.2, steps=3).robust)


class MergesItsAdapter(Around):
    """As LoRA layers do: in eval mode the adapter is a part of the weight."""

    def __init__(self, network):
        super().__init__(network)
        self.up, self.down = nn.Parameter(torch.ones(8, 1)), nn.Parameter(torch.ones(1, 32) / 9)
        self.merged = False

    def train(self, mode=True):
        super().train(mode)
        if mode == self.merged:
            sign = -1 if mode else 1
            self.network[1].weight.data += sign * self.up.data @ self.down.data
            self.merged = not mode
        return self

    def forward(self, images):
        first = self.network[1](images.flatten(1))
        if not self.merged:
            first = first + images.flatten(1) @ self.down.T @ self.up.T
        return self.network[3](first.relu())


class NeverEval(Around):
    def train(self, mode=True):
        return super().train(True)


class SparseWeight(Around):
    def __init__(self, network):
        super().__init__(network)
        self.last = nn.Parameter(torch.eye(4).to_sparse())

    def forward(self, images):
        return torch.sparse.mm(self.last, self.network(images).T).T


class Gives(Around):
    def __init__(self, network, form):
        super().__init__(network)
        self.form = form

    def forward(self, images):
        return self.form(self.network(images))


class Checkpoints(Around):
    def forward(self, images):
        return checkpoint(self.network, images, use_reentrant=False)


class ComplexWeight(Around):
    def __init__(self, network):
        super().__init__(network)
        self.phase = nn.Parameter(torch.ones(4, dtype=torch.complex64))

    def forward(self, images):
        return (self.network(images) * self.phase).real


class IntegerWeight(Around):
    def __init__(self, network):
        super().__init__(network)
        self.mixing = nn.Parameter(torch.randint(-9, 9, (32, 32)), requires_grad=False)

    def forward(self, images):
        return self.network(F.linear(images.flatten(1), self.mixing / 20))


BOTH: dict[str, Any] = {
    "merges": (lambda net: MergesItsAdapter(net).train(), "another one in eval mode: its tensor"),
    "never eval": (lambda net: NeverEval(net).train(), "model.eval.. leaves its module ''"),
    "sparse weight": (SparseWeight, r"parameter 'last' is sparse; make it dense"),
    "sparse logits": (lambda net: Gives(net, torch.Tensor.to_sparse), "as a dense tensor"),
    "of each pixel": (lambda net: Gives(net, lambda z: z[:, :, None, None]), r"\(2, 4, 1, 1\)"),
    "sequence": (lambda net: Gives(net, lambda z: z[:, None]), r"\(2, 1, 4\)"),
    "one logit": (lambda net: Gives(net, lambda z: z[:, :1]), r"got \(2, 1\) for 2 images"),
    "an array": (lambda net: Gives(net, lambda z: z.detach().numpy()), "returns a ndarray"),
}
WEIGHTS: dict[str, Any] = {
    "checkpoints": (Checkpoints, r"activations are checkpointed; switch torch.utils.checkpoint"),
    "complex": (ComplexWeight, r"is complex, .* call torch.view_as_complex"),
    "integer": (
        IntegerWeight,
        r"would perturb only .* Not perturbed: parameter 'mixing' \(32 x 32\)",
    ),
}


@pytest.mark.parametrize("case", BOTH | WEIGHTS)
def test_a_model_that_cannot_be_scored_is_refused_with_the_cause(network, examples, case):
    make, message = (BOTH | WEIGHTS)[case]
    with warnings.catch_warnings(action="ignore"):
        model = make(network)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    flags = [module.training for module in model.modules()]
    asks: list[Callable[[], object]] = [
        lambda: attack_weights(model, *examples, radius=0.1, steps=1)
    ]
    if case in BOTH:
        asks.append(lambda: attack_inputs(model, *examples, eps=0.1, effort="quick"))
    for ask in asks:
        with pytest.raises(InputError, match=message) as caught:
            ask()
        assert "\n" not in str(caught.value)
    assert [module.training for module in model.modules()] == flags
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor.to_dense(), before[name].to_dense()), name
    assert not getattr(model, "merged", False)


def test_a_merged_model_is_scored(network, examples):
    model = MergesItsAdapter(network).train().eval()
    before = model.network[1].weight.clone()
    attack_inputs(model, *examples, eps=0.1, effort="quick")
    assert torch.equal(model.network[1].weight, before)
    assert model.merged
