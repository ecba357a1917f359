"""The images of a data set are recognized by hashes."""

import pytest
import torch

from benchmark import evaluate
from benchmark.datasets import Dataset, load_dataset, load_npz, standard
from benchmark.datasets.standard import origin_of, recognized, remember
from models_zoo import InputError, load_model


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch):
    """Nothing was loaded in this process before."""
    monkeypatch.setattr(standard, "_loaded", {})


def made_up(name, split="test", n=6):
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(n, 3, 32, 32, generator=generator)
    return Dataset(name, split, images, torch.arange(n), 10)


def test_what_was_loaded_is_recognized_as_far_as_it_was_loaded():
    data = made_up("svhn")
    assert origin_of("svhn", data.images, data.labels) is None
    remember(data.head(4))
    for count, origin in ((1, "test"), (4, "test"), (5, None)):
        some = data.head(count)
        assert origin_of("svhn", some.images, some.labels) == origin, count
    remember(data)
    remember(data.head(2))
    assert origin_of("svhn", data.images, data.labels) == "test"
    assert origin_of("cifar100", data.images, data.labels) is None
    assert recognized(data.images, data.labels) == "svhn"


def test_training_images_that_were_loaded_are_recognized_as_such():
    data = remember(made_up("cifar10", "train"))
    assert origin_of("cifar10", data.images, data.labels) == "train"
    assert recognized(data.images, data.labels) is None


def test_loading_a_data_set_makes_its_images_known():
    load_dataset("digits", "test", examples=3)
    assert len(standard._loaded["digits", "test"]) == 3


def test_images_of_another_data_set_with_the_same_shape_are_refused():
    data = remember(made_up("svhn"))
    model = load_model("cifar10/resnet2b-standard")
    with pytest.raises(InputError, match="is for cifar10, got test images of svhn; give own_data"):
        evaluate(model, data.images, data.labels, "cifar10-linf-v1", "clean")
    report = evaluate(model, data.images, data.labels, "cifar10-linf-v1", "clean", own_data=True)
    assert report.provenance.own_data is True


def test_published_test_images_are_recognized_without_loading_them(shared_data):
    cifar10 = load_npz(shared_data / "cifar10" / "test_846.npz")
    assert origin_of("cifar10", cifar10.images, cifar10.labels) == "test"
    training = load_npz(shared_data / "cifar10" / "train_4660.npz")
    assert origin_of("cifar10", training.images, training.labels) is None
    mnist = load_dataset("mnist", data_root=shared_data)
    standard._loaded.clear()
    assert origin_of("mnist", mnist.images, mnist.labels) == "test"
    assert recognized(mnist.images[:50], mnist.labels[:50]) == "mnist"
    assert origin_of("mnist", mnist.images[5:], mnist.labels[5:]) is None


def test_more_images_than_hashes_are_recognized_by_the_first_ones(shared_data):
    first = load_npz(shared_data / "cifar10" / "test_846.npz")
    more = made_up("cifar10", n=4)
    images, labels = torch.cat([first.images, more.images]), torch.cat([first.labels, more.labels])
    assert origin_of("cifar10", images, labels) == "test"
    assert origin_of("cifar10", images.flip(0), labels.flip(0)) is None
    many = images[:1].expand(10_001, -1, -1, -1)
    assert origin_of("cifar10", many, labels[:1].expand(10_001)) is None
