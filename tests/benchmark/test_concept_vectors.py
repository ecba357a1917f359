"""Concept vectors: their classifiers, subspaces, drawn images and measures."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_info, threadpool_limits
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.concepts import (
    Directions,
    fit_adversarial,
    fit_logistic,
    fit_sgd,
    loops,
    orthogonal_negatives,
    strokes,
)
from benchmark.concepts.measures import auroc, cosines, recall_at, retrieved
from benchmark.concepts.subspaces import concept_basis, other_basis
from models_zoo import InputError

PENALTY = 1e-3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def sets():
    """Activations (12, 30) of a concept and two sets of negatives (2, 12, 30) that overlap it."""
    drawn = torch.randn(36, 30, generator=generator(), dtype=torch.float64)
    shift = torch.zeros(30, dtype=torch.float64)
    shift[:5] = 1.0
    return drawn[:12] + shift, drawn[12:].reshape(2, 12, 30)


def moved_loss(found, concept, negatives, eps, *, away=False):
    """The mean loss of activations that are moved along the sign of their gradient, by autograd."""
    acts = torch.cat([concept, negatives]).requires_grad_()
    labels = (torch.arange(len(acts)) < len(concept)).double()
    weights, bias = found
    loss = binary_cross_entropy_with_logits(acts @ weights + bias, labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, acts)
    step = eps * acts.detach().std(correction=0) * gradient.sign()
    moved = acts.detach() + (-step if away else step)
    loss = binary_cross_entropy_with_logits(moved @ weights + bias, labels)
    return float(loss + PENALTY * weights.square().sum())


def test_the_subspaces_are_orthogonal_to_rounding():
    concept = torch.rand(60, 256, generator=generator(), dtype=torch.float64)
    concept[7] = concept[3] + 1e-9 * concept[5]  # dependent
    inside = concept_basis(concept)
    outside = other_basis(inside, 60, generator(1))
    assert inside.shape == (256, 59)
    assert float((inside.T @ outside).abs().max()) < 1e-12
    assert torch.allclose(outside.T @ outside, torch.eye(60, dtype=torch.float64), atol=1e-12)
    unexplained = concept - (concept @ inside) @ inside.T
    assert float(unexplained.abs().max()) < 1e-8


def test_orthogonal_negatives_have_no_part_in_the_concept_and_norms_of_it():
    concept = torch.rand(6, 40, generator=generator(), dtype=torch.float64)
    negatives = orthogonal_negatives(concept, 8, 3, generator(1))
    assert negatives.shape == (3, 6, 40)
    assert float((negatives @ concept.T).abs().max()) < 1e-12
    assert torch.linalg.matrix_rank(negatives.flatten(0, 1)) == 8
    norms, known = (torch.linalg.vector_norm(each, dim=-1) for each in (negatives, concept))
    assert float((norms.flatten()[:, None] - known).abs().min(1).values.max()) < 1e-12


def test_activations_without_room_for_the_directions_are_refused_in_a_line():
    concept = torch.rand(6, 13, generator=generator(), dtype=torch.float64)
    orthogonal_negatives(concept, 7, 1, generator())
    with pytest.raises(InputError, match="13 numbers have no 8 directions beside 6") as caught:
        orthogonal_negatives(concept, 8, 1, generator())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("eps", [None, 0.0, 1e-9])
def test_without_a_move_it_is_the_logistic_regression_of_scikit_learn(sets, eps):
    concept, negatives = sets
    found = (
        fit_logistic(concept, negatives, PENALTY)
        if eps is None
        else fit_adversarial(concept, negatives, eps, penalty=PENALTY)
    )
    classifier = LogisticRegression(C=1 / (2 * PENALTY * 24), tol=1e-9, max_iter=10000)
    for place, others in enumerate(negatives):
        classifier.fit(torch.cat([concept, others]).numpy(), np.arange(24) < 12)
        assert found.weights[place].numpy() == pytest.approx(classifier.coef_[0], abs=2e-3)
        assert float(found.biases[place]) == pytest.approx(classifier.intercept_[0], abs=2e-3)


@pytest.mark.parametrize("eps", [0.1, 0.3])
def test_the_adversarial_vector_minimizes_the_loss_of_moved_activations(sets, eps):
    concept, negatives = sets
    found = fit_adversarial(concept, negatives, eps, penalty=PENALTY)
    plain = fit_logistic(concept, negatives, PENALTY)
    for place, others in enumerate(negatives):
        best = moved_loss((found.weights[place], found.biases[place]), concept, others, eps)
        assert best < moved_loss((plain.weights[place], plain.biases[place]), concept, others, eps)
        for seed in range(20):
            near = found.weights[place] + 0.05 * torch.randn(
                30, generator=generator(seed), dtype=torch.float64
            )
            assert best < moved_loss((near, found.biases[place]), concept, others, eps) + 1e-4


def test_a_vector_is_found_with_one_thread_of_each_library(sets, monkeypatch):
    import scipy.optimize

    counts: list[int] = []
    concept, negatives = sets
    minimize = scipy.optimize.minimize

    def watched(*arguments, **options):
        counts.extend(
            each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"
        )
        return minimize(*arguments, **options)

    monkeypatch.setattr("scipy.optimize.minimize", watched)
    with threadpool_limits(2, user_api="blas"):
        fit_adversarial(concept, negatives, 0.3, penalty=PENALTY)
    assert set(counts) == {1}


def test_moves_away_from_the_boundary_lower_the_loss_for_free(sets):
    concept, negatives = sets
    towards = fit_adversarial(concept, negatives[:1], 0.3, penalty=PENALTY)
    away = fit_adversarial(concept, negatives[:1], 0.3, penalty=PENALTY, away=True)
    plain = fit_logistic(concept, negatives[:1], PENALTY)
    losses = [
        moved_loss((each.weights[0], each.biases[0]), concept, negatives[0], eps, away=flipped)
        for each, eps, flipped in ((away, 0.3, True), (plain, 0.0, False), (towards, 0.3, False))
    ]
    assert losses == sorted(losses)


@pytest.mark.parametrize(
    "fit",
    [
        lambda c, n: fit_sgd(c, n, 0),
        lambda c, n: fit_logistic(c, n, PENALTY),
        lambda c, n: fit_adversarial(c, n, 0.3, penalty=PENALTY),
    ],
)
def test_every_vector_points_to_the_concept_and_does_not_depend_on_the_other_sets(sets, fit):
    concept, negatives = sets
    found = fit(concept, negatives)
    for place, others in enumerate(negatives):
        weights, bias = found.weights[place], found.biases[place]
        assert (concept @ weights).mean() + bias > 0 > (others @ weights).mean() + bias
        alone = fit(concept, others[None])
        assert torch.allclose(alone.weights[0], weights, atol=1e-9)


def test_the_mean_of_one_vector_is_that_vector(sets):
    concept, negatives = sets
    found = fit_logistic(concept, negatives[:1], PENALTY)
    single, several = found.first(), found.averaged()
    assert torch.equal(single.weights, several.weights)
    assert torch.equal(single.biases, several.biases)
    assert float(torch.linalg.vector_norm(single.weights)) == pytest.approx(1)
    ratio = found.weights[0, 0] / single.weights[0, 0]
    assert float(found.biases[0] / single.biases[0]) == pytest.approx(float(ratio))


def test_vectors_count_alike_in_a_mean_whatever_their_norm(sets):
    concept, negatives = sets
    found = fit_logistic(concept, negatives, PENALTY)
    factors = torch.tensor([100.0, 0.01], dtype=torch.float64)
    scaled = Directions(found.weights * factors[:, None], found.biases * factors)
    assert torch.allclose(scaled.averaged().weights, found.averaged().weights)
    assert torch.allclose(scaled.averaged().biases, found.averaged().biases)


def test_loops_are_dark_inside_and_strokes_are_bright_in_their_middle():
    for draw, middle in ((loops, 0.2), (strokes, 0.8)):
        images = draw(50, (3, 28, 28), generator())
        assert images.shape == (50, 3, 28, 28)
        assert images.dtype == torch.float32
        assert 0 <= float(images.min()) <= float(images.max()) <= 1
        assert torch.equal(images[:, 0], images[:, 2])
        weights = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
        y = (weights.sum(2) * torch.arange(28)).sum(1).round().long()
        x = (weights.sum(1) * torch.arange(28)).sum(1).round().long()
        center = images[torch.arange(50), 0, y, x].mean()
        assert (center > middle) == (draw is strokes)
        assert torch.equal(images, draw(50, (3, 28, 28), generator()))
        assert not torch.equal(images, draw(50, (3, 28, 28), generator(1)))


def test_recall_at_a_rate_never_allows_more_false_positives():
    drawn = torch.randn(41, 6, generator=generator(), dtype=torch.float64).mul(2).round()
    positive, negative = drawn[:20] + 1, drawn[20:]  # with ties
    for rate in (0.01, 0.05, 0.1, 0.5):
        found = recall_at(rate, positive, negative)
        for vector in range(6):
            thresholds = [
                t
                for t in [*negative[:, vector].tolist(), -100.0]
                if (negative[:, vector] > t).double().mean() <= rate
            ]
            best = max(float((positive[:, vector] > t).double().mean()) for t in thresholds)
            assert float(found[vector]) == best


def test_a_constant_classifier_has_full_recall_at_its_own_threshold_alone():
    ones = torch.ones(10, 1, dtype=torch.float64)
    assert float(retrieved(ones)) == 1
    assert float(recall_at(0.05, ones, ones)) == 0
    assert float(auroc(ones, ones)) == 0.5


def test_auroc_is_that_of_scikit_learn():
    drawn = torch.randn(50, 4, generator=generator(), dtype=torch.float64).mul(2).round()
    labels = np.arange(50) < 20
    expected = [roc_auc_score(labels, drawn[:, vector]) for vector in range(4)]
    assert auroc(drawn[:20], drawn[20:]).tolist() == pytest.approx(expected)


def test_cosines_of_a_zero_vector_are_zero():
    found = cosines(torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64))
    assert found[0].tolist() == pytest.approx([1, 0.5**0.5, 0])
    assert found[2].tolist() == [0, 0, 0]
