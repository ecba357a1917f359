"""Detectors of pyod: what their scores and thresholds are, and what is said without the package."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from benchmark.anomaly import METHODS
from benchmark.anomaly.pyod_detectors import PyodDetector
from models_zoo.errors import InputError
from models_zoo.methods import METHODS as SPECS
from tests.missing import missing

OF_PYOD = [name for name, spec in SPECS.items() if spec.package == "pyod"]


class WithoutPyod:
    """Finds modules as if pyod were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name == "pyod":
            raise ModuleNotFoundError("No module named 'pyod'", name="pyod")


@pytest.fixture(scope="module")
def pyod():
    """Whether pyod is installed: with numba and matplotlib it has 280 MB."""
    if find_spec("pyod") is None:
        missing("pyod", "pyod is not installed; pip install 'nonsingular[pyod]'")


@pytest.fixture(scope="module")
def images():
    found = np.random.default_rng(0).random((40, 12))
    found[:, 3] = 0.5
    found[:, 4] = found[:, 5]
    return found


def made(name):
    method = METHODS[name](SPECS[name].settings)
    assert isinstance(method, PyodDetector)
    return method


def fit(name, images):
    return made(name).fit_one(images, torch.Generator())


@pytest.mark.parametrize("name", OF_PYOD)
def test_without_pyod_a_detector_says_how_to_install_it(name, monkeypatch):
    for module in [each for each in sys.modules if each.partition(".")[0] == "pyod"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [WithoutPyod(), *sys.meta_path])
    with pytest.raises(InputError, match=r"need the package pyod; run pip install 'nonsing.*\[pyo"):
        METHODS[name](SPECS[name].settings)


def test_a_training_example_is_no_neighbor_of_itself(pyod, images):
    fitted, given = fit("anomaly-knn", images), images[::-1] + 0.1
    far = np.linalg.norm(given[:, None] - images, axis=-1)
    np.testing.assert_allclose(fitted.score(given), np.sort(far)[:, 4])
    near = np.linalg.norm(images[:, None] - images, axis=-1)
    np.testing.assert_allclose(fitted.training, np.sort(near)[:, 5])
    assert fit("anomaly-knn", images[:5]).training.shape == (5,)


def test_a_tail_is_that_of_the_training_set_whatever_images_are_scored_together(pyod, images):
    fitted = fit("anomaly-ecod", images)
    given = np.concatenate([images[:3] + 0.2, np.full((30, 12), 9.0)])
    together = fitted.score(given)
    rank = np.linalg.matrix_rank(images - images.mean(0))
    assert rank == 10  # one image value is constant and two are equal
    projection = PCA(rank, svd_solver="full").fit(images)
    known, rows = projection.transform(images), projection.transform(given)
    lower, higher = ((known <= rows[:, None]).sum(1) + 1, (known >= rows[:, None]).sum(1) + 1)
    expected = -np.log(np.minimum(lower, higher) / 41).sum(1)
    np.testing.assert_allclose(together, expected)
    np.testing.assert_allclose(fitted.score(given[1:2]), expected[1:2])
    lower, higher = ((known <= known[:, None]).sum(1), (known >= known[:, None]).sum(1))
    np.testing.assert_allclose(fitted.training, -np.log(np.minimum(lower, higher) / 40).sum(1))


@pytest.mark.parametrize("name", OF_PYOD)
def test_the_threshold_is_the_one_that_pyod_takes_by_default(name, pyod, images):
    own = made(name).detector().fit(images)
    assert own.threshold_ == pytest.approx(np.percentile(own.decision_scores_, 90))
