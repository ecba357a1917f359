"""The concepts probe: what it compares, what stays the same over seeds, and when it applies."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.concepts import Layer, choose_layer, concept_of
from benchmark.draws import image_keys
from benchmark.probes.concepts import ConceptsProbe, ConceptsSettings
from benchmark.probes.concepts.measured import SINGLE, Measured, averaged
from benchmark.probes.concepts.specs import SCORES
from benchmark.probes.concepts.variants import LOGISTIC, Experiment, Scale, control
from benchmark.subject import Subject
from tests.benchmark.hidden_layer import hidden_layer_network

RANDOM = control(concept_of("loops"))
QUICK = {"images": 12, "directions": 12, "seeds": 3, "averaged": 2}


@pytest.fixture(scope="module")
def model():
    return hidden_layer_network()


@pytest.fixture(scope="module")
def examples(digits):
    return digits.head(150)


@pytest.fixture(scope="module")
def result(model, examples):
    subject = Subject(model, examples.images, examples.labels)
    return ConceptsProbe(ConceptsSettings(**QUICK))(subject)


def changed(model, factor):
    """The same function through a layer whose output is larger by a factor."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    network.load_state_dict(model.state_dict())
    for name in ("1.weight", "1.bias"):
        network.get_parameter(name).data *= factor
    network.get_parameter("3.weight").data /= factor
    return network.eval().requires_grad_(False)


def test_every_score_is_documented_and_every_variant_is_in_every_chart(result):
    # The classifiers of all seeds have the same recall at their own threshold here.
    assert {*result.scores, "gs_recall_spread"} == set(SCORES)
    names = {tuple(bars.names) for bars in result.bars}
    assert len(names) == 1
    assert set(*names) > {LOGISTIC, RANDOM, "A-CAV 0.1, reconstruction", "push-away 0.3, ablation"}
    assert {bars.series for bars in result.bars} == {SINGLE, "mean of 2"}
    assert len({bars.picture for bars in result.bars}) == 9
    plain = next(bars for bars in result.bars if bars.picture == "concept_recall")
    assert plain.y[plain.names.index(LOGISTIC)] == result.scores["recall_at_fpr"]


def test_scores_do_not_depend_on_the_batch_size_or_the_scale_of_the_layer(model, examples, result):
    other = Subject(changed(model, 64.0), examples.images, examples.labels, batch_size=37)
    found = ConceptsProbe(ConceptsSettings(**QUICK))(other)
    for name, score in result.scores.items():
        assert found.scores[name].value == pytest.approx(score.value, abs=1e-2), name


def test_only_the_negatives_depend_on_the_seed(model, examples):
    subject = Subject(model, examples.images, examples.labels)
    layer = choose_layer(subject, "", 24)
    first, again = (Experiment(subject, layer, ConceptsSettings(**QUICK)) for _ in range(2))
    assert torch.equal(first.images, again.images)
    found = [first.vectors(0), first.vectors(1), again.vectors(0)]
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.concept, again.concept)
    for name, vector in found[0].items():
        assert torch.equal(vector.weights, found[2][name].weights)
        assert not torch.equal(vector.weights, found[1][name].weights)
    assert len({int(key) for seed in (0, 1) for key in image_keys(first.negatives(seed))}) == 48
    root = Subject(model, examples.images, examples.labels, seed=1)
    assert not torch.equal(Experiment(root, layer, ConceptsSettings(**QUICK)).images, first.images)


def test_no_test_image_is_among_the_images_of_the_concept(model, digits):
    subject = Subject(model, digits.images, digits.labels)
    experiment = Experiment(subject, Layer("2", "ReLU", 64), ConceptsSettings(**QUICK))
    drawn = torch.cat([experiment.images, *(experiment.negatives(seed) for seed in range(3))])
    assert not set(image_keys(drawn).tolist()) & set(image_keys(digits.images).tolist())


def test_vectors_without_a_concept_find_nothing(model, examples):
    subject = Subject(model, examples.images, examples.labels)
    settings = ConceptsSettings(**QUICK | {"seeds": 30, "averaged": 1, "eps": [0]})
    found = ConceptsProbe(settings)(subject)
    by_name = {bars.picture: dict(zip(bars.names, bars.y, strict=True)) for bars in found.bars}
    tcav, recall, rate = (
        by_name[picture][RANDOM]
        for picture in (
            "sensitivity_of_the_own_logit",
            "recall_at_own_threshold",
            "false_positives_at_own_threshold",
        )
    )
    assert tcav.low < 0.5 < tcav.high
    assert abs(recall.value - rate.value) < 0.15
    assert tcav == found.scores["control_tcav"]
    auroc = found.scores["control_auroc"]
    assert auroc.low < 0.5 < auroc.high
    # With an eps of 0, A-CAV is logistic regression.
    assert found.scores["acav_gain"].value == found.scores["acav_recall_gain"].value == 0
    assert all(bars.y[0].high <= 1 for bars in found.bars if bars.picture == "agreement_of_seeds")
    single, several = (
        [each.y for each in found.bars if each.series == name] for name in (SINGLE, averaged(1))
    )
    assert single == several


def test_gains_and_ratios_are_paired_over_seeds(result):
    bars = {
        (each.picture, each.series): dict(zip(each.names, each.y, strict=True))
        for each in result.bars
    }
    recall, spread = bars["concept_recall", SINGLE], bars["spread_of_concept_recall", SINGLE]
    gain = recall["A-CAV 0.3, reconstruction"].value - recall[LOGISTIC].value
    assert result.scores["acav_gain"].value == pytest.approx(gain)
    several = bars["spread_of_concept_recall", "mean of 2"]["GS, reconstruction"].value
    assert result.scores["gs_spread"].value == pytest.approx(several / spread[LOGISTIC].value)


def test_seeds_that_all_agree_have_no_ratio():
    ones = np.ones(4)
    same = Measured(ones, ones, ones, ones, ones, np.ones((4, 4)))
    assert same.deviations()["recall_deviation"].value == 0
    assert same.deviations()["recall_deviation"].interval is None
    assert same.means()["recall"].value == 1


def test_centered_classifiers_are_returned_for_the_activations_of_the_model(model, examples):
    drawn = torch.rand(20, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 3
    scale = Scale.of(drawn, centered=True)
    assert float(scale(drawn).mean(0).abs().max()) < 1e-12
    assert float(scale(drawn).square().mean()) == pytest.approx(1)
    subject = Subject(model, examples.images, examples.labels)
    settings = ConceptsSettings(**QUICK, activations="centered")
    experiment = Experiment(subject, Layer("2", "ReLU", 64), settings)
    vectors = experiment.vectors(0)[LOGISTIC]
    raw = experiment.concept * experiment.scale.scale + experiment.scale.mean
    assert ((raw @ vectors.weights.T + vectors.biases) > 0).double().mean() > 0.9


def test_thumbnails_are_the_nearest_and_the_farthest_images(result, examples):
    rows: dict[str, list] = {}
    for image in result.thumbnails:
        rows.setdefault(image.picture, []).append(image)
    assert [len(images) for images in rows.values()] == [6, 6, 6, 6]
    captions = {image.caption for name in list(rows)[2:] for image in rows[name]}
    assert captions <= {f"class {label}" for label in (0, 6, 8, 9, 1, 7)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 40, "directions": 30}, "no layer before the last linear one has more than 70"),
        ({"lacks": (1, 11)}, "class 11 is not one of 10 classes"),
        ({"layer": "nowhere"}, "unknown layer of the model 'nowhere'"),
    ],
)
def test_what_does_not_fit_is_left_out_with_a_line(model, examples, changes, message):
    subject = Subject(model, examples.images, examples.labels)
    reason = ConceptsProbe(ConceptsSettings(**QUICK | changes)).applies(subject)
    assert reason is not None
    assert message in reason
    assert "\n" not in reason


def test_images_without_the_concept_alone_are_left_out(model, examples):
    subject = Subject(model, examples.images, torch.ones_like(examples.labels))
    reason = ConceptsProbe(ConceptsSettings(**QUICK)).applies(subject)
    assert reason == "no test image is of a class with the concept"
    assert (
        ConceptsProbe(ConceptsSettings(**QUICK)).applies(
            Subject(model, examples.images, examples.labels)
        )
        is None
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"contains": [0, 1]}, "class 1 is among contains and lacks"),
        ({"eps": [0.3, 0.1]}, "concepts.eps must ascend, got 0.3, 0.1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ConceptsSettings(**settings)


def test_undefined_activations_count_as_zero(model, examples):
    class Undefined(nn.Module):
        def forward(self, values):
            return values / values  # NaN where a unit is off

    broken = nn.Sequential(*list(model.children())[:3], Undefined(), model[3])
    subject = Subject(broken, examples.images, examples.labels)
    found = ConceptsProbe(ConceptsSettings(**QUICK))(subject)
    assert all(np.isfinite(score.value) for score in found.scores.values())
