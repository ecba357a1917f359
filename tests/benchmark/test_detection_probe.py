"""The detection probe: what it counts, at which rates, and when it is left out."""

import json
from typing import Any

import pytest
import torch
from torch import nn

from benchmark import evaluate, load_battery
from benchmark.batteries import Battery
from benchmark.datasets import load_dataset
from benchmark.detection import rejected
from benchmark.detection.defence import Examined
from benchmark.probes.detection import DetectionProbe, DetectionSettings
from benchmark.probes.detection.attacked import Attacked
from benchmark.probes.detection.pictures import ROC, ROC_LINF
from benchmark.probes.detection.specs import AREAS, SCORES
from benchmark.probes.detection.tallies import MAGNET, WITH_MI, detection_scores, shares_detected
from models_zoo.errors import InputError

TABLE: dict[str, Any] = {
    "eps": 0.2,
    "dataset": "digits",
    "train_images": 400,
    "validation_images": 500,
    "epochs": 40,
    "components": 5,
    "likelihood_temperature": 8,
    "confidences": [0, 2],
    "steps": 15,
    "searches": 2,
    "attacked": 12,
    "adaptive_steps": 15,
}
N = 30


def battery(**changes: Any) -> Battery:
    return Battery.model_validate(
        {
            "name": "detection-test-v1",
            "dataset": "digits",
            "description": "Detection with little effort.",
            "default": ("detection",),
            "probes": {"detection": TABLE | changes},
        }
    )


@pytest.fixture(scope="module")
def asked(zoo, digits):
    """The result on a model without robustness."""
    some = digits.head(N)
    report = evaluate(zoo("digits/cnn-standard"), some.images, some.labels, battery(), seed=0)
    return report.results["detection"]


def test_every_score_is_there_with_its_number_of_examples(asked):
    assert set(asked.scores) == set(SCORES)
    correct = asked.protocol["correctly classified"]
    attacked = asked.protocol["attacked by C&W, EAD and adaptively"]
    assert 0 < attacked <= 12 <= correct <= N
    successful = asked.protocol["successful"]
    assert asked.scores["linf_detection"].n == successful["linf 0.2"] <= correct
    assert asked.scores["adaptive_success"].n == attacked
    assert asked.scores["magnet_detection"].n == asked.scores["mi_gain"].n <= attacked
    assert asked.scores["false_positive_rate"].n == N
    for name, score in asked.scores.items():
        assert score.low <= score.value <= score.high, name


def test_areas_have_intervals_over_the_examples_that_were_attacked(asked):
    areas = [score for name, score in asked.scores.items() if name.startswith("auroc_")]
    assert len(areas) == len(AREAS)
    bars = {each.series: each for each in asked.bars}
    assert asked.scores["linf_auroc"].n == asked.scores["linf_detection"].n
    assert {score.n for score in areas} == {asked.scores["magnet_detection"].n}
    for score in [asked.scores["linf_auroc"], *areas, *bars["EAD"].y]:
        assert 0 <= score.low < score.high <= 1
        assert score.high - score.low < 0.8


def test_both_systems_have_the_same_rate_on_validation_images(asked):
    rates = asked.protocol["total false-positive rate on validation images"]
    assert set(rates) == {MAGNET, WITH_MI}
    assert all(0.006 <= rate <= 0.01 for rate in rates.values())
    thresholds = asked.protocol["thresholds"]
    assert set(thresholds[WITH_MI]) - set(thresholds[MAGNET]) == {"MI"}
    for name, limit in thresholds[MAGNET].items():
        assert thresholds[WITH_MI][name] >= limit  # one more detector costs the others


def test_an_adversary_that_knows_the_defence_is_never_weaker(asked):
    for prefix in ("", "magnet_"):
        oblivious = asked.scores[f"{prefix}oblivious_success"].value
        assert asked.scores[f"{prefix}adaptive_success"].value >= oblivious
    assert asked.scores["adaptive_success"].value > asked.scores["oblivious_success"].value


def test_clean_accuracy_counts_rejected_images_as_wrong(asked):
    right = asked.outcomes["defended"]
    assert asked.scores["clean_accuracy"].value == right.mean()
    assert asked.scores["clean_accuracy"].value <= 1 - asked.scores["false_positive_rate"].value


def test_the_protocol_says_what_the_defence_was_trained_on(asked):
    assert asked.protocol["training images"] == 400
    assert asked.protocol["validation images"] == 500
    assert asked.protocol["training images that are evaluated and left out"] == 0
    assert len(asked.protocol["training data SHA-256"]) == 64


def test_pictures_show_curves_by_detector_and_over_confidences(asked):
    by_picture: dict[str, list] = {}
    for curve in asked.curves:
        by_picture.setdefault(curve.picture, []).append(curve)
    assert [c.series for c in by_picture["detection_over_confidence"]] == [
        "C&W, MagNet",
        "C&W, MagNet + MI",
        "EAD, MagNet",
        "EAD, MagNet + MI",
    ]
    for name in (ROC, ROC_LINF):
        assert {curve.series for curve in by_picture[name]} == set(AREAS)
        for curve in by_picture[name]:
            shares = [score.value for score in curve.y]
            assert shares == sorted(shares)
            assert shares[-1] == 1
    assert {each.picture for each in asked.thumbnails} <= {"detected", "missed"}
    assert asked.thumbnails
    assert {bars.series for bars in asked.bars} == {"linf 0.2", "C&W", "EAD"}


def test_training_images_that_are_evaluated_are_left_out_of_the_training(zoo):
    some = load_dataset("digits", "train").head(8)
    result = evaluate(
        zoo("digits/mlp-standard"), some.images, some.labels, battery(attacked=2, steps=2)
    ).results["detection"]
    assert result.protocol["training images that are evaluated and left out"] == 8


def test_a_model_of_other_images_is_left_out_in_a_line():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    images, labels = torch.rand(6, 3, 4, 4), torch.arange(6) % 3
    table = battery().model_dump() | {"dataset": "made-up"}
    table["probes"] = {"clean": {}} | table["probes"]
    with_clean = Battery.model_validate(table | {"default": ("clean", "detection")})
    result = evaluate(model, images, labels, with_clean).results["detection"]
    assert result.left_out is not None
    assert "'digits', whose images have shape (1, 8, 8)" in result.left_out
    assert "\n" not in result.left_out


def test_a_model_that_no_attack_misleads_has_no_numbers_that_are_undefined(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    for each in model.parameters():
        nn.init.zeros_(each)  # it calls everything 0
    zero = digits.labels == 0
    table = battery(attacked=2, steps=2, epochs=1, temperatures=[1, 10])
    report = evaluate(model, digits.images[zero][:4], digits.labels[zero][:4], table)
    result = report.results["detection"]
    protocol: dict[str, Any] = result.protocol
    assert "NaN" not in json.dumps(protocol)
    assert "Infinity" not in json.dumps(protocol)
    assert set(protocol["successful"].values()) == {0}
    assert protocol["thresholds"]["MagNet"]["JSD T=10"] == "none"
    assert "magnet_detection" not in result.scores
    assert result.scores["adaptive_success"].value == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation_images": 400}, "at least 500 images"),
        ({"dataset": "movies"}, "unknown data set of images 'movies'"),
        ({"confidences": [5, 0]}, "confidences must ascend"),
        ({"confidences": [float("inf")]}, "finite"),
        ({"temperatures": [10, 10]}, "temperatures must differ"),
        ({"effort": "none"}, "none"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises((InputError, ValueError), match=message):
        DetectionSettings.model_validate(TABLE | changes)


def test_the_batteries_name_their_own_data_and_leave_the_test_split_alone():
    for name in ("digits-detection-v1", "mnist-detection-v1"):
        chosen = load_battery(name)
        settings = chosen.probes["detection"]
        assert isinstance(settings, DetectionSettings)
        assert settings.dataset == chosen.dataset
        assert chosen.default == ("clean", "detection")
        assert DetectionProbe(settings).headline_threats[0].eps == settings.eps


def made_up(suspicious, succeeded):
    scores = {"d": torch.tensor(suspicious), "MI": torch.zeros(len(suspicious))}
    count = len(suspicious)
    zeros = torch.zeros(count, dtype=torch.int64)
    images = torch.zeros(count, 1, 1, 1)
    hit = torch.tensor(succeeded)
    return Attacked("a", 0.0, zeros, images, hit, zeros.double(), Examined(scores, zeros, zeros))


def test_shares_are_of_an_example_s_successful_images_alone():
    attacks = [
        made_up([2.0, 0.0, 2.0], [True, True, False]),
        made_up([2.0, 2.0, 2.0], [True, False, False]),
    ]
    assert shares_detected(attacks, {"d": 1.0}).tolist() == [1.0, 0.0]
    scores = detection_scores(attacks, {MAGNET: {"d": 3.0}, WITH_MI: {"d": 1.0}})
    assert scores["magnet_detection"].value == 0
    assert scores["mi_gain"].value == scores["mi_detection"].value == 0.5
    assert rejected(attacks[0].scores, {"d": 1.0}).tolist() == [True, False]
