"""Published checkpoints in the wrappings people save them in, by their clean accuracy."""

import pytest
import torch
from safetensors.torch import load_file as read

from benchmark.datasets import load_npz
from leaderboard.jobs.model_selection import checkpoint_source
from models_zoo import InputError

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CNN_A = (0.485, 0.456, 0.406), (0.225, 0.225, 0.225)
FIRST = 128
RIGHT = {"resnet20-standard": 120, "cnn-a-adv": 84}
"""Of the first images, with the normalization that the checkpoints' authors state."""


@pytest.fixture(scope="module")
def data(shared_data):
    return load_npz(shared_data / "cifar10" / "test_846.npz", name="cifar10", classes=10).head(
        FIRST
    )


def sequential(weights, mean, std):
    return {"0.mean": mean, "0.std": std} | {f"1.module.{k}": v for k, v in weights.items()}


def lightning(weights, mean, std):
    inner = {f"model.{k.replace('linear', 'fc')}": v for k, v in weights.items()}
    return inner | {"normalize.mean": mean, "normalize.std": std, "train_acc.total": torch.ones(1)}


def robustness(weights, mean, std):
    twice = {f"{part}model.{k}": v for k, v in weights.items() for part in ("", "attacker.")}
    twice |= {"normalizer.new_mean": mean, "attacker.normalize.new_mean": mean}
    twice |= {"normalizer.new_std": std, "attacker.normalize.new_std": std}
    return {f"module.{k}": v for k, v in twice.items()}


def renamed(weights, mean, std):
    names = {"0": "features.0", "2": "features.2", "5": "classifier.1", "7": "classifier.4"}
    moved = {f"{names[k[0]]}{k[1:]}": v for k, v in weights.items()}
    return moved | {"mu": mean.flatten(), "sigma": std.flatten()}


CASES = [
    ("resnet20-standard", "cifar-resnet20", IMAGENET, sequential),
    ("resnet20-standard", "cifar-resnet20", IMAGENET, lightning),
    ("resnet20-standard", "cifar-resnet20", IMAGENET, robustness),
    ("cnn-a-adv", "cnn:16k4s2p1-32k4s2p1-fc100", CNN_A, renamed),
]


@pytest.mark.parametrize(("name", "architecture", "numbers", "wrap"), CASES)
def test_a_wrapped_checkpoint_has_the_accuracy_of_the_plain_one(
    shared_data, data, tmp_path, name, architecture, numbers, wrap
):
    weights = read(shared_data / "checkpoints" / f"cifar10-{name}.safetensors")
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in numbers)
    path = tmp_path / "net.pth"
    torch.save({"state_dict": wrap(weights, mean, std), "epoch": 3}, path)
    model = checkpoint_source(path, architecture, "cifar10", data).load()
    assert (model.card.mean, model.card.std) == numbers
    with torch.no_grad():
        right = int((model(data.images).argmax(1) == data.labels).sum())
    assert right == RIGHT[name]
    assert any("normalization" in note for note in model.notes)


def test_without_an_architecture_what_fits_is_proposed_with_its_accuracy(
    shared_data, data, tmp_path
):
    weights = read(shared_data / "checkpoints" / "cifar10-cnn-a-adv.safetensors")
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in CNN_A)
    torch.save(renamed(weights, mean, std), tmp_path / "net.pth")
    with pytest.raises(
        InputError, match=r"needs --architecture.*% .*give --architecture cnn"
    ) as refusal:
        checkpoint_source(tmp_path / "net.pth", None, "cifar10", data)
    assert f"cnn-a {RIGHT['cnn-a-adv'] / FIRST:.1%}" in str(refusal.value)
    path = shared_data / "checkpoints" / "cifar10-cnn-a-adv.safetensors"
    with pytest.raises(InputError, match=r"cnn-a .*usual normalizations.*--mean 0"):
        checkpoint_source(path, None, "cifar10", data)


def test_shortcuts_of_both_options_are_told_apart(shared_data, data):
    path = shared_data / "checkpoints" / "cifar10-resnet20-standard.safetensors"
    mean, std = map(list, IMAGENET)
    with pytest.raises(InputError, match=r"fit cifar-resnet20 9\d\.\d%"):
        checkpoint_source(path, None, "cifar10", data, mean=mean, std=std)
    with pytest.raises(InputError, match=r"lacks layer2\.0\.shortcut.*fit cifar-resnet20"):
        checkpoint_source(*(path, "cifar-resnet20-b", "cifar10", data), mean=mean, std=std).load()
