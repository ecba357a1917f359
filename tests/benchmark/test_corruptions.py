"""The generator of common corruptions: recorded images, and what holds for all corruptions."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from benchmark.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    VALIDATION,
    corrupt,
    defined_for,
)
from models_zoo.errors import InputError
from tests.benchmark import corruption_records as records

ALL = CORRUPTIONS | VALIDATION


@pytest.fixture(scope="module")
def found():
    return records.corrupted()


@pytest.fixture(scope="module")
def squared_changes():
    """Mean squared change by corruption, one number per severity."""
    images = records.scenes().astype(np.float64)

    def change(name, severity):
        return float(((corrupt(records.scenes(), name, severity) - images) ** 2).mean())

    return {name: [change(name, severity) for severity in SEVERITIES] for name in ALL}


def test_ten_images_of_each_corruption_are_those_that_were_recorded(found):
    recorded = json.loads(records.HASHES.read_text("utf-8"))
    if recorded["platform"] != records.here():
        pytest.skip("bytes are compared on the recorded platform; parts are on every one")
    assert {name: records.hashes(each) for name, each in found.items()} == recorded["sha256"]


def test_they_are_close_to_the_recorded_ones_on_every_platform(found):
    with np.load(records.PARTS) as parts:
        assert set(parts.files) == set(found) == set(ALL)
        for name, images in found.items():
            apart = np.abs(images[:, *records.PART].astype(int) - parts[name])
            assert apart.mean() < 1, name
            assert (apart > 8).mean() < 0.02, name


def test_severities_are_ordered_by_the_mean_squared_change(squared_changes):
    # Severity 3 and 4 of motion blur differ in weights that round to nothing, and by their draws.
    wrong = {
        name: changes
        for name, changes in squared_changes.items()
        if not ALL[name].unordered and any(b < 0.97 * a for a, b in pairwise(changes))
    }
    assert wrong == {}
    for name, changes in squared_changes.items():
        assert min(changes) > 0, name


def test_what_is_not_ordered_says_why_and_grows_in_another_way(squared_changes):
    exempt = {name for name, each in ALL.items() if each.unordered}
    assert exempt == {"elastic_transform", "frost", "glass_blur", "saturate", "spatter"}
    glass = squared_changes["glass_blur"]
    assert min(glass[3:]) > max(glass[:3])  # two passes against one
    images = records.scenes()
    lost = [_not_explained(images, corrupt(images, "frost", each)) for each in SEVERITIES]
    assert lost == sorted(lost)  # what no brightness nor contrast makes up for


def _not_explained(images, changed):
    """The share of the variance that is not a linear function of the clean image."""
    pairs = zip(images.reshape(len(images), -1), changed.reshape(len(images), -1), strict=True)
    return np.mean([1 - np.corrcoef(clean, dirty)[0, 1] ** 2 for clean, dirty in pairs])


@pytest.mark.parametrize("name", ALL)
def test_an_image_is_the_same_in_any_batch_and_order(name):
    images = records.scenes(5)
    clean = images.copy()
    together = corrupt(images, name, 4, seed=3)
    order = np.array([3, 0, 4, 2, 1])
    assert np.array_equal(corrupt(images[order], name, 4, seed=3), together[order])
    assert np.array_equal(corrupt(images[1:2], name, 4, seed=3), together[1:2])
    assert np.array_equal(images, clean)
    assert together.dtype == np.uint8
    assert together.shape == images.shape
    assert np.array_equal(corrupt(images[:, :, ::-1][:, :, ::-1], name, 4, seed=3), together)


def test_draws_differ_by_seed_severity_and_image():
    images = np.repeat(records.scenes(1), 2, axis=0)
    alike = corrupt(images, "gaussian_noise", 1)
    assert np.array_equal(alike[0], alike[1])
    apart = corrupt(images, "gaussian_noise", 1, keys=(0, 1))
    assert not np.array_equal(apart[0], apart[1])
    assert not np.array_equal(corrupt(images, "gaussian_noise", 1, seed=1), alike)
    field = [corrupt(images, "frost", severity)[0] for severity in (1, 2)]
    assert np.corrcoef(*(each.ravel() - images[0].ravel() * 1.0 for each in field))[0, 1] < 0.9


@pytest.mark.parametrize("level", [0, 77, 255])
def test_constant_images_stay_what_they_are_where_nothing_is_added(level):
    images = np.full((2, 3, 32, 32), level, np.uint8)
    moved = {"glass_blur", "motion_blur", "defocus_blur", "zoom_blur", "gaussian_blur"}
    for name in (*moved, "elastic_transform", "pixelate", "contrast"):
        for severity in SEVERITIES:
            assert np.array_equal(corrupt(images, name, severity), images), (name, severity)
    assert np.abs(corrupt(images, "jpeg_compression", 5).astype(int) - level).max() <= 2
    for name in ALL:
        assert corrupt(images, name, 5).shape == images.shape


def test_gray_images_of_one_channel_are_those_of_three_equal_ones():
    one = records.scenes(3, channels=1)
    three = np.repeat(one, 3, axis=1)
    drawn_per_value = {"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"}
    for name in set(ALL) - drawn_per_value - {"saturate", "jpeg_compression", "frost", "spatter"}:
        gray, color = corrupt(one, name, 3, keys=range(3)), corrupt(three, name, 3, keys=range(3))
        assert np.abs(color.astype(int) - gray).max() <= 1, name
    for name in (*drawn_per_value, "jpeg_compression", "frost", "spatter"):
        assert corrupt(one, name, 3).shape == one.shape


@pytest.mark.parametrize(
    ("shape", "missing"),
    [
        ((1, 8, 8), {"defocus_blur", "glass_blur", "zoom_blur", "pixelate", "gaussian_blur"}),
        ((1, 28, 28), set()),
        ((3, 16, 23), set()),
        ((3, 75, 64), set()),
    ],
)
def test_other_sizes_get_what_is_defined_for_them(shape, missing):
    channels, height, width = shape
    images = records.scenes(2, max(height, width), channels)[:, :, :height, :width]
    benchmark, validation = defined_for(*shape)
    gray = {"saturate"} if channels == 1 else set()
    assert {*benchmark, *validation} == set(ALL) - missing - gray
    for name in (*benchmark, *validation):
        changed = corrupt(images, name, 5)
        assert changed.shape == images.shape
        assert not np.array_equal(changed, images), name
    for name in missing:
        with pytest.raises(InputError, match="not defined for images of shape"):
            corrupt(images, name, 5)


def test_a_mistake_is_named():
    images = records.scenes(1)
    with pytest.raises(InputError, match="frozt"):
        corrupt(images, "frozt", 1)
    severities: tuple[Any, ...] = (0, 6, 1.5, "3")
    for severity in severities:
        with pytest.raises(InputError, match="severity must be"):
            corrupt(images, "frost", severity)
    wrong_ones: tuple[Any, ...] = (
        *(images / 255.0, images[0], images[:, :2], images[:, :, :7], images.tolist()),
    )
    for wrong in wrong_ones:
        with pytest.raises(InputError, match="images must"):
            corrupt(wrong, "frost", 1)
    with pytest.raises(InputError, match="one per image, got 1 for 3 images"):
        corrupt(records.scenes(3), "frost", 1, keys=[0])
    for seed, keys in ((-1, [0]), (0, [-1])):
        with pytest.raises(InputError, match="at least 0, got -1"):
            corrupt(images, "frost", 1, seed=seed, keys=keys)
