"""Random small networks: every probe answers, is left out, or refuses in one line."""

import copy
import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark import attack_inputs, attack_weights, evaluate
from benchmark.subject import subject_of
from models_zoo.errors import InputError
from tests.benchmark.cheap_battery import TABLES, battery, shorten_autoattack

ACTIVATIONS = (nn.ReLU, nn.GELU, nn.Tanh, nn.SiLU, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.Hardtanh)
SHAPES = ((1, 1), (1, 3), (2, 2), (4, 4), (5, 7), (8, 8), (3, 11), (16, 12), (64, 48))
FORMS = ("plain", "dict", "half", "bfloat16", "double", "parallel", "train", "frozen")


class Cast(nn.Module):
    """A network in another precision, or with another form of answer."""

    def __init__(self, network, dtype=torch.float32, named=False):
        super().__init__()
        self.network, self.dtype, self.named = network.to(dtype), dtype, named

    def forward(self, images):
        logits = self.network(images.to(self.dtype))
        return {"logits": logits, "other": images} if self.named else logits


@st.composite
def networks(draw):
    """A network, images and labels."""
    seed = draw(st.integers(0, 2**31))
    height, width = draw(st.sampled_from(SHAPES))
    channels = draw(st.sampled_from((1, 2, 3, 5)))
    classes = draw(st.sampled_from((2, 3, 4, 10, 1000)))
    layers: list[nn.Module] = []
    width_now = channels
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for _ in range(draw(st.integers(0, 2))):
            wide = draw(st.sampled_from((2, 4, 6)))
            layers.append(
                nn.Conv2d(
                    width_now,
                    wide,
                    draw(st.sampled_from((1, 3))),
                    padding="same",
                    bias=draw(st.booleans()),
                )
            )
            norms: dict[str, Any] = {
                "none": nn.Identity,
                "batch": lambda wide=wide: nn.BatchNorm2d(wide),
                "plain batch": lambda wide=wide: nn.BatchNorm2d(wide, affine=False),
                "group": lambda wide=wide: nn.GroupNorm(2, wide),
                "response": lambda: nn.LocalResponseNorm(2),
            }
            layers.append(norms[draw(st.sampled_from(sorted(norms)))]())
            layers.append(draw(st.sampled_from(ACTIVATIONS))())
            layers.append(draw(st.sampled_from((nn.Identity(), nn.Dropout(0.5)))))
            width_now = wide
        pool = draw(st.sampled_from((None, nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1))))
        size = width_now * (1 if pool is not None else height * width)
        layers += [pool] if pool is not None else []
        layers.append(nn.Flatten())
        if draw(st.booleans()):
            layers += [nn.Linear(size, 7), nn.LayerNorm(7), draw(st.sampled_from(ACTIVATIONS))()]
            size = 7
        last = nn.Linear(size, classes)
        if draw(st.booleans()):
            last = nn.utils.parametrizations.weight_norm(last)
        network = nn.Sequential(*layers, last).eval()
        images = torch.rand(draw(st.integers(1, 7)), channels, height, width)
        if draw(st.booleans()):
            images = images.round()  # corners of the box
        with torch.no_grad():
            labels = network(images).argmax(1)
        labels[: draw(st.integers(0, 2))] = 0
    return network, images, labels


def formed(network, form):
    casts = {"half": torch.float16, "bfloat16": torch.bfloat16, "double": torch.float64}
    network = copy.deepcopy(network)
    if form in casts:
        return Cast(network, casts[form])
    if form == "dict":
        return Cast(network, named=True)
    if form == "parallel":
        return nn.DataParallel(network)
    if form == "train":
        return network.train()
    if form == "frozen":
        return network.requires_grad_(False)
    return network


@pytest.fixture(scope="module", autouse=True)
def short_autoattack():
    with pytest.MonkeyPatch.context() as patch:
        shorten_autoattack(patch)
        yield


def _answer(ask):
    try:
        return ask()
    except InputError as error:
        return error


def _correct(model, images, labels):
    with subject_of(model, images, labels) as subject:
        return subject.correct()


@settings(
    max_examples=int(os.environ.get("NONSINGULAR_FUZZ", "12")),
    phases=[Phase.explicit, Phase.generate],  # to shrink a network takes longer than to read it
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    made=networks(),
    form=st.sampled_from(FORMS),
    probes=st.sets(st.sampled_from(sorted(TABLES)), min_size=1, max_size=4),
)
def test_any_network_is_scored_or_refused(made, form, probes):
    network, images, labels = made
    model = formed(network, form)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    flags = [
        *(module.training for module in model.modules()),
        *(parameter.requires_grad for parameter in model.parameters()),
    ]
    given_images, given_labels = images.clone(), labels.clone()
    asked: list[tuple[str, Callable[[], Any]]] = [
        ("evaluate", lambda: evaluate(model, images, labels, battery(), sorted(probes)))
    ]
    asked.append(("no input budget", lambda: attack_inputs(model, images, labels, eps=0)))
    asked.append(("no weight budget", lambda: attack_weights(model, images, labels, radius=0)))
    correct = _answer(lambda: _correct(model, images, labels))
    for name, ask in asked:
        answer = _answer(ask)
        if isinstance(answer, InputError):
            assert "\n" not in str(answer)
        elif name == "evaluate":
            for result in answer.results.values():
                assert result.left_out is None or not result.scores
        else:
            assert torch.equal(answer.robust, correct)
    assert torch.equal(images, given_images)
    assert torch.equal(labels, given_labels)
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    assert flags == [
        *(module.training for module in model.modules()),
        *(parameter.requires_grad for parameter in model.parameters()),
    ]
