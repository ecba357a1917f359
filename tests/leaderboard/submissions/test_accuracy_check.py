"""An accuracy that is lower than it should be is noticed before a model is scored."""

import pytest
import torch
from torch import nn

from benchmark.datasets import Dataset, load_dataset, load_npz
from leaderboard.submissions.accuracy_check import (
    EXAMPLES,
    accuracy_flags,
    explanations,
    raised_lines,
)
from leaderboard.submissions.ways import sign_test
from models_zoo import Card, Classifier, load_file, load_model

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def images(shared_data):
    return load_npz(shared_data / "cifar10" / "test_846.npz", name="cifar10").head(200)


@pytest.fixture
def cifar10(images, monkeypatch):
    """Few images, of which still fewer choose the best ways: one second in place of three."""
    monkeypatch.setattr("leaderboard.submissions.ways.SCREENING_EXAMPLES", 30)
    return images.head(100)


def resnet20(shared_data, **options):
    return load_file(
        shared_data / "checkpoints" / "cifar10-resnet20-standard.safetensors",
        architecture="cifar-resnet20",
        dataset="cifar10",
        input_shape=(3, 32, 32),
        **options,
    )


def flags_of(model, data):
    return accuracy_flags(model, model.card, data.images, data.labels)


def raised(flags):
    return {flag.name for flag in flags if flag.raised}


def test_a_missing_normalization_is_named_in_one_line(shared_data, cifar10):
    flags = flags_of(resnet20(shared_data), cifar10)
    assert raised(flags) == {"accuracy_below_usual", "other_normalization"}
    (line,) = raised_lines(flags)
    assert "without normalization" in line
    assert " with mean 0.4" in line
    assert line.endswith("is the normalization missing?")
    assert "91.25% (He et al. 2016, table 6)" in flags[0].saw


def test_the_right_normalization_raises_nothing(shared_data, cifar10):
    mean, std = IMAGENET
    flags = flags_of(resnet20(shared_data, mean=mean, std=std), cifar10)
    assert [flag.name for flag in flags] == ["accuracy_below_usual", "other_normalization"]
    assert raised_lines(flags) == []


def test_a_wrong_normalization_is_compared_with_the_usual_ones(shared_data, cifar10):
    flags = flags_of(resnet20(shared_data, mean=(0.5,), std=(0.02,)), cifar10)
    (line,) = raised_lines(flags)
    assert "as given (with mean 0.5 and std 0.02)" in line
    assert line.endswith("is the normalization another one?")


def test_a_wrong_normalization_is_noticed_where_no_accuracy_is_published(shared_data, cifar10):
    model = resnet20(shared_data, mean=(0.5,), std=(0.7,))
    model.card = model.card.model_copy(update={"architecture": "other"})
    flags = flags_of(model, cifar10)
    assert raised(flags) == {"other_normalization"}
    assert "as given (with mean 0.5 and std 0.7)" in raised_lines(flags)[0]


@pytest.mark.parametrize(("right", "passed"), [(1.0, EXAMPLES), (0.9, EXAMPLES + 15 * 100)])
def test_a_good_model_costs_little(right, passed):
    images, data = prototypes(repeats=60)
    labels = data.labels.clone()
    labels[: int((1 - right) * 600)] += 1
    model, seen = classifier(Linear(images)), list[int]()
    model.network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    accuracy_flags(model, model.card, data.images, labels % 10)
    assert passed <= sum(seen) <= passed + 100  # and to count the classes


@pytest.mark.usefixtures("cifar10")
def test_the_card_s_figure_is_compared_before_scoring(shared_data, images):
    mean, std = IMAGENET
    model = resnet20(shared_data, mean=mean, std=std)
    model.card = model.card.model_copy(update={"clean_accuracy": 0.999, "architecture": "other"})
    flags = flags_of(model, images)
    assert raised(flags) == {"accuracy_below_card"}
    assert "The card states 99.9%" in raised_lines(flags)[0]


class Linear(nn.Module):
    """Logits that are large for the digit whose image is most like the given one."""

    def __init__(self, images):
        super().__init__()
        self.prototypes = nn.Parameter(images.flatten(1))
        self.channels = images.shape[1]

    def forward(self, images):
        return -torch.cdist(images.flatten(1), self.prototypes)


def prototypes(n=10, repeats=12, channels=3):
    """Images of ten classes, and the same with noise, as a data set."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, channels, 6, 6, generator=generator)
    noise = 0.02 * torch.rand(n * repeats, channels, 6, 6, generator=generator)
    data = (images.repeat(repeats, 1, 1, 1) * 0.98 + noise).clamp(0, 1)
    return images, Dataset("made-up", "test", data, torch.arange(n).repeat(repeats), n)


def classifier(network, **changes):
    fields = {"dataset": "made-up", "architecture": "own", "input_shape": (3, 6, 6)}
    card = Card(name="net", mean=(0.0,), std=(1.0,), source="file", **(fields | changes))
    return Classifier(network, card)


def test_channels_in_reverse_order_are_noticed():
    images, data = prototypes()
    assert raised(flags_of(classifier(Linear(images)), data)) == set()
    (line,) = raised_lines(flags_of(classifier(Linear(images.flip(1))), data))
    assert line.endswith("was the model trained on images in BGR order?")


def test_labels_counted_from_another_number_are_noticed():
    images, data = prototypes(repeats=50)
    moved = Dataset("made-up", "test", data.images, (data.labels + 1) % 10, 10)
    flags = flags_of(classifier(Linear(images)), moved)
    assert raised(flags) == {"no_better_than_chance", "labels_shifted"}
    assert raised_lines(flags) == [
        "Accuracy 0.0% on the first 500 examples, 100.0% if 1 is subtracted from every label."
    ]


def test_chance_is_noticed_without_an_explanation_for_it():
    images, data = prototypes(repeats=50)
    generator = torch.Generator().manual_seed(4)  # with 9.6% right
    drawn = torch.randint(10, (500,), generator=generator)
    flags = flags_of(classifier(Linear(images)), Dataset("made-up", "test", data.images, drawn, 10))
    assert raised(flags) == {"no_better_than_chance"}
    assert "chance is 10.0%" in raised_lines(flags)[0]
    assert explanations(classifier(Linear(images)), data) == []


def test_a_gain_that_few_examples_may_give_by_chance_is_not_reported():
    images, data = prototypes()
    some = data.head(4)
    flags = flags_of(classifier(Linear(images.flip(1))), some)
    assert "other_normalization" not in raised(flags)


def test_images_of_two_channels_have_no_usual_normalization():
    images, data = prototypes(channels=2)
    flags = flags_of(classifier(Linear(images.flip(0)), input_shape=(2, 6, 6)), data)
    assert [flag.name for flag in flags] == ["no_better_than_chance", "labels_shifted"]


def test_models_of_the_zoo_are_not_tried():
    assert flags_of(load_model("digits/mlp-standard"), load_dataset("digits").head(20)) == []


def test_a_network_that_cannot_be_called_is_left_to_the_evaluation():
    _, data = prototypes()
    assert flags_of(classifier(nn.Sequential(nn.Flatten(), nn.Linear(5, 10))), data) == []


def test_the_model_and_its_answers_stay_as_they_were(shared_data, cifar10):
    model = resnet20(shared_data)
    before, logits = model.fingerprint, model(cifar10.images[:4])
    flags_of(model, cifar10)
    assert model.fingerprint == before
    assert torch.equal(model(cifar10.images[:4]), logits)
    assert not model.training


def test_thesign_test_is_that_of_coins():
    assert sign_test(0, 0) == 1
    assert sign_test(3, 0) == 1 / 8
    assert sign_test(2, 1) == 4 / 8
    assert sign_test(0, 3) == 1
