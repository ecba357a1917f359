"""Models that write where they should not, answer oddly or come wrapped: scored alike, or refused.

Each case is a network around the same layers, so that its outcomes are known.
"""

import copy
import random
import warnings
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import attack_inputs, attack_weights, evaluate, flatness, inject_backdoor
from benchmark.subject import subject_of
from models_zoo.errors import InputError
from tests.benchmark.cheap_battery import battery

N = 6


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
    def __init__(self, network, **more):
        super().__init__()
        self.network = copy.deepcopy(network)
        for name, value in more.items():
            setattr(self, name, value)


class Subtracts(Around):
    def forward(self, images):
        images -= 0.5
        images += 0.5
        return self.network(images)


class ScalesInPlace(Around):
    def forward(self, images):
        return self.network(images.mul_(2.0).div_(2.0))


class RectifiesInPlace(Around):
    def forward(self, images):
        return self.network(F.relu(images, inplace=True))


class WritesThroughData(Around):
    def forward(self, images):
        logits = self.network(images)
        images.data.zero_()
        return logits


class WritesThroughNumpy(Around):
    def forward(self, images):
        logits = self.network(images)
        images.detach().numpy()[...] = 0.5
        return logits


class KeepsItsInput(Around):
    last = None

    def forward(self, images):
        if self.last is not None:
            self.last.detach().fill_(0.25)
        self.last = images
        return self.network(images)


class ReturnsAView(Around):
    """The logits are a part of memory that the next call writes to."""

    memory: torch.Tensor

    def forward(self, images):
        if not hasattr(self, "memory") or len(self.memory) < len(images):
            self.memory = torch.zeros(64, 4)
        logits = self.network(images)
        return logits if logits.requires_grad else self.memory[: len(images)].copy_(logits)


class Reseeds(Around):
    def forward(self, images):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        return self.network(images)


class Draws(Around):
    def forward(self, images):
        return self.network(images) + 0 * torch.rand(()) + 0 * random.random()  # noqa: S311


class AsksForGradients(Around):
    def forward(self, images):
        for parameter in self.parameters():
            parameter.requires_grad_(True)
        if images.is_leaf:
            images.requires_grad_(True)
        return self.network(images)


class SwitchesGradientsOn(Around):
    def forward(self, images):
        torch.set_grad_enabled(True)
        return self.network(images)


class ChangesTheDefaultType(Around):
    def forward(self, images):
        torch.set_default_dtype(torch.float64)
        return self.network(images)


class UnderAutocast(Around):
    def forward(self, images):
        with torch.autocast("cpu", torch.bfloat16, enabled=False):
            return self.network(images)


Named = namedtuple("Named", ["features", "logits"])


@dataclass
class Output:
    logits: torch.Tensor
    loss: None = None


class Answers(Around):
    form: Callable[[torch.Tensor], Any]

    def forward(self, images):
        return self.form(self.network(images))


class Double(Around):
    def forward(self, images):
        return self.network(images.double())


ALIKE: dict[str, Callable[[Any], Any]] = {
    "subtracts": Subtracts,
    "scales in place": ScalesInPlace,
    "rectifies in place": RectifiesInPlace,
    "writes through .data": WritesThroughData,
    "writes through numpy": WritesThroughNumpy,
    "keeps its input": KeepsItsInput,
    "returns a view": ReturnsAView,
    "reseeds": Reseeds,
    "draws": Draws,
    "asks for gradients": AsksForGradients,
    "switches gradients on": SwitchesGradientsOn,
    "changes the default type": ChangesTheDefaultType,
    "autocast": UnderAutocast,
    "dict": lambda net: Answers(net, form=lambda z: {"features": z * 0, "logits": z}),
    "named tuple": lambda net: Answers(net, form=lambda z: Named(z * 0, z)),
    "dataclass": lambda net: Answers(net, form=Output),
    "half precision logits": lambda net: Answers(net, form=lambda z: z.double()),
    "data parallel": nn.DataParallel,
    "data parallel twice": lambda net: nn.DataParallel(nn.DataParallel(net)),
    "train mode": lambda net: copy.deepcopy(net).train(),
    "inference mode": lambda net: _under(torch.inference_mode(), net),
    "frozen": lambda net: copy.deepcopy(net).requires_grad_(False),
    "traced by fx": lambda net: torch.fx.symbolic_trace(copy.deepcopy(net)),
    "complex buffer": lambda net: _with(net, torch.ones(2, dtype=torch.complex64)),
    "integer buffer": lambda net: _with(net, torch.arange(3)),
    "truth buffer": lambda net: _with(net, torch.tensor(True)),
    "infinite buffer": lambda net: _with(net, torch.tensor([-torch.inf, torch.nan])),
    "other strides": lambda net: _strided(net),
}


CORRUPTED = ("writes through .data", "writes through numpy")
"""They change what their own layers have saved for the gradient of the weights."""


def _under(mode, net):
    with mode:
        return copy.deepcopy(net)


def _with(net, buffer):
    model = copy.deepcopy(net)
    model.register_buffer("extra", buffer)
    return model


def _strided(net):
    model = copy.deepcopy(net)
    model[1].weight.data = model[1].weight.data.t().contiguous().t()
    return model


@pytest.fixture(scope="module")
def attacked(network, examples):
    """What attacks on the layers alone find: through images, and through weights."""
    inputs = attack_inputs(network, *examples, eps=0.1, effort="quick")
    return inputs, attack_weights(network, *examples, radius=0.2, steps=3)


@pytest.mark.parametrize("case", ALIKE)
def test_a_model_is_scored_as_its_layers_are(network, examples, attacked, case):
    images, labels = examples
    inputs, weights = attacked
    model, given = ALIKE[case](network), images.clone()
    found = attack_inputs(model, given, labels, eps=0.1, effort="quick")
    assert torch.equal(found.robust, inputs.robust)
    assert torch.equal(found.images, inputs.images)
    if case not in CORRUPTED:
        moved = attack_weights(model, given, labels, radius=0.2, steps=3)
        assert torch.equal(moved.robust, weights.robust)
    assert torch.equal(given, images)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


class Counts(Around):
    """Changes a buffer, persistent or not."""

    calls: torch.Tensor

    def __init__(self, network, *, persistent=True):
        super().__init__(network)
        self.register_buffer("calls", torch.zeros(1), persistent=persistent)

    def forward(self, images):
        self.calls += 1
        return self.network(images)


class ReplacesABuffer(Counts):
    def forward(self, images):
        self.calls = self.calls + 1
        return self.network(images)


class AdaptsBatchNorm(Around):
    def __init__(self, network):
        super().__init__(network)
        self.norm = nn.BatchNorm2d(2)

    def forward(self, images):
        return self.network(
            F.batch_norm(images, self.norm.running_mean, self.norm.running_var, training=True)
        )


class GoesIntoTrainMode(Around):
    def forward(self, images):
        self.train()
        return self.network(images)


class WritesAWeight(Around):
    def forward(self, images):
        self.network[1].weight.data.mul_(0.99)
        return self.network(images)


class MakesABuffer(Around):
    def forward(self, images):
        if "cache" not in self._buffers:
            self.register_buffer("cache", torch.zeros(1))
        return self.network(images)


class Fails(Around):
    def forward(self, images):
        raise KeyError("missing")


class Detaches(Around):
    def forward(self, images):
        return self.network(images.detach())


class UnderNoGrad(Around):
    @torch.no_grad()
    def forward(self, images):
        return self.network(images)


class UnderInferenceMode(Around):
    @torch.inference_mode()
    def forward(self, images):
        return self.network(images)


class SwitchesGradientsOff(Around):
    def forward(self, images):
        torch.set_grad_enabled(False)
        return self.network(images)


class ThroughNumpy(Around):
    def forward(self, images):
        return self.network(torch.from_numpy(images.detach().numpy().copy()))


def _quantized(net):
    with warnings.catch_warnings(action="ignore"):
        return torch.ao.quantization.quantize_dynamic(copy.deepcopy(net), {nn.Linear})


def _nan_weight(net):
    model = copy.deepcopy(net)
    model[1].weight.data[0, 0] = torch.nan
    return model


class Half(Around):
    def forward(self, images):
        return self.network(images.to(self.network[1].weight.dtype))


REFUSED = {
    "counts": (Counts, r"its tensor 'calls' changes"),
    "counts unsaved": (lambda net: Counts(net, persistent=False), r"its tensor 'calls' changes"),
    "replaces a buffer": (ReplacesABuffer, r"its tensor 'calls' changes"),
    "adapts batch norm": (AdaptsBatchNorm, r"its tensor 'norm.running_mean' changes"),
    "train mode inside": (GoesIntoTrainMode, r"goes into train mode"),
    "writes a weight": (WritesAWeight, r"its tensor 'network.1.weight' changes"),
    "makes a buffer": (MakesABuffer, r"its tensor 'cache' appears"),
    "fails": (Fails, r"cannot take images of shape \(2, 4, 4\): KeyError: 'missing'"),
    "tuple": (lambda net: Answers(net, form=lambda z: (z, z)), r"returns a tuple of 2"),
    "list": (lambda net: Answers(net, form=lambda z: [z]), r"returns a list of 1"),
    "dict without": (lambda net: Answers(net, form=lambda z: {"out": z}), r"a dict of \['out'\]"),
    "None": (lambda net: Answers(net, form=lambda z: None), r"returns a NoneType"),
    "classes": (lambda net: Answers(net, form=lambda z: z.argmax(1)), r"floating point"),
    "one logit": (lambda net: Answers(net, form=lambda z: z[:, :1]), r"must return logits"),
    "a vector": (lambda net: Answers(net, form=lambda z: z[0]), r"must return logits"),
    "a row too few": (lambda net: Answers(net, form=lambda z: z[1:]), r"must return logits"),
    "half without a cast": (lambda net: copy.deepcopy(net).half(), r"call model.float\(\)"),
    "double without a cast": (lambda net: copy.deepcopy(net).double(), r"call model.float\(\)"),
    "a NaN weight": (_nan_weight, r"parameter '1.weight' is NaN or infinite"),
    "lazy": (
        lambda net: nn.Sequential(nn.Flatten(), nn.LazyLinear(4)),
        r"has no shape yet; call the model once",
    ),
    "meta": (lambda net: copy.deepcopy(net).to("meta"), r"device 'meta'"),
    "a function": (lambda net: net.forward, r"must be a torch.nn.Module"),
    "a class": (lambda net: Around, r"is the class Around"),
    "exported": (
        lambda net: torch.export.export(copy.deepcopy(net), (torch.rand(2, 2, 4, 4),)).module(),
        r"cannot be put into eval mode",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_that_cannot_be_scored_is_refused_in_one_line(network, examples, case):
    make, message = REFUSED[case]
    with warnings.catch_warnings(action="ignore"):
        model = make(network)
    before = (
        {name: tensor.clone() for name, tensor in model.state_dict().items()}
        if isinstance(model, nn.Module) and case not in ("lazy", "meta")
        else {}
    )
    for ask in (
        lambda: attack_inputs(model, *examples, eps=0.1, effort="quick"),
        lambda: attack_weights(model, *examples, radius=0.1, steps=1),
    ):
        with pytest.raises(InputError, match=message) as caught:
            ask()
        assert "\n" not in str(caught.value)
    if before:
        after = model.state_dict()
        assert after.keys() == before.keys()
        for name, tensor in before.items():
            assert torch.allclose(after[name], tensor, equal_nan=True), name


class ComplexWeight(Around):
    def __init__(self, network):
        super().__init__(network)
        self.phase = nn.Parameter(torch.ones(1, dtype=torch.complex64))

    def forward(self, images):
        return self.network(images) * self.phase.abs()


NO_GRADIENT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "detaches": (Detaches, "images"),
    "no_grad": (UnderNoGrad, "both"),
    "inference mode": (UnderInferenceMode, "both"),
    "switches gradients off": (SwitchesGradientsOff, "both"),
    "through numpy": (ThroughNumpy, "images"),
    "quantized": (_quantized, "both"),
    "scripted": (lambda net: torch.jit.script(copy.deepcopy(net)), "weights"),
    "frozen script": (
        lambda net: torch.jit.freeze(torch.jit.script(copy.deepcopy(net))),
        "weights",
    ),
    "half": (lambda net: Half(copy.deepcopy(net).half()), "weights"),
    "bfloat16": (lambda net: Half(copy.deepcopy(net).bfloat16()), "weights"),
    "complex weight": (ComplexWeight, "weights"),
}


@pytest.mark.parametrize("case", NO_GRADIENT)
def test_an_attack_that_could_only_fail_is_refused(network, examples, case):
    """All of these looked perfectly robust, or failed in the middle of an attack."""
    make, where = NO_GRADIENT[case]
    with warnings.catch_warnings(action="ignore"):
        model = make(network)
    asks: dict[str, list[Callable[[], Any]]] = {
        "images": [lambda: attack_inputs(model, *examples, eps=0.1, effort="quick")],
        "weights": [
            lambda: attack_weights(model, *examples, radius=0.1, steps=1),
            lambda: inject_backdoor(model, *examples, radius=0.1, steps=1),
            lambda: flatness(model, *examples, eps=0.1),
        ],
    }
    for kind, each in asks.items():
        for ask in each:
            if where in (kind, "both"):
                with pytest.raises(InputError) as caught:
                    ask()
                assert "\n" not in str(caught.value)
    if where == "weights":
        attack_inputs(model, *examples, eps=0.1, effort="quick")
    if where in ("images", "both") and case != "quantized":
        found = attack_inputs(model, *examples, eps=0.3, effort="quick", access="scores")
        assert len(found.robust) == N


def test_a_model_that_changes_late_gets_no_score(network, examples):
    class Late(Around):
        calls = 0

        def forward(self, images):
            self.calls += 1
            if self.calls > 5:
                self.network[1].weight.data.mul_(0.9)
            return self.network(images)

    with pytest.raises(InputError, match=r"its tensor 'network.1.weight' changes"):
        attack_inputs(Late(network), *examples, eps=0.1, effort="quick")


def test_what_a_model_did_to_itself_is_undone(network, examples):
    model = WritesAWeight(network)
    before = model.network[1].weight.clone()
    with pytest.raises(InputError), subject_of(model, *examples):
        pass
    assert torch.equal(model.network[1].weight, before)


@pytest.mark.parametrize("case", [case for case in NO_GRADIENT if case != "through numpy"])
def test_a_battery_leaves_out_what_a_model_does_not_allow(network, examples, case):
    make, where = NO_GRADIENT[case]
    with warnings.catch_warnings(action="ignore"):
        model = make(network)
    images, labels = examples
    asked = ["clean", "input", "weight", "intrinsic"]
    report = evaluate(model, images, labels, battery(), asked)
    left_out = {name for name, result in report.results.items() if result.left_out}
    expected = {"images": {"intrinsic"}, "weights": {"weight"}, "both": {"intrinsic", "weight"}}
    assert left_out == expected[where]
    flags = {flag.name for flag in report.results["input"].flags}
    assert ("no_gradients" in flags) == (where != "weights")
