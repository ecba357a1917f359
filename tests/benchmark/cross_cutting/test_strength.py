"""Ten times the steps change a worst case by less than 5%: the battery's effort is enough.

``python -m perf.optimizer_strength`` asks it of every available model, with all examples.
"""

import pytest
import torch

from benchmark import load_battery
from benchmark.ascent import apgd, whole_set
from benchmark.attacks.weights import weight_ball
from benchmark.objectives import cross_entropy
from benchmark.probes.flatness import FlatnessSettings
from benchmark.probes.weight import WeightSettings

BATTERIES = {"mlp": "digits-v1", "resnet2b": "cifar10-linf-v1"}


@pytest.fixture(params=BATTERIES)
def asked(request, networks):
    """A network with the settings of its own battery."""
    probes = load_battery(BATTERIES[request.param]).probes
    weight, flat = probes["weight"], probes["flatness"]
    assert isinstance(weight, WeightSettings)
    assert isinstance(flat, FlatnessSettings)
    return networks(request.param, request), weight, flat


def test_of_the_weight_climb(asked):
    network, settings, _ = asked
    subject = network.subject()
    ball = weight_ball(subject, settings.threat(settings.headline))
    loss = whole_set(subject, cross_entropy)
    start = float(loss(ball.origin, torch.arange(1)).values)
    few, many = (
        float(apgd(ball, loss, ball.origin, steps).values) - start
        for steps in (settings.steps, 10 * settings.steps)
    )
    assert 0 < many < 1.05 * few


def test_of_worst_flatness(asked, measures):
    network, _, settings = asked
    subject = network.subject()
    ball = weight_ball(subject, settings.threat(settings.worst_radius))
    few, many = (
        measures.worst(
            subject, settings.eps, ball, restarts=2, epochs=epochs, steps=settings.input_steps
        )
        for epochs in (settings.epochs, 10 * settings.epochs)
    )
    assert 0 < many < 1.05 * few
