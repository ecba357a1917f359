"""Detectors of adversarial images, their thresholds, and the attacks with a confidence."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.attacks.confident import (
    CarliniWagner,
    ElasticNet,
    SearchEffort,
    confident_attack,
)
from benchmark.attacks.confident.elastic_net import shrunk
from benchmark.datasets import load_dataset
from benchmark.detection import (
    Detectors,
    Training,
    clean_images,
    combined,
    defence_violation,
    rate_at,
    rejected,
    total_rate_thresholds,
    trained_generators,
)
from benchmark.detection.class_models import PPCA
from benchmark.detection.defence import MI, MI_VAE
from benchmark.detection.divergence import jensen_shannon, uncertainty
from benchmark.detection.mutual_information import by_label, by_reconstruction
from benchmark.probes.detection.attacked import Adaptive, Attacked
from benchmark.probes.detection.settings import DetectionSettings
from benchmark.statistics import auroc
from benchmark.subject import Subject
from models_zoo.errors import InputError

FEW = Training(epochs=2, components=5)


def random_logits(count=8, classes=10, scale=5.0, seed=0):
    return scale * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def defended(zoo, digits):
    """A model of digits with 24 test images, behind a defence that was trained for moments."""
    some = digits.head(24)
    subject = Subject(zoo("digits/mlp-standard").eval(), some.images, some.labels)
    clean = clean_images(subject, "digits", 400, 500)
    generators = trained_generators(clean, 10, FEW, 0, subject.generator)
    return Detectors(subject, generators, (10.0, 40.0), 8.0), clean


@pytest.mark.parametrize("temperature", [1.0, 10.0, 40.0])
def test_the_divergence_of_a_prediction_from_itself_is_zero(temperature):
    logits = random_logits(scale=100.0)
    assert jensen_shannon(logits, logits, temperature).abs().max() < 1e-12


def test_the_divergence_of_disjoint_predictions_is_ln_2():
    first, second = torch.full((2, 10), -1e4), torch.full((2, 10), -1e4)
    first[:, 0], second[:, 1] = 1e4, 1e4
    found = jensen_shannon(first, second)
    assert found.tolist() == pytest.approx([math.log(2)] * 2)
    assert (jensen_shannon(random_logits(), random_logits(seed=1)) < math.log(2)).all()


def test_a_temperature_divides_logits_not_probabilities():
    logits, other = random_logits(), random_logits(seed=1)
    assert torch.allclose(
        jensen_shannon(logits, other, 10.0), jensen_shannon(logits / 10, other / 10)
    )


def test_uncertainty_orders_predictions_whose_probability_rounds_to_1():
    logits = torch.tensor([[50.0, 0.0], [60.0, 0.0], [1.0, 0.0]])
    odds = ((1 - logits[2].softmax(0)[0]) / logits[2].softmax(0)[0]).log()
    assert uncertainty(logits)[2].item() == pytest.approx(odds.item())
    assert (logits[:2].softmax(1).amax(1) == 1).all()
    assert uncertainty(logits).argsort().tolist() == [1, 0, 2]


def test_information_about_a_class_is_at_most_the_logarithm_of_their_number():
    for scale in (0.1, 10.0, 1e4):
        likelihood = random_logits(scale=scale).double()
        for predicted in range(10):
            found = by_label(likelihood, torch.full((8,), predicted))
            assert (found <= math.log(10) + 1e-9).all()
    most = by_label(torch.tensor([[0.0, -1e5, -1e5]]), torch.tensor([0]))
    assert most.item() == pytest.approx(math.log(3))


def test_an_output_without_a_class_has_the_least_information():
    likelihood = random_logits(1).double()
    least = min(by_label(likelihood, torch.tensor([label])).item() for label in range(10))
    assert by_label(likelihood, torch.tensor([-1])).item() == least


def test_information_of_a_reconstruction_is_that_of_the_densities():
    images, mixture = torch.rand(3, 1, 2, 2), torch.rand(5, 1, 2, 2)
    reconstructed, variance = torch.rand(3, 1, 2, 2), 0.05

    def density(centers):
        squares = (images[:, None] - centers).flatten(2).double().square().sum(2)
        return (-squares / (2 * variance)).exp()

    expected = (density(reconstructed[:, None]).squeeze(1) / density(mixture[None]).mean(1)).log()
    assert torch.allclose(by_reconstruction(images, reconstructed, mixture, variance), expected)


def test_ppca_is_the_gaussian_with_its_covariance():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(60, 1, 3, 3, generator=generator)
    labels = torch.arange(60) % 2
    found = PPCA(images, labels, 2, 4).log_likelihood(images[:5])
    for label in range(2):
        own = images[labels == label].flatten(1).double()
        mean = own.mean(0)
        values, vectors = torch.linalg.eigh((own - mean).T @ (own - mean) / len(own))
        values[:5] = values[:5].mean()
        normal = torch.distributions.MultivariateNormal(mean, vectors @ values.diag() @ vectors.T)
        expected = normal.log_prob(images[:5].flatten(1).double())
        assert torch.allclose(found[:, label], expected, atol=1e-6)


@pytest.mark.parametrize("detectors", [1, 2, 5])
def test_at_most_the_total_rate_of_validation_images_is_rejected(detectors):
    generator = torch.Generator().manual_seed(detectors)
    scores = {f"d{number}": torch.randn(1000, generator=generator) for number in range(detectors)}
    thresholds = total_rate_thresholds(scores, 0.01)
    share = rejected(scores, thresholds).double().mean().item()
    assert 0.01 - 0.001 * (detectors - 1) <= share <= 0.01
    # New images of the same kind are rejected about as often.
    fresh = {name: torch.randn(200_000, generator=generator) for name in scores}
    assert rejected(fresh, thresholds).double().mean().item() == pytest.approx(0.01, abs=0.008)


def test_one_detector_has_magnet_s_threshold():
    scores = torch.randn(500, generator=torch.Generator().manual_seed(0))
    limit = total_rate_thresholds({"d": scores}, 0.01)["d"]
    assert limit == scores.sort().values[-5].item()


@pytest.mark.parametrize(("images", "detectors", "needed"), [(99, 1, 100), (400, 5, 500)])
def test_a_rate_of_less_than_one_image_per_detector_is_refused(images, detectors, needed):
    scores = {str(number): torch.arange(images).double() for number in range(detectors)}
    with pytest.raises(InputError, match=rf"{images} validation images.*at least {needed} images"):
        total_rate_thresholds(scores, 0.01)


@pytest.mark.parametrize("undefined", [math.nan, math.inf])
def test_a_rate_that_undefined_scores_exceed_whatever_the_thresholds_is_refused(undefined):
    scores = {"a": torch.arange(500.0), "b": torch.arange(500.0)}
    scores["b"][:3] = undefined
    thresholds = total_rate_thresholds(scores, 0.01)
    assert rejected(scores, thresholds).sum() <= 5
    scores["b"][:6] = undefined
    with pytest.raises(InputError, match=r"6 of 500 .* not finite, most of detector 'b'.*allows 5"):
        total_rate_thresholds(scores, 0.01)


def test_a_score_that_is_not_a_number_is_rejected():
    assert rejected({"d": torch.tensor([0.0, math.nan, 2.0])}, {"d": 1.0}).tolist() == [0, 1, 1]


def test_combined_scores_order_images_by_their_most_suspicious_detector():
    validation = {"a": torch.arange(100).double(), "b": torch.arange(100).double() / 1000}
    scores = {"a": torch.tensor([10.0, 10.0, 300.0]), "b": torch.tensor([0.001, 0.0985, 0.001])}
    found = combined(scores, validation)
    assert found[0] < found[1] < 1 < found[2]


def test_the_area_under_the_roc_curve_counts_ties_half():
    assert auroc([3, 4], [1, 2]) == 1
    assert auroc([1, 2], [1, 2]) == 0.5
    assert auroc([1], [1, 1, 2]) == pytest.approx(1 / 3)
    assert math.isnan(auroc([], [1]))


def test_detection_at_a_rate_rejects_no_larger_share_of_the_negatives():
    rng = np.random.default_rng(0)
    negative, positive = rng.normal(size=1000), rng.normal(2, 1, size=500)
    for rate, hits in zip(
        (0, 0.01, 0.1, 1), rate_at(positive, negative, (0, 0.01, 0.1, 1)), strict=True
    ):
        limit = positive[hits].min() if hits.any() else np.inf
        assert (negative >= limit).mean() <= rate
        assert (negative >= positive[~hits].max(initial=-np.inf)).mean() >= rate
    assert hits.all()


class Half(nn.Module):
    """Two classes with a plane between them."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([[3.0, -1.0, 2.0, 1.0]]))

    def forward(self, images):
        value = images.flatten(1) @ self.slope.T - 2.4
        return torch.cat([-value, value], 1) / 2


@pytest.fixture
def half():
    images = torch.tensor([[0.4, 0.5, 0.5, 0.5], [0.3, 0.4, 0.4, 0.4]]).view(2, 1, 2, 2)
    model = Half().eval()
    return Subject(model, images, model(images).argmax(1))


def projected_gradient(subject, steps=3000):
    """The nearest images beyond the plane, by plain projected gradient steps on the distance."""
    slope = subject.model.slope.detach().flatten()
    sign = 1 - 2 * subject.labels.double()  # towards the other class
    images = centers = subject.images.flatten(1)
    for _ in range(steps):
        images = images - 0.05 * 2 * (images - centers)
        short = (-(images @ slope - 2.4) * sign).clamp_min(0)
        images = (images + (short * sign / slope.square().sum())[:, None].float() * slope).clamp(
            0, 1
        )
    return (images - centers).norm(dim=1)


@pytest.mark.parametrize("minimizer", [ElasticNet(beta=0, step=0.05), CarliniWagner(0.1)])
def test_without_an_l1_length_the_attack_matches_projected_gradient(half, minimizer):
    found = confident_attack(half, minimizer, 0.0, SearchEffort(100, 9, 0.1))
    assert found.succeeded.all()
    assert found.l2.tolist() == pytest.approx(projected_gradient(half).tolist(), rel=0.05)


def test_an_l1_length_makes_the_perturbation_sparser(half):
    effort = SearchEffort(60, 6)
    dense, sparse = (
        confident_attack(half, ElasticNet(beta=beta), 0.0, effort) for beta in (0.0, 0.02)
    )
    moved = [(found.images - half.images).abs() > 1e-6 for found in (dense, sparse)]
    assert moved[1].sum() < moved[0].sum()
    assert (sparse.l2 >= dense.l2 - 1e-4).all()


def test_shrinkage_returns_small_moves_to_the_image_and_stays_in_the_box():
    centers = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.9, 0.1])
    moved = torch.tensor([0.55, 0.7, 0.3, 0.5, 1.5, -0.5])
    expected = torch.tensor([0.5, 0.6, 0.4, 0.5, 1.0, 0.0])
    assert torch.allclose(shrunk(moved, centers, 0.1), expected)
    assert torch.equal(shrunk(moved.clamp(0, 1), centers, 0.0), moved.clamp(0, 1))


@pytest.mark.parametrize("minimizer", [CarliniWagner(), ElasticNet()])
def test_a_larger_confidence_is_reached_and_never_lowers_the_mean_length(zoo, digits, minimizer):
    some = digits.head(12)
    subject = Subject(zoo("digits/mlp-standard").eval(), some.images, some.labels)
    lengths = []
    for confidence in (0.0, 2.0, 5.0):
        found = confident_attack(subject, minimizer, confidence, SearchEffort(40, 3))
        assert found.succeeded.all()
        assert 0 <= found.images.min() <= found.images.max() <= 1
        logits = subject.logits(found.images)
        own = logits.gather(1, subject.labels[:, None]).squeeze(1)
        others = logits.scatter(1, subject.labels[:, None], -torch.inf).amax(1)
        assert (others - own >= confidence - 1e-4).all()
        lengths.append(found.l2.mean().item())
    assert lengths == sorted(lengths)


def test_what_is_not_found_is_the_clean_image_and_no_success(zoo, digits):
    some = digits.head(4)
    subject = Subject(zoo("digits/mlp-standard").eval(), some.images, some.labels)
    found = confident_attack(subject, CarliniWagner(), 1e6, SearchEffort(3, 1))
    assert not found.succeeded.any()
    assert torch.equal(found.images, some.images)
    assert found.l2.isnan().all()


def test_no_evaluated_image_trains_a_defence(zoo):
    some = load_dataset("digits", "train").head(300)
    subject = Subject(zoo("digits/mlp-standard").eval(), some.images, some.labels)
    clean = clean_images(subject, "digits", 300, 500)
    evaluated = {image.numpy().tobytes() for image in some.images}
    used = torch.cat([clean.images, clean.validation])
    assert not evaluated & {image.numpy().tobytes() for image in used}
    assert clean.left_out == len(evaluated) or clean.left_out >= 300
    assert not {each.numpy().tobytes() for each in clean.images} & {
        each.numpy().tobytes() for each in clean.validation
    }
    with pytest.raises(InputError, match=r"needs 900 training and 500 validation images"):
        clean_images(subject, "digits", 900, 500)


@pytest.mark.parametrize("count", [12, 25])
def test_training_images_without_a_class_are_refused(zoo, digits, count):
    some = digits.head(2)
    subject = Subject(zoo("digits/mlp-standard").eval(), some.images, some.labels)
    with pytest.raises(InputError, match=rf"its {count} images of 'digits' have [01] of class"):
        clean_images(subject, "digits", count, 500)


def test_training_images_of_another_shape_are_refused(zoo):
    wide = Subject(nn.Flatten(), torch.rand(2, 1, 2, 5), torch.tensor([0, 1]))
    with pytest.raises(InputError, match=r"have shape \(1, 8, 8\) .* takes \(1, 2, 5\) and has 10"):
        clean_images(wide, "digits", 10, 10)


def test_generators_are_trained_once_for_the_same_images_and_seed(defended):
    detectors, clean = defended
    subject = detectors.subject
    again = trained_generators(clean, 10, FEW, 0, subject.generator)
    assert again is detectors.generators


def test_the_seed_alone_decides_what_is_learnt(defended):
    detectors, clean = defended
    other = Training(epochs=2, components=6)
    torch.manual_seed(99)
    found = trained_generators(clean, 10, other, 0, detectors.subject.generator)
    images = clean.images[:4]
    assert torch.equal(found.first(images), detectors.generators.first(images))
    assert torch.equal(found.second(images), detectors.generators.second(images))


def test_the_class_of_the_mi_detector_is_predicted_before_the_reformer(defended):
    detectors, _ = defended
    images = detectors.subject.images
    examined = detectors.examine(images)
    likelihood = detectors.generators.ppca.log_likelihood(images)
    expected = -by_label(likelihood, detectors.subject.logits(images).argmax(1), 8.0)
    assert torch.allclose(examined.scores[MI], expected)
    reformed = -by_label(likelihood, examined.reformed, 8.0)
    assert (examined.reformed != examined.predicted).any()
    assert not torch.allclose(examined.scores[MI], reformed)
    assert (examined.scores[MI_VAE] >= -math.log(10) - 1e-9).all()


def test_detector_scores_are_those_of_their_definitions_in_any_batch(defended):
    detectors, _ = defended
    images = detectors.subject.images
    examined = detectors.examine(images)
    rebuilt = detectors.generators.first(images).clamp(0, 1)
    error = (images - rebuilt).square().flatten(1).mean(1).double()
    assert torch.allclose(examined.scores["reconstruction I"], error)
    logits, again = detectors.subject.logits(images), detectors.subject.logits(rebuilt)
    assert torch.allclose(examined.scores["JSD T=10"], jensen_shannon(logits, again, 10.0))
    assert torch.equal(examined.reformed, again.argmax(1))
    alone = detectors.examine(images[3:4])
    for name, scores in examined.scores.items():
        assert scores[3].item() == pytest.approx(alone.scores[name].item(), rel=1e-4, abs=1e-9), (
            name
        )


def test_an_adaptive_attack_starts_where_an_example_alone_decides(defended, monkeypatch):
    detectors, clean = defended
    subject, settings = detectors.subject, DetectionSettings(dataset="digits", eps=0.1)
    validation, begun = detectors.examine(clean.validation), []
    limits = total_rate_thresholds(validation.scores, 0.1)

    def begin(some, ball, violation, starts, steps):
        begun.append(torch.stack(starts, dim=1))
        return some.images

    monkeypatch.setattr("benchmark.probes.detection.attacked.defeat_in_ball", begin)
    half = torch.arange(23, -1, -2)
    for rows in (torch.arange(24), half):
        images, nothing = subject.images[rows], torch.zeros(len(rows), dtype=torch.bool)
        unaware = Attacked("linf", None, rows, images, nothing, nothing, detectors.examine(images))
        Adaptive(subject, unaware, detectors, validation, settings).in_ball(limits)
    assert torch.equal(begun[1], begun[0][half])
    assert (begun[0][:, 2] - subject.images).abs().amax() > 0.09


def test_the_violation_of_a_defence_is_zero_exactly_where_it_is_defeated(defended):
    detectors, clean = defended
    validation = detectors.examine(clean.validation)
    thresholds = total_rate_thresholds(
        {name: validation.scores[name] for name in detectors.with_mi}, 0.01
    )
    images = detectors.subject.images
    rows = torch.arange(len(images))
    examined = detectors.examine(images)
    for labels in (detectors.subject.labels, (examined.reformed + 1) % 10):
        violation = defence_violation(detectors, labels, thresholds, validation.scores)
        defeated = examined.passes(thresholds) & (examined.reformed != labels)
        # Images within the slack of a threshold count as rejected.
        assert ((violation(images, rows) <= 0) <= defeated).all()
    assert (violation(images, rows) <= 0).sum() >= len(images) // 2
