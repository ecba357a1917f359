"""Scale moved into the next layer changes no function: relative numbers stay, absolute ones move.

``tests/benchmark/test_invariance.py`` asks the same of whole probes on the bundled models.
"""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from benchmark.objectives import cross_entropy

RELATIVE: dict[str, dict[str, Any]] = {
    "weight": {},
    "joint": {},
    "backdoor": {"geometry": "relative-linf"},
    "average flatness": {},
    "worst flatness": {},
    "divergence": {},
}
ABSOLUTE: dict[str, dict[str, Any]] = {
    "weight": {"geometry": "absolute-l2", "radius": 0.1, "steps": 1},
    "joint": {"geometry": "absolute-linf", "radius": 0.02, "eps": 1 / 255, "steps": 1},
    "backdoor": {"geometry": "absolute-linf", "radius": 0.003, "steps": 5},
    "average flatness": {"geometry": "absolute-l2"},
    "worst flatness": {"geometry": "absolute-linf", "scale": 0.05, "epochs": 1},
}
"""With little effort: how far a ball reaches shows after a step."""


def loss_at(network, weights):
    """The mean cross-entropy with perturbed weights: finer than a number of errors."""
    subject = network.subject().at(weights)
    return float(cross_entropy(subject.logits(), subject.labels).double().mean())


@pytest.mark.parametrize("factor", [8.0, 1 / 8, 5.0])
def test_the_function_stays_the_same(network, factor):
    other = network.rescaled(factor)
    torch.testing.assert_close(
        other.model(network.images), network.model(network.images), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("name", RELATIVE)
def test_relative_numbers_stay(network, ask, usual, name):
    other, options = network.rescaled(8.0), RELATIVE[name]
    before = ask(name, network, **options) if options else usual(name, network)
    after = ask(name, other, **options)
    assert before.harm != 0
    assert after.harm == pytest.approx(before.harm, rel=1e-4)
    torch.testing.assert_close(after.details, before.details, rtol=1e-4, atol=1e-6)
    if before.weights:
        assert loss_at(other, after.weights) == pytest.approx(
            loss_at(network, before.weights), rel=1e-4
        )


@pytest.mark.parametrize("name", ABSOLUTE)
def test_absolute_numbers_move(network, ask, name):
    other = network.rescaled(8.0)
    before, after = ask(name, network, **ABSOLUTE[name]), ask(name, other, **ABSOLUTE[name])
    if before.weights or after.weights:
        here, there = loss_at(network, before.weights), loss_at(other, after.weights)
    else:
        here, there = before.harm, after.harm
    assert there != pytest.approx(here, rel=1e-3), "ten times what relative numbers may change"


def more_successful(network, factor):
    """The same classes with ``factor`` times the logits: a surer model."""
    model = copy.deepcopy(network.model)
    last = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(factor)
    return replace(network, model=model)


def test_the_scale_of_the_logits_counts_except_where_it_is_taken_out(network, ask, usual):
    loud = more_successful(network, 4.0)
    quiet = {name: usual(name, network).harm for name in ("average flatness", "divergence")}
    for name, harm in quiet.items():
        assert ask(name, loud).harm != pytest.approx(harm, rel=0.1)
    normalised = [ask("divergence", each, normalized=True).harm for each in (network, loud)]
    assert normalised[1] == pytest.approx(normalised[0], rel=1e-4)
