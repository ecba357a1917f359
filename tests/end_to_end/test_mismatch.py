"""``nonsingular bench`` refuses data, batteries and models that do not belong together."""

from itertools import product

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models_zoo import build_architecture
from models_zoo.image_sets import IMAGE_SETS

BATTERIES = {"digits": "digits-v1", "mnist": "mnist-linf-v1", "cifar10": "cifar10-linf-v1"}
TABLE = list(product(BATTERIES, repeat=3))
"""Data set of the images, of the battery and of the model."""


def write_images(path, shape, classes, n=4):
    x = np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8)
    np.savez(path, x=x, y=np.arange(n) % classes)
    return path


def write_network(path, shape, classes):
    torch.manual_seed(0)
    network = build_architecture("cnn", classes=classes, input_shape=shape)
    save_file(network.state_dict(), path)
    return path


@pytest.fixture
def bench(here, tmp_path):
    def run(data, network, battery, *options):
        return here(
            *("bench", "--checkpoint", network, "--architecture", "cnn", "--battery", battery),
            *("--data", data, "--probe", "clean", "--database", tmp_path / "a.sqlite"),
            *("--no-site", *options),
        )

    return run


@pytest.mark.parametrize(("data", "battery", "trained"), TABLE)
def test_only_what_belongs_together_is_scored(bench, tmp_path, data, battery, trained):
    form, own = IMAGE_SETS[data], IMAGE_SETS[trained]
    images = write_images(tmp_path / "x.npz", form.input_shape, form.classes)
    network = write_network(tmp_path / "net.safetensors", own.input_shape, own.classes)
    code, _, err = bench(images, network, BATTERIES[battery])
    if data == battery == trained:
        assert code == 0, err
        return
    assert (code, err.count("\n")) == (2, 1), err
    assert not (tmp_path / "a.sqlite").exists()
    if data != battery:
        for part in (BATTERIES[battery], f"is for {battery}", str(form.input_shape), "--own-data"):
            assert part in err


def test_own_data_of_any_form_are_scored_when_asked_for(bench, tmp_path):
    images = write_images(tmp_path / "x.npz", (3, 16, 12), 7, n=20)
    network = write_network(tmp_path / "net.safetensors", (3, 16, 12), 7)
    code, _, err = bench(images, network, "cifar10-linf-v1")
    assert code == 2
    assert "is for cifar10, images of shape (3, 32, 32), got (3, 16, 12); give --own-data" in err
    code, out, err = bench(images, network, "cifar10-linf-v1", "--own-data")
    assert code == 0, err
    assert "net" in out


def test_own_data_need_a_file(here):
    code, _, err = here("bench", "digits/mlp-standard", "--own-data", "--probe", "clean")
    assert (code, "--own-data goes with --data" in err) == (2, True)
