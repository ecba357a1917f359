"""A clean accuracy that cannot be right is a flag, and one that few images explain is none."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import evaluate
from benchmark.checks import below_card, no_better_than_chance
from benchmark.probes.clean import CleanProbe
from benchmark.probes.settings import ProbeSettings
from benchmark.subject import Subject
from models_zoo import Classifier

NAMES = ["no_better_than_chance", "accuracy_below_card"]


@pytest.mark.parametrize(
    ("right", "n", "stated", "raised"),
    [
        (0, 1, 0.95, False),
        (0, 2, 0.95, True),
        (0, 2, 0.76, False),
        (0, 3, 0.93, True),
        (8, 10, 0.95, False),
        (4, 10, 0.95, True),
        (85, 100, 0.94, False),
        (80, 100, 0.94, True),
        (936, 1000, 0.95, False),
        (900, 1000, 0.95, True),
        (9_200, 10_000, 0.95, True),
        (9_350, 10_000, 0.95, False),
        (10_000, 10_000, 0.95, False),
        (0, 50_000, 0.0, False),
        (0, 5_000, 0.6976, True),
        (5, 5, 1.0, False),
    ],
)
def test_the_flag_of_a_card_s_figure(right, n, stated, raised):
    flag = below_card(right, n, stated)
    assert flag.raised is raised
    assert flag.figure == pytest.approx(100 * (stated - right / n))
    assert f"{stated:.1%}" in flag.saw


@pytest.mark.parametrize("n", [1, 2, 5, 20, 100, 1000])
@pytest.mark.parametrize("accuracy", [0.5, 0.7, 0.9, 0.99])
def test_an_honest_model_is_flagged_less_than_once_in_a_hundred(accuracy, n):
    draws = np.random.default_rng(0).binomial(n, accuracy, 4000)
    raised = {int(right): below_card(int(right), n, accuracy).raised for right in set(draws)}
    assert np.mean([raised[int(right)] for right in draws]) < 0.01


@pytest.mark.parametrize(
    ("right", "n", "classes", "raised"),
    [
        (0, 1, 10, False),
        (0, 10, 10, False),
        (60, 600, 10, True),
        (0, 100, 10, True),
        (200, 600, 10, False),
        (300, 600, 2, True),
        (540, 600, 2, False),
        (5, 5000, 1000, False),
        (0, 5000, 1000, True),
        (3488, 5000, 1000, False),
    ],
)
def test_the_flag_of_guessing(right, n, classes, raised):
    assert no_better_than_chance(right, n, classes).raised is raised


def flags(model, images, labels):
    probe = CleanProbe(ProbeSettings())
    return {flag.name: flag.raised for flag in probe(Subject(model, images, labels)).flags}


def renormalised(model, **changes):
    return Classifier(model.network, model.card.model_copy(update=changes))


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("as it is", [False, False]),
        ("labels of the next image", [True, True]),
        ("labels shifted by a class", [True, True]),
        ("images upside down", [None, True]),
        ("a tenth of the labels wrong", [False, True]),
        ("mean of 0 to 255", [True, True]),
        ("no normalisation", [None, True]),
        ("inverted", [None, True]),
        ("only three images", [False, False]),
    ],
)
def test_what_goes_wrong_between_a_file_and_its_images_is_seen(zoo, digits, kind, raised):
    model, images, labels = zoo("digits/cnn-standard"), digits.images, digits.labels
    if kind == "labels of the next image":
        labels = labels.roll(1)
    elif kind == "labels shifted by a class":
        labels = (labels + 1) % 10
    elif kind == "images upside down":
        images = images.flip(2)
    elif kind == "a tenth of the labels wrong":
        labels = torch.cat([(labels[:60] + 1) % 10, labels[60:]])
    elif kind == "mean of 0 to 255":
        model = renormalised(model, mean=(77.9,), std=(95.9,))
    elif kind == "no normalisation":
        images, labels = images[:300], labels[:300]
        model = renormalised(model, mean=(0.0,), std=(8.0,))
    elif kind == "inverted":
        images = 1 - images
    elif kind == "only three images":
        images, labels = images[:3], labels[:3]
    found = flags(model, images, labels)
    for name, expected in zip(NAMES, raised, strict=True):
        if expected is not None:
            assert found[name] is expected, (name, kind)


def test_a_model_without_a_card_has_no_figure_to_be_held_against(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    torch.manual_seed(0)
    assert list(flags(model, digits.images, digits.labels)) == NAMES[:1]


def test_the_flag_is_in_the_report(zoo, digits):
    report = evaluate(
        zoo("digits/mlp-standard"), digits.images, digits.labels.roll(1), "digits-v1", ["clean"]
    )
    raised = [flag for flag in report.results["clean"].flags if flag.raised]
    assert [flag.name for flag in raised] == NAMES
