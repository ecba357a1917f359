"""Orders that hold between attacks: an adversary who may do more does no less."""

import torch

from benchmark import attack_inputs, attack_joint, attack_weights
from benchmark.ascent import apgd, whole_set
from benchmark.attacks.weights import verified_weights, weight_ball
from benchmark.budgets import Budget
from benchmark.objectives import cross_entropy
from benchmark.spaces import WeightBall, select_weights
from benchmark.threats import WeightThreat


def test_worst_flatness_is_above_average_flatness_in_the_same_ball(network, ask, usual):
    worst = ask("worst flatness", network, epochs=4)
    average = usual("average flatness", network)
    assert worst.harm > float(average.details.max())


def test_the_weight_attack_is_at_least_as_strong_as_random_directions(network):
    subject = network.subject()
    found = attack_weights(
        network.model, network.images, network.labels, radius=network.radius, steps=5
    )
    ball = weight_ball(subject, WeightThreat("relative-l2", Budget(network.radius)))
    generator = subject.generator("random directions")
    drawn = [verified_weights(subject, ball, ball.sphere(generator)).robust for _ in range(5)]
    assert int(found.robust.sum()) < min(int(robust.sum()) for robust in drawn)


def test_the_joint_attack_is_at_least_as_strong_as_each_alone(network):
    data = network.model, network.images, network.labels
    eps, radius = network.eps / 2, network.radius / 2
    joint = attack_joint(*data, eps=eps, radius=radius, steps=3, effort="quick")
    inputs = attack_inputs(*data, eps=eps, effort="quick")
    weights = attack_weights(*data, radius=radius, steps=3)
    assert int(joint.robust.sum()) <= int(inputs.robust.sum())
    assert int(joint.robust.sum()) <= int(weights.robust.sum())


def test_a_perturbation_for_each_batch_does_at_least_what_one_for_all_does(network):
    subject = network.subject()
    ball = WeightBall(select_weights(network.model), network.radius)

    def climb(part):
        return float(apgd(ball, whole_set(part, cross_entropy), ball.origin, 8).values)

    half = len(subject) // 2
    rows = torch.arange(len(subject))
    parts = [subject.take(rows[:half]), subject.take(rows[half:])]
    each = sum(climb(part) * len(part) for part in parts) / len(subject)
    assert each >= 0.95 * climb(subject)  # eight steps climb nearly all the way
