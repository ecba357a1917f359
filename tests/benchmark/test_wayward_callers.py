"""Callers who change what PyTorch computes, call from several threads or mix up results."""

import threading
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.autograd.graph import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks
from torch.nn.utils import parametrizations, parametrize
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark import attack_inputs, attack_weights, evaluate, load_dataset
from models_zoo.errors import InputError

N = 5


class Rounds(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        return out.round() if func is nn.functional.linear else out


class Looks(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Halves(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        lower = isinstance(out, torch.Tensor) and out.dtype == torch.float32
        return out.half().float() if lower else out


class Listens(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(18, 8), nn.ReLU(), nn.Linear(8, 4)).eval()
    for place in (1, 3):
        parametrizations.weight_norm(net[place])
    return net


@pytest.fixture(scope="module")
def examples(network):
    images = torch.rand(N, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return images, network(images).argmax(1)


@pytest.fixture(scope="module")
def answers(network, examples):
    def ask():
        inputs = attack_inputs(network, *examples, eps=0.1, effort="quick")
        weights = attack_weights(network, *examples, radius=0.3, steps=3)
        return inputs.robust.tolist(), inputs.images.tolist(), weights.robust.tolist()

    return ask


@pytest.fixture(scope="module")
def plain(answers):
    return answers()


HARMLESS: dict[str, Any] = {
    "function mode": Looks,
    "dispatch mode": Listens,
    "saved on CPU": save_on_cpu,
    "no hooks": lambda: disable_saved_tensors_hooks("none here"),
    "cached parametrizations": parametrize.cached,
    "dual level": forward_ad.dual_level,
    "one backward thread": lambda: torch.autograd.set_multithreading_enabled(False),
    "errors of NumPy": lambda: np.errstate(all="raise"),
    "mutation allowed": torch.autograd.graph.allow_mutation_on_saved_tensors,
}


@pytest.mark.parametrize("mode", HARMLESS)
def test_modes_that_change_nothing_change_no_score(answers, plain, mode):
    with HARMLESS[mode]():
        assert answers() == plain


def test_warnings_that_are_errors_are_no_errors_of_ours(answers, plain):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answers() == plain


CHANGING: dict[str, Any] = {
    "fake tensors": FakeTensorMode,
    "rounding function mode": Rounds,
    "half precision dispatch mode": Halves,
    "hooks that lose all": lambda: saved_tensors_hooks(lambda t: t * 0, lambda t: t),
    "hooks that lose digits": lambda: saved_tensors_hooks(torch.Tensor.half, torch.Tensor.float),
    "hooks that fail": lambda: saved_tensors_hooks(lambda t: 1 / 0, lambda t: t),
}


@pytest.mark.parametrize("mode", CHANGING)
def test_modes_that_change_numbers_are_refused(network, examples, mode):
    """Hooks that lose what is saved gave 1.000 in place of 0.500."""
    for ask in (
        lambda: attack_inputs(network, *examples, eps=0.1, effort="quick"),
        lambda: attack_weights(network, *examples, radius=0.3, steps=1),
        lambda: load_dataset("digits"),
    ):
        with CHANGING[mode](), pytest.raises(InputError, match="call it outside") as caught:
            ask()
        assert "\n" not in str(caught.value)


TRANSFORMS = {
    "grad": lambda f: torch.func.grad(f)(torch.ones(3)),
    "vmap": lambda f: torch.func.vmap(f)(torch.ones(3)),
    "jacfwd": lambda f: torch.func.jacfwd(f)(torch.ones(3)),
    "jacrev": lambda f: torch.func.jacrev(f)(torch.ones(3)),
    "jvp": lambda f: torch.func.jvp(f, (torch.ones(3),), (torch.ones(3),)),
    "functionalize": lambda f: torch.func.functionalize(f)(torch.ones(3)),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_call_inside_a_transform_is_refused(network, examples, transform):
    """Some killed the process."""

    def inside(x):
        attack_inputs(network, *examples, eps=0.1, effort="quick")
        return x.sum()

    with pytest.raises(InputError, match=r"inside a transform of torch\.func"):
        TRANSFORMS[transform](inside)


def test_threads_wait_for_each_other(answers, plain, network):
    """Two at once saw each other's modes and flags, and one of them a model that changes."""
    found, count = [], 3
    asking = [parameter.requires_grad for parameter in network.parameters()]
    network.train()

    def go():
        try:
            found.append(answers())
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=go) for _ in range(count)]
    torch.set_default_dtype(torch.float64)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert found == [plain] * count
    assert all(module.training for module in network.modules())
    assert [parameter.requires_grad for parameter in network.parameters()] == asking
    network.eval()


def clean(model, images, labels, **options):
    given = {"battery": "digits-v1", "probes": ["clean"]} | options
    return evaluate(model, images, labels, **given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, o, f: {"known": o}, "known results are of another model"),
        (lambda r, o, f: {"known": o.results}, "of another model or of other examples"),
        (lambda r, o, f: {"known": f}, "known results are of another set of examples"),
        (lambda r, o, f: {"known": f.results}, "of another model or of other examples"),
        (lambda r, o, f: {"known": r, "seed": 1}, "known results are of another seed"),
        (
            lambda r, o, f: {"known": r, "battery": "mnist-linf-v1", "own_data": True},
            "of another battery",
        ),
        (lambda r, o, f: {"known": {"clean": 3}}, "known must be a report"),
        (lambda r, o, f: {"known": [r]}, "known must be a report"),
        (lambda r, o, f: {"known": {"input": r.results["clean"]}}, "known must be a report"),
        (lambda r, o, f: {"battery": None}, "battery is missing"),
        (lambda r, o, f: {"battery": 3}, "battery must be"),
        (lambda r, o, f: {"battery": {"name": "x"}}, "battery must be"),
        (lambda r, o, f: {"probes": 3}, "probes must be a list"),
        (lambda r, o, f: {"probes": [["clean"]]}, "unknown probe"),
        (lambda r, o, f: {"probes": "claen"}, "did you mean 'clean'"),
    ],
)
def test_what_does_not_belong_to_an_evaluation_is_refused(zoo, digits, change, message):
    """Another model's results were reported as this one's."""
    data, model = digits.head(20), zoo("digits/mlp-pgd-at")
    wrong = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    asked = (data.images, data.labels)
    report = clean(model, *asked)
    other, fewer = clean(wrong, *asked), clean(model, data.images[:5], data.labels[:5])
    with pytest.raises(InputError, match=message) as caught:
        clean(model, *asked, **change(report, other, fewer))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("probes", ["clean", ("clean",), {"clean"}, iter(["clean"])])
def test_probes_may_be_named_in_any_way(zoo, digits, probes):
    data, model = digits.head(5), zoo("digits/mlp-pgd-at")
    report = clean(model, data.images, data.labels, probes=probes)
    assert list(report.results) == ["clean"]
    again = clean(model, data.images, data.labels, known=report)
    assert again.scores == report.scores
