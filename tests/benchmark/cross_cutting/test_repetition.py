"""The same seed gives the same numbers, however many images are passed through at once."""

import pytest
import torch
from scipy import stats

from benchmark.spaces import WeightBall, select_weights
from benchmark.statistics import mean
from benchmark.subject import Subject


def test_the_same_seed_gives_the_same_numbers(network, measure, usual, again):
    first, second = usual(measure, network), again(measure, network).answer
    assert second.harm == first.harm
    assert torch.equal(second.details, first.details)
    for name, tensor in first.weights.items():
        assert torch.equal(second.weights[name], tensor), name


@pytest.mark.parametrize("name", ["average flatness", "worst flatness"])
def test_another_seed_gives_other_numbers(network, ask, usual, name):
    assert usual(name, network).harm != ask(name, network, seed=1).harm


def test_the_number_of_images_at_once_does_not_matter(network, measure, usual):
    """Up to the order in which float32 numbers are added, which a long climb may magnify."""
    several = len(network.images) // 2 + 1  # a batch that is full, and one that is not
    small, large = measure(network, batch_size=several), usual(measure, network)
    assert several < len(network.images) <= 256, "the usual batch"
    assert small.harm == pytest.approx(large.harm, rel=0.02, abs=1e-6)
    torch.testing.assert_close(small.details, large.details, rtol=0.01, atol=1e-5)


def test_the_interval_is_that_of_independent_draws(network, measures):
    ball = WeightBall(select_weights(network.model), 10 * network.radius)
    increases = measures.average(network.subject(), 0.0, ball, draws=6)
    score = mean(increases.numpy())
    error = float(increases.std()) / 6**0.5
    assert error > 0
    assert score.high - score.low == pytest.approx(2 * stats.t.ppf(0.975, 5) * error)
    assert score.value == pytest.approx(float(increases.mean()))


def test_models_of_one_architecture_are_moved_in_the_same_directions(zoo, digits, measures, passes):
    """So that the difference between two models is not that of their draws."""
    data, directions = digits.head(8), []
    for name in ("digits/mlp-standard", "digits/mlp-pgd-at"):
        passes.clear()
        model = zoo(name)
        ball = WeightBall(select_weights(model), 0.5)
        measures.average(Subject(model, data.images, data.labels), 0.0, ball)
        moved = [weights for _, weights in passes if weights]
        assert len(moved) == 2
        directions.append(
            [
                torch.cat(
                    [((w[n] - own) / own.norm()).flatten() for n, own in ball.weights.items()]
                )
                for w in moved
            ]
        )
    for one, other in zip(*directions, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    assert not torch.allclose(directions[0][0], directions[0][1], atol=1e-3)
