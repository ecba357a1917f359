"""What a checkpoint whose architecture is not named, or is another, is said to fit."""

import time

import pytest
import torch
from safetensors.torch import save_file

from models_zoo import InputError, load_file
from models_zoo.architectures import build_skeleton
from models_zoo.sources.proposals import propose

CIFAR = (3, 32, 32)
DIGITS = (1, 8, 8)


def weights_of(architecture, classes=10, shape=CIFAR):
    """Tensors without numbers: names and shapes are all that proposals look at."""
    network = build_skeleton(architecture, classes=classes, input_shape=shape)
    return {name: torch.empty_like(v, device="meta") for name, v in network.state_dict().items()}


def wrapped(weights):
    return {f"module.1.{name}": value for name, value in weights.items()} | {
        "module.0.mean": torch.zeros(3),
        "module.0.std": torch.ones(3),
    }


@pytest.mark.parametrize(
    ("architecture", "proposed"),
    [
        ("cifar-resnet32", ("cifar-resnet32",)),
        ("cifar-resnet44-b", ("cifar-resnet44-b",)),
        ("cifar-preact-resnet20", ("cifar-preact-resnet20",)),
        ("cifar-preact-resnet20-b", ("cifar-preact-resnet20-b",)),
        ("cifar-resnet2b", ("cifar-resnet2b",)),
        ("resnet18", ("resnet18", "resnet18-maxpool")),
        ("resnet50", ("resnet50", "resnet50-maxpool")),
        ("preact-resnet18", ("preact-resnet18", "preact-resnet18-raw")),
        ("preact-resnet18-bn", ("preact-resnet18-bn", "preact-resnet18-bn-raw")),
        ("wrn-10-2", ("wrn-10-2",)),
        ("wrn-16-8", ("wrn-16-8",)),
        ("vgg11", ("vgg11",)),
        ("vgg16-bn", ("vgg16-bn",)),
        ("vgg13:512-512", ("vgg13:512-512",)),
        ("mlp:100-50-20", ("mlp:100-50-20",)),
    ],
)
@pytest.mark.parametrize("wrap", [dict, wrapped])
def test_names_and_shapes_say_the_architecture(architecture, proposed, wrap):
    found = propose(wrap(weights_of(architecture, classes=100)), CIFAR, 100)
    assert found.architectures == proposed
    assert found.classes == 100
    assert f"--architecture {proposed[0]}" in found.advice(100)
    assert "100 classes where the data has 10" in found.advice(10)


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("cnn:32p0-32p0-M-64p0-64p0-M-fc200-fc200", CIFAR),
        ("cnn:16-M-32-M-fc64", CIFAR),
        ("cnn:8s2-16s2-fc32", (1, 28, 28)),
        ("cnn:32k5-M-64k5-M-fc128", (1, 28, 28)),
        ("cnn:32b-M-64b-M-fc64", CIFAR),
        ("cnn:8-16s2-fc32", DIGITS),
    ],
)
def test_strides_and_poolings_that_fit_are_among_what_is_proposed(architecture, shape):
    found = propose(weights_of(architecture, shape=shape), shape, 10)
    assert architecture in found.architectures


@pytest.mark.parametrize(
    "architecture",
    ["torchvision:resnet18", "torchvision:mobilenet_v2", "timm:vit_tiny_patch16_224"],
)
def test_networks_of_libraries_are_found_by_their_weights(architecture):
    start = time.perf_counter()
    shape = (3, 224, 224) if "vit" in architecture else (3, 64, 64)
    found = propose(weights_of(architecture, classes=20, shape=shape), shape, 20)
    assert architecture in found.architectures
    assert found.classes == 20
    assert time.perf_counter() - start < 60  # a machine that is shared


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"a": torch.zeros(3)},
        {"x.weight": torch.zeros(3, 3)},
        {"conv1.weight": torch.zeros(64, 3, 3, 3), "layer1.9999.conv1.weight": torch.zeros(1)},
        {"block1.layer.9999.conv1.weight": torch.zeros(16, 16, 3, 3)},
        {f"layers.{index}.weight": torch.zeros(2, 2) for index in range(3000)},
        {f"f.{i}.weight": torch.zeros(4, 4, 3, 3) for i in range(40)}
        | {"o.weight": torch.zeros(2, 4)},
        {f"n{index}": torch.zeros(1) for index in range(30_000)},
    ],
)
def test_weights_of_nothing_known_are_answered_at_once(weights):
    start = time.perf_counter()
    found = propose(weights, CIFAR, 10)
    assert found.architectures == ()
    assert "name the architecture it was trained with" in found.advice(10)
    assert time.perf_counter() - start < 10


def test_the_message_of_a_mismatch_names_what_fits(tmp_path):
    network = build_skeleton("cifar-resnet8", classes=10, input_shape=CIFAR).to_empty(device="cpu")
    weights = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    save_file(weights, tmp_path / "net.safetensors")
    for given, start in (
        ({"architecture": "wrn-10-1"}, "does not match the architecture"),
        ({}, "needs an architecture"),
        ({"architecture": "cifar-resnet14"}, "lacks layer1.1.bn1.bias"),
        ({"architecture": "cifar-resnet8", "classes": 100}, "should be 100x64"),
    ):
        with pytest.raises(InputError, match="its weights fit cifar-resnet8") as refusal:
            load_file(tmp_path / "net.safetensors", dataset="x", input_shape=CIFAR, **given)
        assert start.replace("100x64", "100") in str(refusal.value)
        assert "\n" not in str(refusal.value)
