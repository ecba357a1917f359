"""A network scores the same, whichever format it comes in."""

from functools import cache, partial

import pytest
import torch

from benchmark import attack_weights, certify_joint, evaluate
from benchmark.datasets import load_npz
from models_zoo import load_file, load_model

PROBES = ["clean", "input", "weight", "flatness"]
QUICK = {
    "input": {"linf": [0.1], "l2": [0.3], "headline_linf": 0.1, "headline_l2": 0.3},
    "weight": {"radii": [0.05], "headline": 0.05, "steps": 4, "random_draws": 2},
    "flatness": {"restarts": 1, "epochs": 2, "average_radii": [0.25], "worst_radii": [0.01]},
}


def scores_of(model, data, battery):
    run = evaluate(model, data.images, data.labels, battery=battery, probes=PROBES, own_data=True)
    return run.scores


def assert_alike(expected, found):
    assert {name.partition(".")[0] for name in expected} >= set(PROBES)
    assert len(expected) > 15
    assert found == pytest.approx(expected, abs=1e-3, nan_ok=True)


@pytest.fixture(scope="module")
def scored(zoo, digits, battery):
    """``scored(model)``: the scores of a form of digits/cnn-pgd-at; the network's own, once."""
    remembered = cache(partial(scores_of, data=digits.head(4), battery=battery(**QUICK)))
    return lambda model=None: remembered(zoo("digits/cnn-pgd-at") if model is None else model)


@pytest.mark.parametrize("form", ["onnx", "old_onnx", "program"])
def test_a_digits_model(zoo, scored, exporting, tmp_path, form):
    native = zoo("digits/cnn-pgd-at")
    suffix = ".pt2" if form == "program" else ".onnx"
    path = getattr(exporting, form)(native, (1, 8, 8), tmp_path / f"net{suffix}")
    other = load_model(str(path), trust=form == "program")
    assert_alike(scored(), scored(other))


@pytest.mark.parametrize("form", ["onnx", "old_onnx"])
def test_what_is_proven_of_a_model(zoo, digits, exporting, tmp_path, form):
    native, some = zoo("digits/cnn-pgd-at"), digits.head(20)
    path = getattr(exporting, form)(native, (1, 8, 8), tmp_path / "net.onnx")
    prove = partial(certify_joint, images=some.images, labels=some.labels, eps=0.004, radius=0.0004)
    expected = prove(native)
    assert 0 < int(expected.sum()) < 20
    assert prove(load_model(str(path))).equal(expected)


def test_resnet2b(shared_data, battery, exporting, tmp_path):
    native = load_file(
        shared_data / "checkpoints" / "cifar10-resnet2b-adv.safetensors",
        architecture="cifar-resnet2b",
        dataset="cifar10",
        input_shape=(3, 32, 32),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2471, 0.2435, 0.2616),
    )
    other = load_model(str(exporting.onnx(native, (3, 32, 32), tmp_path / "resnet2b.onnx")))
    budgets = {"linf": [2 / 255], "l2": [0.2], "headline_linf": 2 / 255, "headline_l2": 0.2}
    flatness = QUICK["flatness"] | {"eps": 2 / 255}
    small = battery(**(QUICK | {"input": budgets, "flatness": flatness}))
    images = load_npz(shared_data / "cifar10" / "test_846.npz").head(4)
    assert_alike(scores_of(native, images, small), scores_of(other, images, small))


KEPT = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}


@pytest.mark.parametrize("name", ["digits/mlp-pgd-at", "digits/cnn-pgd-at"])
def test_a_kept_export_is_as_weak_as_the_network(exporting, tmp_path, zoo, digits, name):
    native, some = zoo(name), digits.head(60)
    path = exporting.old_onnx(native, (1, 8, 8), tmp_path / "net.onnx", **KEPT)
    results = [
        attack_weights(model, some.images, some.labels, radius=0.03, seed=0)
        for model in (native, load_model(str(path)))
    ]
    shares = [result.robust.double().mean().item() for result in results]
    assert shares[0] < 0.9
    assert shares[1] == pytest.approx(shares[0], abs=1e-9)
