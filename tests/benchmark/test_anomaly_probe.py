"""The anomaly probe: what it measures of a training method, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from benchmark import evaluate
from benchmark.anomaly import METHODS as TRAINED_BY
from benchmark.anomaly.shallow import Fitted, Shallow
from benchmark.batteries import Battery, battery_for, battery_for_methods, load_battery
from benchmark.datasets import load_dataset
from benchmark.planning.cost_model import estimate
from benchmark.probes.anomaly import AnomalyProbe, AnomalySettings
from benchmark.probes.anomaly.course import Course, epochs_shown
from benchmark.session import session_of
from benchmark.subject import subject_of
from models_zoo import describe_model, list_models, load_model
from models_zoo.errors import InputError
from models_zoo.methods import METHODS, list_methods
from models_zoo.training_method import TrainingMethod

SMALL = {
    "pairs": [[0, 2], [1, 7]],
    "contaminations": [0.0, 0.1],
    "collapse_at": 0.1,
    "seeds": 2,
    "normals": 40,
    "hidden": 16,
    "epochs": 12,
    "early_epochs": 4,
}


def small(**changes):
    return Battery.model_validate(
        {
            "name": "methods-v1",
            "dataset": "digits",
            "description": "Little effort.",
            "default": ("anomaly",),
            "probes": {"anomaly": SMALL | changes},
        }
    )


@pytest.fixture(scope="module")
def results(digits):
    names = ("anomaly-ae", "anomaly-aae-rejecting", "anomaly-iforest")
    return {
        name: evaluate(load_model(f"digits/{name}"), digits.images, digits.labels, small()).results[
            "anomaly"
        ]
        for name in names
    }


def test_scores_have_intervals_over_classes_and_seeds(results):
    for result in results.values():
        assert {score.n for score in result.scores.values()} == {4}
        for name, score in result.scores.items():
            assert -1 <= score.value <= 1, name
            assert score.low <= score.value <= score.high
    assert {"auroc_likelihood", "candidate_recall"} <= results[
        "anomaly-aae-rejecting"
    ].scores.keys()
    assert not {"auroc_likelihood", "candidate_recall"} & results["anomaly-ae"].scores.keys()
    assert "collapse" not in results["anomaly-iforest"].scores
    assert results["anomaly-iforest"].scores["balanced_accuracy"].value > 0.8
    scores = results["anomaly-ae"].scores
    assert list(scores) == [name for name in AnomalyProbe.scores if name in scores]


def test_the_score_is_the_mean_of_the_runs_that_are_shown(results):
    for result in results.values():
        runs = next(each for each in result.bars if each.series == "10%")
        assert runs.names[:2] == ["0 with 2, seed 0", "0 with 2, seed 1"]
        mean = sum(score.value for score in runs.y) / len(runs.y)
        assert result.scores["balanced_accuracy"].value == pytest.approx(mean)


def test_the_course_of_training_is_shown_with_the_errors_of_outliers(results):
    pictures = {(curve.picture, curve.series): curve for curve in results["anomaly-ae"].curves}
    outliers = pictures["anomaly_errors", "training set, outliers"]
    normal = pictures["anomaly_errors", "training set, normal examples"]
    assert outliers.x == normal.x == [float(each) for each in epochs_shown(12)]
    assert outliers.y[0].value > outliers.y[-1].value
    assert outliers.y[-1].value > normal.y[-1].value
    assert ("anomaly_epochs", "0% outliers") in pictures
    pairs = [pictures["anomaly_epochs_by_class", name].y[-1] for name in ("0 with 2", "1 with 7")]
    assert {score.n for score in pairs} == {2}
    whole = pictures["anomaly_epochs", "10% outliers"].y[-1].value
    assert whole == pytest.approx(sum(score.value for score in pairs) / 2)
    assert not any(c.picture == "anomaly_epochs" for c in results["anomaly-iforest"].curves)


def test_examples_are_of_the_classes_that_their_captions_name(results):
    for result in results.values():
        for each in result.thumbnails:
            kind, _, rest = each.caption.partition(": ")
            assert rest == f"{0 if kind == 'false alarm' else 2}, normal is 0"
            assert each.shape == (1, 8, 8)


def test_the_protocol_says_what_was_trained_on(results, digits):
    protocol = results["anomaly-aae-rejecting"].protocol
    training = load_dataset("digits", "train")
    assert training.sha256[:12] in str(protocol["training data"])
    assert protocol["outliers"] == {"0%": 0, "10%": 5}
    assert len(protocol["candidates after each round, mean over runs"]["10%"]) == 10


def test_equal_seeds_give_equal_scores_and_others_give_others(results, digits):
    model = load_model("digits/anomaly-ae")
    again = evaluate(model, digits.images, digits.labels, small()).results["anomaly"]
    other = evaluate(model, digits.images, digits.labels, small(), seed=1).results["anomaly"]
    assert again == results["anomaly-ae"]
    assert other != again


def test_passes_are_those_that_were_expected(digits):
    method = load_model("digits/anomaly-aae")
    steps: list[Any] = []
    with session_of(method, digits.images, digits.labels, small()) as session:
        result = session.run("anomaly", on_step=steps.append)
    expected = estimate(method, digits.images, digits.labels, small())["anomaly"]
    assert result.cost.forwards == result.cost.backwards == expected.forwards
    assert expected.seconds > 0
    assert steps[-1].share == 1


def test_what_is_done_once_is_not_estimated_as_done_in_every_epoch(digits):
    method = load_model("digits/anomaly-aae-rejecting")
    times = iter([0.0, 10.0])  # the rounds of rejection, beside the steps of a single epoch
    found = estimate(method, digits.images, digits.labels, small(), clock=lambda: next(times))
    assert 20 < found["anomaly"].seconds < 25  # two training sets, one of them larger


class SlowToScore(Shallow):
    """Takes 100 seconds to fit for the first time and 2 afterwards, and 0.5 to score an image."""

    now, fitted = 0.0, 0

    def fit_one(self, images, generator):
        cls = SlowToScore
        cls.now += 2 if cls.fitted else 100
        cls.fitted += 1
        return Fitted(self.score)

    def score(self, images):
        SlowToScore.now += 0.5 * len(images)
        return images.mean(1)


def test_the_expected_time_of_a_method_without_epochs_is_that_of_its_scores_too(
    digits, monkeypatch
):
    monkeypatch.setitem(TRAINED_BY, "anomaly-iforest", SlowToScore)
    probe = AnomalyProbe(AnomalySettings.model_validate(SMALL))
    with subject_of(load_model("digits/anomaly-iforest"), digits.images, digits.labels) as subject:
        expected = probe.expected_seconds(subject, lambda: SlowToScore.now)
    one_run = 2 + 0.5 * len(digits.images)
    assert expected == pytest.approx(4 * one_run * (36 + 36 + 4) / 36, rel=0.02)


def test_the_best_epoch_is_that_of_the_mean_over_runs():
    course = Course(None, None, None, [1, 2, 3])  # type: ignore[arg-type]
    assert course.collapse is None
    course.balanced = [
        torch.tensor(each).double().numpy() for each in ([0.9, 0.5], [0.8, 0.8], [0.6, 0.7])
    ]
    assert course.collapse == pytest.approx([0.2, 0.1])


def test_methods_are_no_models_and_patterns_leave_them_out():
    assert not set(list_models()) & set(list_methods())
    assert len(list_methods("digits/*")) == len(METHODS)
    assert battery_for("digits").name == "digits-v1"
    assert battery_for_methods("digits") == load_battery("digits-anomaly-v1")
    assert battery_for_methods("cifar10") is None
    prints = {TrainingMethod(describe_model(name)).fingerprint for name in list_methods()}
    assert len(prints) == len(list_methods())


def test_the_fingerprint_changes_with_a_setting():
    card = describe_model("digits/anomaly-ae")
    assert card.training is not None
    training = card.training.model_copy(update={"settings": {"latent": 3, "version": 1}})
    other = card.model_copy(update={"training": training})
    assert TrainingMethod(card).fingerprint != TrainingMethod(other).fingerprint
    assert TrainingMethod(card).fingerprint == load_model("digits/anomaly-ae").fingerprint


def test_models_and_methods_are_refused_where_the_other_is_meant(digits):
    method, model = load_model("digits/anomaly-ae"), load_model("digits/mlp-standard")
    given = digits.images, digits.labels
    with pytest.raises(
        InputError, match=r"is a training method, and probe 'clean' .* takes trained"
    ):
        evaluate(method, *given, load_battery("digits-v1"))
    with pytest.raises(InputError, match="takes training methods and not trained models; name a m"):
        evaluate(model, *given, small())
    with pytest.raises(InputError, match="takes training methods and not trained models"):
        evaluate(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), *given, small())
    with pytest.raises(InputError, match="which has no logits"):
        method(digits.images)
    with pytest.raises(InputError, match="is for digits, model 'mnist/anomaly-ae' for mnist"):
        evaluate(load_model("mnist/anomaly-ae"), *given, small())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"normals": 1000}, "fewer than 1000 examples of class 0"),
        ({"pairs": [[0, 12]]}, "fewer than 5 examples of class 12"),
    ],
)
def test_what_the_data_lack_is_said_before_anything_is_trained(digits, changes, reason):
    with pytest.raises(InputError, match=reason):
        evaluate(load_model("digits/anomaly-ae"), digits.images, digits.labels, small(**changes))


def test_without_further_classes_there_are_no_unobserved_anomalies(digits):
    chosen = (digits.labels == 0) | (digits.labels == 2)
    result = evaluate(
        load_model("digits/anomaly-iforest"),
        *(digits.images[chosen], digits.labels[chosen], small(pairs=[[0, 2]])),
    ).results["anomaly"]
    assert "balanced_accuracy_unobserved" not in result.scores
    assert all(math.isfinite(score.value) for score in result.scores.values())
    assert all(math.isfinite(each.value) for curve in result.curves for each in curve.y)


def test_no_evaluated_image_is_trained_on():
    training = load_dataset("digits", "train")
    method = load_model("digits/anomaly-iforest")
    rows = [(training.labels == label).nonzero().flatten()[:70] for label in range(4)]
    few, some = (torch.cat([each[:count] for each in rows]) for count in (2, 70))
    settings = small(pairs=[[0, 2]], seeds=1)
    protocol = (
        evaluate(method, training.images[few], training.labels[few], settings)
        .results["anomaly"]
        .protocol
    )
    assert f"{len(training) - len(few):,} images" in str(protocol["training data"])
    with pytest.raises(InputError, match="fewer than 60 examples of class 0"):
        evaluate(
            method,
            *(training.images[some], training.labels[some]),
            small(pairs=[[0, 2]], normals=60),
        )
    with pytest.raises(InputError, match="all training images of 'digits' are evaluated"):
        evaluate(method, training.images, training.labels, settings)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contaminations": [0.05, 0.1]}, "ascend from 0"),
        ({"collapse_at": 0.2}, "collapse_at = 0.2 is not one of"),
        ({"pairs": [[0, 0]]}, "two different classes"),
        ({"pairs": [[0, 1], [0, 1]]}, "pairs must differ"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        AnomalySettings.model_validate(SMALL | changes)


def test_a_score_of_one_run_has_no_interval(results):
    runs = results["anomaly-ae"].bars[0].y
    assert all(score.n == 1 and math.isinf(score.low) for score in runs)


def test_a_unit_that_is_interrupted_resumes_and_leaves_no_file(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("NONSINGULAR_CACHE", str(tmp_path))
    monkeypatch.setattr("benchmark.anomaly.unfinished.EVERY_SECONDS", 0)
    method = load_model("digits/anomaly-ae")

    see, seen = Course.see, []

    def watched(course, epoch, detector):
        seen.append(epoch)
        if len(seen) == 20:
            raise KeyboardInterrupt  # after the 6th epoch of the second of two training sets
        see(course, epoch, detector)

    monkeypatch.setattr(Course, "see", watched)
    first = session_of(method, digits.images, digits.labels, small())
    with pytest.raises(KeyboardInterrupt), first as interrupted:
        interrupted.run("anomaly")
    assert len(list(tmp_path.rglob("*.pt"))) == 2
    with session_of(method, digits.images, digits.labels, small()) as session:
        result = session.run("anomaly")
    assert seen[19:] == [6, 6, 7, 8, 9, 10, 11, 12]
    assert not list(tmp_path.rglob("*.pt"))
    whole = evaluate(method, digits.images, digits.labels, small()).results["anomaly"]
    assert result.scores == whole.scores
    assert result.curves == whole.curves
    assert result.cost.forwards == whole.cost.forwards
