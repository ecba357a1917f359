"""A difference of losses compares like with like: same examples, same attack, same starts."""

import pytest
import torch

from benchmark.measures.flatness import worst_flatness
from benchmark.measures.robust_loss import RobustLoss
from benchmark.objectives import cross_entropy
from benchmark.spaces import WeightBall, select_weights


@pytest.fixture
def ball(network):
    return WeightBall(select_weights(network.model), network.radius)


def test_the_reference_is_the_perturbed_loss_at_no_perturbation(network, ball, measures):
    subject = network.subject()
    reference = measures.losses(subject, network.eps)
    assert torch.equal(measures.losses(subject.at(ball.origin), network.eps), reference)
    assert reference.shape == (len(subject),)


def test_both_sides_cost_the_same_passes(network, ball, measures):
    subject = network.subject()
    counts = []
    for side in (subject, subject.at(ball.sphere(subject.generator("test")))):
        before = subject.passes.forwards, subject.passes.backwards
        measures.losses(side, network.eps)
        after = subject.passes.forwards, subject.passes.backwards
        counts.append([b - a for a, b in zip(before, after, strict=True)])
    assert counts[0] == counts[1]
    assert counts[0][1] >= 3 * len(subject), "one backward pass a step and example"


def test_both_sides_start_from_the_same_images(network, ball, measures, passes):
    subject = network.subject(batch_size=7)
    starts = []
    for side in (subject, subject.at(ball.sphere(subject.generator("test")))):
        passes.clear()
        measures.losses(side, network.eps)
        starts.append(passes[0][0])
    assert torch.equal(*starts)
    assert not torch.equal(starts[0], subject.images[:7])


def test_an_average_increase_is_the_mean_of_the_examples_own(network, ball, measures, passes):
    """Every loss is measured on all examples, misclassified ones included."""
    subject = network.subject()
    increase = float(measures.average(subject, network.eps, ball, draws=1))
    weights = [moved for _, moved in passes if moved][-1]
    sides = (measures.losses(each, network.eps).double() for each in (subject.at(weights), subject))
    perturbed, reference = sides
    assert len(perturbed) == len(reference) == len(subject)
    assert increase == pytest.approx(float((perturbed - reference).mean()), rel=1e-9)
    assert increase != 0


def test_a_worst_increase_is_the_mean_of_the_examples_own(network, ball):
    """Both sides are measured on all examples, and may use the same images."""
    subject = network.subject()
    (worst,) = worst_flatness(subject, RobustLoss(network.eps, 3), [ball], epochs=2)
    found = worst.increase
    assert len(found.losses) == len(found.own) == len(subject)
    mean = float((found.losses.double() - found.own.double()).mean())
    assert float(found.loss) == pytest.approx(mean, rel=1e-9)
    assert mean > 0
    for weights, losses in ((worst.weights, found.losses), (ball.origin, found.own)):
        again = cross_entropy(subject.at(weights).logits(worst.images), subject.labels)
        assert float((again - losses).max()) <= 1e-4
    at_worst = cross_entropy(subject.at(worst.weights).logits(worst.images), subject.labels)
    torch.testing.assert_close(at_worst, found.losses, rtol=1e-4, atol=1e-5)
