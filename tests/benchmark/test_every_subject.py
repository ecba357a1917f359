"""Every probe on every kind of subject: it answers, or is left out with one line."""

import math

import pytest
import torch
from torch import nn

from benchmark.batteries import Battery
from benchmark.evaluation import evaluate
from benchmark.probes import PROBES
from benchmark.subject import Subject
from models_zoo import InputError
from tests.benchmark.cheap_battery import shorten_autoattack

CLASSES = (2, 3, 5, 10, 1000)
COUNTS = (1, 2, 3, 5, 20)
SHAPES = ((1, 1, 1), (1, 8, 8), (3, 8, 8), (2, 8, 8))

TABLES = {
    "clean": {},
    "checks": {"eps": 0.1, "examples": 8, "steps": 2},
    "input": {"linf": [0.1], "l2": [0.3], "headline_linf": 0.1, "headline_l2": 0.3}
    | {"effort": "quick"},
    "weight": {"radii": [0.05], "headline": 0.05, "steps": 2, "random_draws": 2, "layer_steps": 1},
    "joint": {"linf": [0.1], "radii": [0.05], "headline_linf": 0.1, "headline_radius": 0.05}
    | {"shares": [0.5]},
    "backdoor": {"budgets": [0.4], "headline": 0.4, "steps": 3, "bisections": 1, "targets": [0, 5]}
    | {"triggers": [{"kind": "patch", "size": 2}]},
    "flatness": {"eps": 0.1, "average_radii": [], "worst_radii": [], "draws": 2, "restarts": 1}
    | {"epochs": 1, "input_steps": 2, "measure_examples": 3, "lanczos_steps": 2, "trace_draws": 2},
    "matched-flatness": {"confidences": []},
    "intrinsic": {"linf": [0.1], "headline": 0.1, "steps": 2, "restarts": 1},
    "bits": {"rates": [0.01], "headline_rate": 0.01, "patterns": 2, "flips": 2}
    | {"headline_flips": 1, "top": 2, "draws": 2},
    "backdoor-sparse": {"counts": [1], "storages": ["float32-bits"], "trigger_steps": 1}
    | {"triggers": [{"kind": "patch", "size": 2}], "optimized": ["pixels"], "starts": 1}
    | {"rounds": 0, "shortlist": 2, "deep_steps": 1, "targets": [0, 5]},
    "regional": {"centre_edges": [3], "frame_widths": [1], "random_pixels": [2], "steps": 2}
    | {"step": "1/16", "examples": 3, "peers": ["digits/mlp-standard"]},
    "detection": {"eps": 0.1, "dataset": "digits", "train_images": 50, "validation_images": 500}
    | {"epochs": 1, "components": 2, "confidences": [1], "steps": 2, "searches": 1, "attacked": 4}
    | {"adaptive_steps": 2},
    "corruptions": {"resamples": 100},
    "distance": {"linf": 0.5, "l2": 1.5, "headline_linf": 0.1, "precision": 0.5, "rungs": 2},
    "randomized": {"eps": 0.1, "effort": "quick", "draws": 5},
    "input-autoattack": {"eps": 0.9},
}


@pytest.fixture(scope="module", autouse=True)
def short_autoattack():
    with pytest.MonkeyPatch.context() as patch:
        shorten_autoattack(patch)
        yield


def battery(**changes):
    tables = {name: table | changes.get(name, {}) for name, table in TABLES.items()}
    about = {"name": "m-v1", "dataset": "digits", "description": "-", "default": tuple(tables)}
    return Battery.model_validate(about | {"probes": tables})


def network(classes, shape):
    torch.manual_seed(0)
    layer = nn.Linear(math.prod(shape), classes)
    layer.weight.data.sub_(layer.weight.mean(1, keepdim=True))  # answers that depend on the image
    return nn.Sequential(nn.Flatten(), layer).requires_grad_(False)


def examples(classes, count, shape):
    generator = torch.Generator().manual_seed(classes + count)
    images = torch.rand(count, *shape, generator=generator)
    return images, torch.randint(classes, (count,), generator=generator)


def expected(classes, count, shape):
    """What each probe that does not apply has to say."""
    left_out = {}
    if count < 4:
        left_out["backdoor"] = "at least 4 examples"
    elif classes <= 5:
        left_out["backdoor"] = f"target 5 is not one of {classes} classes"
    elif shape[1] < 2:
        left_out["backdoor"] = "does not fit on images of 1x1"
    if "backdoor" in left_out:
        left_out["backdoor-sparse"] = left_out["backdoor"]
    if shape[1] < 3:
        left_out["regional"] = "does not fit images of 1 x 1"
    if shape[0] not in (1, 3) or min(shape[1:]) < 8:
        left_out["corruptions"] = "sides of at least 8 pixels"
    if classes != 10 or shape != (1, 8, 8):
        left_out["detection"] = f"takes {shape} and has {classes}"
    if classes < 4:
        left_out["input-autoattack"] = "at least 4 classes"
    return left_out


@pytest.mark.parametrize("shape", SHAPES)
def test_what_does_not_apply_is_known_before_anything_is_computed(shape):
    chosen = battery()
    probes = [PROBES[name](table, chosen.probes) for name, table in chosen.probes.items()]
    for classes in CLASSES:
        model = network(classes, shape)
        for count in COUNTS:
            subject = Subject(model, *examples(classes, count, shape))
            reasons = {probe.name: probe.applies(subject) for probe in probes}
            assert subject.passes.forwards <= 1
            said = {name: reason for name, reason in reasons.items() if reason is not None}
            wanted = expected(classes, count, shape)
            assert said.keys() == wanted.keys()
            for name, reason in wanted.items():
                assert reason in said[name]
                assert "\n" not in said[name]


RUN = [
    (2, 1, SHAPES[0]),
    (3, 2, SHAPES[3]),
    (5, 3, SHAPES[1]),
    (10, 5, SHAPES[2]),
    (1000, 5, SHAPES[1]),
    (5, 20, SHAPES[0]),
]


def complete(report, left_out):
    assert list(report.results) == list(TABLES)
    assert report.left_out.keys() == left_out.keys()
    for name, result in report.results.items():
        answered = name not in left_out
        if name == "regional":  # which attacks what is classified correctly
            answered &= report.scores["clean.accuracy"] > 0
        assert bool(result.scores) == answered
        ends = [end for s in result.scores.values() for end in (s.value, s.low, s.high)]
        assert not any(math.isnan(end) for end in ends), (name, result.scores)


@pytest.mark.parametrize(("classes", "count", "shape"), RUN)
def test_the_rest_of_a_battery_runs(classes, count, shape):
    images, labels = examples(classes, count, shape)
    report = evaluate(network(classes, shape), images, labels, battery(), own_data=True)
    complete(report, expected(classes, count, shape))


def labelled(model, images, how):
    answers = model(images).argmax(1)
    return {
        "right everywhere": answers,
        "wrong everywhere": (answers + 1) % 10,
        "one class": torch.zeros_like(answers),
        "the last class": torch.full_like(answers, 9),
        "two classes": torch.arange(len(answers)) % 2,
    }[how]


ONE_CLASS = "all 4 examples to measure on are of the backdoor's target 0"


@pytest.mark.parametrize(
    ("how", "left_out"),
    [
        ("right everywhere", {}),
        ("wrong everywhere", {}),
        ("one class", dict.fromkeys(("backdoor", "backdoor-sparse"), ONE_CLASS)),
        ("the last class", {}),
        ("two classes", {}),
    ],
)
def test_whatever_the_labels(how, left_out):
    model = network(10, SHAPES[1])
    images, _ = examples(10, 12, SHAPES[1])
    slow = ("distance", "input-autoattack", "joint")
    names = [name for name in TABLES if how == "wrong everywhere" or name not in slow]
    report = evaluate(model, images, labelled(model, images, how), battery(), names, own_data=True)
    assert report.left_out.keys() == left_out.keys()
    for name, reason in left_out.items():
        assert reason in report.left_out[name]
    if how.endswith("everywhere"):
        assert report.scores["clean.accuracy"] == float(how.startswith("right"))


def test_labels_beyond_the_model_s_classes_are_refused_before_anything():
    asked = []
    model = network(3, SHAPES[1])
    images, labels = examples(10, 5, SHAPES[1])
    with pytest.raises(InputError, match="labels"):
        evaluate(model, images, labels + 3, battery(), on_result=lambda *found: asked.append(found))
    assert not asked


class Constant(nn.Module):
    """A model without weights."""

    def forward(self, images):
        return images.flatten(1)[:, :10]


def test_probes_that_move_weights_are_left_out_where_there_are_none():
    images, labels = examples(10, 5, SHAPES[1])
    names = ["clean", "weight", "joint", "backdoor", "flatness", "bits", "intrinsic"]
    report = evaluate(Constant(), images, labels, battery(), names, own_data=True)
    moving = ["weight", "joint", "backdoor", "flatness", "bits"]
    assert list(report.left_out) == moving
    assert "nonsingular" not in report.answers
    assert report.to_json()["results"]["weight"]["left_out"] == report.left_out["weight"]
    assert report.to_json()["results"]["clean"]["left_out"] is None


def test_a_probe_that_was_left_out_before_is_asked_again():
    model, (images, labels) = network(10, SHAPES[1]), examples(10, 5, SHAPES[1])
    short = evaluate(model, images[:3], labels[:3], battery(), ["clean", "backdoor"])
    with pytest.raises(
        InputError, match=r"no probe applies.*backdoor: .*at least 4 examples, got 3"
    ):
        evaluate(model, images[:3], labels[:3], battery(), ["backdoor"])
    assert list(short.left_out) == ["backdoor"]
    known = {"backdoor": short.results["backdoor"]}
    again = evaluate(model, images, labels, battery(), ["backdoor"], known=known)
    assert again.left_out == {}


def test_a_battery_whose_probes_do_not_fit_together_is_refused_before_anything():
    asked = []
    images, labels = examples(10, 5, SHAPES[1])
    with pytest.raises(InputError, match=r"joint\.radii = 0\.07 is not one of its budgets"):
        evaluate(
            network(10, SHAPES[1]),
            images,
            labels,
            battery(joint={"radii": [0.07], "headline_radius": 0.07}),
            on_result=lambda *found: asked.append(found),
        )
    assert not asked
