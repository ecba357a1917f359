"""Any module can be asked, and is handed back exactly as it was."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import (
    attack_inputs,
    attack_joint,
    attack_weights,
    evaluate,
    flatness,
    inject_backdoor,
)
from benchmark.subject import subject_of
from models_zoo.errors import InputError

N = 12


def make_model():
    """Batch norm, dropout, a frozen tensor and one part in eval mode: nothing a zoo would hold."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(256, 10),
    ).train()
    model[1].eval()
    model[0].bias.requires_grad_(False)
    return model


@pytest.fixture
def some(digits):
    data = digits.head(N)
    return {"images": data.images, "labels": data.labels}


def state_of(model):
    legacy: Any = np.random.get_state()  # noqa: NPY002
    return {
        "tensors": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "training": [module.training for module in model.modules()],
        "asking": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [parameter.grad for parameter in model.parameters()],
        "random": (torch.get_rng_state(), legacy[1].copy(), random.getstate()),
    }


def assert_untouched(model, before):
    after = state_of(model)
    for name, tensor in before["tensors"].items():
        assert torch.equal(after["tensors"][name], tensor), name
    for part in ("training", "asking", "gradients"):
        assert after[part] == before[part]
    assert torch.equal(after["random"][0], before["random"][0])
    assert np.array_equal(after["random"][1], before["random"][1])
    assert after["random"][2] == before["random"][2]


def call(name, model, images, labels, battery):
    if name == "evaluate":
        return evaluate(model, images, labels, battery())
    if name == "autoattack":
        tables = battery().model_dump() | {
            "probes": {"input-autoattack": {"eps": 0.5}},
            "default": ["input-autoattack"],
        }
        chosen = type(battery()).model_validate(tables)
        return evaluate(model, images[:4], labels[:4], chosen, ["input-autoattack"])
    return {
        "attack_inputs": lambda: attack_inputs(model, images, labels, eps=0.1, effort="quick"),
        "attack_weights": lambda: attack_weights(model, images, labels, radius=0.1, steps=3),
        "attack_joint": lambda: attack_joint(
            model, images, labels, eps=0.1, radius=0.1, steps=3, effort="quick"
        ),
        "inject_backdoor": lambda: inject_backdoor(model, images, labels, radius=0.1, steps=3),
        "flatness": lambda: flatness(
            model, images, labels, eps=0.1, average_radii=[], worst_radii=[], draws=2, epochs=1
        ),
    }[name]()


@pytest.mark.parametrize(
    "name",
    [
        "evaluate",
        "autoattack",
        "attack_inputs",
        "attack_weights",
        "attack_joint",
        "inject_backdoor",
        "flatness",
    ],
)
def test_a_module_is_handed_back_as_it_was(name, some, battery):
    model = make_model()
    copies = {key: tensor.clone() for key, tensor in some.items()}
    before = state_of(model)
    first = call(name, model, **some, battery=battery)
    assert_untouched(model, before)
    assert all(torch.equal(some[key], copy) for key, copy in copies.items())
    torch.rand(3)  # neither the caller's random state nor the model's dropout may matter
    second = call(name, model, **some, battery=battery)
    if name in ("evaluate", "autoattack"):
        assert first.scores == second.scores
    elif name == "flatness":
        assert first == second
    else:
        assert torch.equal(first.robust, second.robust)


def test_evaluate_answers_every_probe_of_the_battery(some, battery):
    chosen = battery()
    report = evaluate(make_model(), **some, battery=chosen)
    assert list(report.results) == list(chosen.default)
    assert "nonsingular.robust_accuracy" in report.scores
    for probe, outcome in report.per_example.items():
        assert outcome.shape == (N,), probe
        assert outcome.dtype == torch.bool
    for probe in ("clean", "input", "weight", "joint", "nonsingular"):
        name = "accuracy" if probe == "clean" else "robust_accuracy"
        share = float(report.per_example[probe].double().mean())
        assert report.scores[f"{probe}.{name}"] == pytest.approx(share)
    for key, ends in report.intervals.items():
        assert ends is None or ends[0] < ends[1], key
    costs = [result.cost for result in report.results.values()]
    assert all(cost.seconds > 0 and cost.peak_memory > 0 for cost in costs)
    assert all(cost.forwards > 0 for cost in costs[1:])


def test_what_the_model_owned_before_survives_an_error_inside(some):
    model = make_model()
    before = state_of(model)
    with pytest.raises(ZeroDivisionError), subject_of(model, **some):
        raise ZeroDivisionError
    assert_untouched(model, before)


class Restless(nn.Module):
    """Counts its calls in a buffer, as a model that adapts while it is tested does."""

    calls: torch.Tensor

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, images):
        self.calls += 1
        return self.linear(images.flatten(1))


def test_a_model_that_changes_itself_gets_no_score(some, battery):
    with pytest.raises(InputError, match=r"its tensor 'calls' changes"):
        evaluate(Restless(), **some, battery=battery(), probes=["clean"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[:, 0], y), r"images must be float \(N, C, H, W\)"),
        (lambda x, y: ((x * 255).byte(), y), r"images must be float"),
        (lambda x, y: (x * 2, y), r"images must lie in \[0, 1\], got values from 0 to 2"),
        (lambda x, y: (x * torch.nan, y), r"images must lie in \[0, 1\]"),
        (lambda x, y: (x, y[:-1]), r"labels must be int \(12,\)"),
        (lambda x, y: (x, y.float()), r"labels must be int"),
        (lambda x, y: (x, y + 5), r"labels must lie in 0\.\.9"),
        (lambda x, y: (x[:0], y[:0]), r"no examples"),
        (lambda x, y: (x[..., :4], y), r"the model cannot take images of shape \(1, 8, 4\)"),
    ],
)
def test_examples_that_do_not_fit_are_refused(some, battery, change, message):
    images, labels = change(*some.values())
    with pytest.raises(InputError, match=message) as caught:
        evaluate(make_model(), images, labels, battery(), ["clean"], own_data=True)
    assert "\n" not in str(caught.value)


def test_other_arguments_that_do_not_fit_are_refused(some, battery):
    model = make_model()
    with pytest.raises(InputError, match=r"unknown effort 'standrd'; did you mean 'standard'"):
        attack_inputs(model, **some, eps=0.1, effort="standrd")
    with pytest.raises(InputError, match=r"eps must be a finite number of at least 0, got -0.1"):
        attack_inputs(model, **some, eps=-0.1)
    with pytest.raises(InputError, match=r"unknown probe of battery test-v1 'inputs'"):
        evaluate(model, **some, battery=battery(), probes=["inputs"])
    with pytest.raises(InputError, match=r"device 'cuba' cannot be used"):
        evaluate(model, **some, battery=battery(), probes=["clean"], device="cuba")
    with pytest.raises(InputError, match=r"batch_size must be at least 1"):
        evaluate(model, **some, battery=battery(), probes=["clean"], batch_size=0)
    with pytest.raises(InputError, match=r"must return logits"):
        evaluate(nn.Flatten(0), **some, battery=battery(), probes=["clean"])
    with pytest.raises(InputError, match=r"at least 4 examples"):
        inject_backdoor(model, some["images"][:3], some["labels"][:3], radius=0.1)
