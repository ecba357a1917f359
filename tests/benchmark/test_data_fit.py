"""A battery is run on data and models that are such as its data set, or is told otherwise."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import evaluate
from benchmark.batteries import Battery
from benchmark.datasets import load_dataset
from models_zoo import Card, Classifier, InputError, build_architecture, load_model
from models_zoo.image_sets import IMAGE_SETS

BATTERIES = {"digits": "digits-v1", "mnist": "mnist-linf-v1", "cifar10": "cifar10-linf-v1"}
TABLE = list(product(BATTERIES, repeat=3))
"""Data set of the images, of the battery and of the model."""


def images_like(dataset, n=4):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, *IMAGE_SETS[dataset].input_shape, generator=generator)
    return images, torch.arange(n) % IMAGE_SETS[dataset].classes


def network_for(dataset, kind):
    """A network for images of one shape, or one with a card that takes images of any size."""
    shape, classes = IMAGE_SETS[dataset].input_shape, IMAGE_SETS[dataset].classes
    torch.manual_seed(0)
    if kind == "plain":
        return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), classes))
    made = build_architecture("cifar-resnet8", classes=classes, input_shape=shape)
    fields = {"dataset": dataset, "architecture": "cifar-resnet8", "input_shape": shape}
    return Classifier(made, Card(name="net", mean=(0.0,), std=(1.0,), source="memory", **fields))


@pytest.mark.parametrize("kind", ["plain", "with a card"])
@pytest.mark.parametrize(("data", "battery", "trained"), TABLE)
def test_only_what_belongs_together_is_scored(data, battery, trained, kind):
    images, labels = images_like(data)
    model = network_for(trained, kind)
    if data == battery == trained:
        report = evaluate(model, images, labels, BATTERIES[battery], ["clean"])
        assert report.provenance.own_data is True
        return
    with pytest.raises(InputError) as caught:
        evaluate(model, images, labels, BATTERIES[battery], ["clean"])
    message = str(caught.value)
    assert "\n" not in message
    if data != battery:
        found = str(tuple(images.shape[1:])) if kind == "plain" else trained
        expected = ["battery", BATTERIES[battery], f"is for {battery}", found, "own_data=True"]
        if kind == "with a card" and trained == battery:
            expected[3] = str(tuple(images.shape[1:]))
        assert [each for each in expected if each not in message] == [], message


@pytest.mark.parametrize(("data", "battery"), list(product(BATTERIES, repeat=2)))
def test_own_data_under_any_battery_are_scored_and_marked_when_asked_for(data, battery):
    images, labels = images_like(data)
    model = network_for(data, "with a card")
    report = evaluate(model, images, labels, BATTERIES[battery], ["clean"], own_data=True)
    assert report.provenance.own_data is True
    assert report.to_json()["provenance"]["own_data"] is True


def test_another_number_of_classes_is_refused():
    images, labels = images_like("cifar10")
    wide = nn.Sequential(nn.Flatten(), nn.Linear(3072, 100))
    with pytest.raises(InputError, match="cifar10, 10 classes, the model has 100 logits; give"):
        evaluate(wide, images, labels, "cifar10-linf-v1", ["clean"])
    with pytest.raises(InputError, match="labels from 0 to 9, got labels up to 42; use battery"):
        evaluate(wide, images, labels * 14, "cifar10-linf-v1", ["clean"])
    assert evaluate(wide, images, labels, "cifar10-linf-v1", ["clean"], own_data=True).scores


WRONG = {
    "divided by 255 twice": (lambda x: x / 255, "as if they had been divided by 255 twice"),
    "black": (torch.zeros_like, "every pixel of the images is 0"),
    "one color": (lambda x: torch.full_like(x, 0.5), "every pixel of the images is 0.5"),
    "16 levels as bytes": (lambda x: x * 16 / 255, "images that reach only 0.06.*divided by 16"),
    "bytes as floats": (lambda x: x * 255, "divide by 255"),
    "bytes": (lambda x: (x * 255).byte(), "images.float\\(\\) / 255"),
    "normalized": (lambda x: (x - 0.5) / 0.25, "pass images before normalization"),
    "channels last": (lambda x: x.permute(0, 2, 3, 1), "use images.permute\\(0, 3, 1, 2\\)"),
    "without channels": (lambda x: x[:, 0], "images.unsqueeze"),
}


@pytest.mark.parametrize("how", WRONG)
def test_images_in_another_form_are_refused_with_the_fix(how):
    images, labels = images_like("cifar10")
    change, message = WRONG[how]
    with pytest.raises(InputError, match=message):
        evaluate(
            network_for("cifar10", "plain"), change(images), labels, "cifar10-linf-v1", "clean"
        )


def test_dark_images_of_one_s_own_are_accepted_when_asked_for():
    images, labels = images_like("digits")
    model = network_for("digits", "plain")
    report = evaluate(model, images * 0.05, labels, "digits-v1", "clean", own_data=True)
    assert report.provenance.own_data


def test_the_first_test_images_are_recognized_and_others_are_not():
    model, data = load_model("digits/mlp-standard"), load_dataset("digits")
    few = data.head(7)

    def own(images, labels):
        report = evaluate(model, images, labels, "digits-v1", ["clean"])
        return report.provenance.own_data, report.provenance.split

    assert own(data.images, data.labels) == (False, "test")
    assert own(few.images, few.labels) == (False, "test")
    assert own(few.images.numpy(), few.labels.numpy()) == (False, "test")
    assert own(few.images.flip(0), few.labels.flip(0)) == (True, "test")
    assert own(few.images, (few.labels + 1) % 10) == (True, "test")
    assert own(data.images[1:], data.labels[1:]) == (True, "test")
    training = load_dataset("digits", "train").head(5)
    assert own(training.images, training.labels) == (False, "train")


def test_what_the_caller_asks_for_does_not_mark_the_data_set_s_own_images():
    model, few = load_model("digits/mlp-standard"), load_dataset("digits").head(4)
    report = evaluate(model, few.images, few.labels, "digits-v1", ["clean"], own_data=True)
    assert report.provenance.own_data is False


def test_a_battery_for_an_unknown_data_set_takes_any_images():
    content = {"name": "mine-v1", "dataset": "mine", "description": "Mine.", "default": ["clean"]}
    battery = Battery.model_validate(content | {"probes": {"clean": {}}})
    images, labels = images_like("digits")
    report = evaluate(network_for("digits", "plain"), images, labels, battery)
    assert report.provenance.own_data is True
