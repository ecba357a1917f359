"""Single corruptions against their definitions, written in another way."""

import colorsys

import numpy as np
import pytest
from scipy import ndimage

from benchmark.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from benchmark.corruptions import elastic as elastic_module
from benchmark.corruptions.defocus_blur import _disk
from benchmark.corruptions.draws import generators
from benchmark.corruptions.filters import correlated
from benchmark.corruptions.fractal import fractal
from benchmark.corruptions.glass_blur import _origins
from benchmark.corruptions.pixels import to_bytes, to_reals
from benchmark.corruptions.streaks import streaked
from benchmark.corruptions.zoom import zoom_matrix
from benchmark.corruptions.zoom_blur import _averaged
from tests.benchmark.corruption_records import scenes

RNG = np.random.default_rng(0)


def test_values_are_truncated_but_rounding_errors_are_not():
    assert to_bytes(np.array([0.999 / 255, 1 / 255 - 1e-15, -1.0, 2.0])).tolist() == [0, 1, 0, 255]
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_bytes(to_reals(levels)), levels)


def test_noise_is_as_strong_as_its_constants_say():
    gray = np.full((4, 3, 64, 64), 128, np.uint8)
    for severity in SEVERITIES:
        deviation = corrupt(gray, "gaussian_noise", severity, keys=range(4)).std() / 255
        assert deviation == pytest.approx(CORRUPTIONS["gaussian_noise"].levels[severity - 1], 0.03)
        photons = CORRUPTIONS["shot_noise"].levels[severity - 1]
        shot = corrupt(gray, "shot_noise", severity, keys=range(4)).std() / 255
        assert shot == pytest.approx(np.sqrt(128 / 255 / photons), 0.03)
        speckle = corrupt(gray, "speckle_noise", severity, keys=range(4)).std() / 128
        assert speckle == pytest.approx((0.06, 0.1, 0.12, 0.16, 0.2)[severity - 1], 0.03)
        struck = corrupt(gray, "impulse_noise", severity, keys=range(4))
        amount = CORRUPTIONS["impulse_noise"].levels[severity - 1]
        assert (struck == 0).mean() == pytest.approx(amount / 2, 0.15)
        assert (struck == 255).mean() == pytest.approx(amount / 2, 0.15)


def test_a_pass_of_glass_is_a_walk_from_the_lower_right_that_copies():
    for shift, size in ((1, 16), (2, 20), (5, 40)):
        height, width = size, size + 3
        values = RNG.integers(0, 10**6, (height, width))
        walked = values.copy()
        rows, columns = range(shift + 1, height - shift + 1), range(shift + 1, width - shift + 1)
        moves = generators(0, "glass_blur", 1, [5])[0].integers(
            -shift, shift, (2, len(rows), len(columns))
        )
        for row in reversed(rows):
            for column in reversed(columns):
                down, right = moves[:, row - rows[0], column - columns[0]]
                walked[row, column] = walked[row + down, column + right]
        origins = _origins(generators(0, "glass_blur", 1, [5]), height, width, shift)
        assert np.array_equal(values.ravel()[origins[0]].reshape(height, width), walked)


def test_a_streak_lies_on_one_side_of_a_point():
    point = np.zeros((4, 1, 21, 21))
    point[:, :, 10, 10] = 1
    right, down, left, up = streaked(point, 4, 2.0, np.array([0.0, 90.0, 180.0, 270.0]))[:, 0]
    weights = np.exp(-0.5 * (np.arange(9) / 2.0) ** 2)
    weights /= weights.sum()
    # The pixel that looks to its right sees the point, so that the point is drawn to the left.
    assert right[10, 2:11] == pytest.approx(weights[::-1])
    assert left[10, 10:19] == pytest.approx(weights)
    assert down[2:11, 10] == pytest.approx(weights[::-1])
    assert up[10:19, 10] == pytest.approx(weights)


def test_a_disk_is_that_of_its_pixels_and_keeps_the_light_at_any_size():
    assert _disk(1.0, 1e-3, 1.0) == pytest.approx(
        np.pad([[0, 0.2, 0], [0.2, 0.2, 0.2], [0, 0.2, 0]], 1)
    )
    for scale in (0.5, 28 / 32, 1.0, 2.0, 7.0):
        spreads = []
        for level in CORRUPTIONS["defocus_blur"].levels:
            kernel = _disk(*level, scale)
            assert kernel.sum() == pytest.approx(1)
            places = np.arange(len(kernel)) - len(kernel) // 2
            spreads.append(kernel.sum(0) @ places**2)
        assert spreads == sorted(spreads)


@pytest.mark.parametrize("side", [3, 11])
def test_correlation_is_that_of_scipy(side):
    images, kernel = RNG.random((2, 3, 20, 17)), RNG.random((side, side + 2))
    expected = ndimage.correlate(images, kernel[None, None], mode="mirror")
    assert correlated(images, kernel) == pytest.approx(expected)


@pytest.mark.parametrize("factor", [1.0, 1.07, 1.25, 1.75, 2.25])
def test_a_zoom_is_that_of_scipy(factor):
    for size in (32, 45):
        kept = int(np.ceil(size / factor))
        first = (size - kept) // 2
        line = RNG.random(size)
        enlarged = ndimage.zoom(line[first : first + kept], factor, order=1)
        cut = (len(enlarged) - size) // 2
        assert zoom_matrix(size, factor) @ line == pytest.approx(enlarged[cut : cut + size])


def test_both_ways_to_blur_by_zooms_agree():
    images = scenes(2)
    for severity, count in zip(SEVERITIES, CORRUPTIONS["zoom_blur"].levels, strict=True):
        one_by_one = to_bytes(_averaged(to_reals(images), count))
        assert np.array_equal(corrupt(images, "zoom_blur", severity), one_by_one)


def test_elastic_samples_as_scipy_does_and_three_points_go_where_they_were_moved():
    images = RNG.random((2, 1, 16, 19))
    rows, columns = RNG.uniform(-20, 40, (2, 16, 19)), RNG.uniform(-20, 40, (2, 16, 19))
    for half_pixel, mode in ((True, "reflect"), (False, "mirror")):
        found = elastic_module._sampled(images, rows, columns, half_pixel=half_pixel)
        for place in range(2):
            expected = ndimage.map_coordinates(
                images[place, 0], (rows[place], columns[place]), order=1, mode=mode
            )
            assert found[place, 0] == pytest.approx(expected)
    height, width, move = 32, 40, 2.5
    moves = generators(0, "elastic_transform", 1, [4])[0].random((3, 2)) * 2 * move - move
    down, across = elastic_module._affine(
        generators(0, "elastic_transform", 1, [4]), height, width, move
    )
    points = np.array([[30, 26], [30, 6], [10, 6]])  # (x, y): the center and a third of the side
    for (x, y), (right, below) in zip(points, moves, strict=True):
        at = [[y + below], [x + right]]
        assert ndimage.map_coordinates(across[0], at, order=1) == pytest.approx(x)
        assert ndimage.map_coordinates(down[0], at, order=1) == pytest.approx(y)


def test_colors_change_as_in_the_hsv_model():
    images = scenes(1)
    images = np.where(images == images.max(), 255, images).astype(np.uint8)
    images[0, :, 0, :2] = [[0, 90], [0, 90], [0, 90]]  # black and gray have no hue
    for severity in SEVERITIES:
        brighter = corrupt(images, "brightness", severity)[0]
        saturated = corrupt(images, "saturate", severity)[0]
        added = CORRUPTIONS["brightness"].levels[severity - 1]
        factor, more = ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))[severity - 1]
        for row, column in ((0, 0), (0, 1), (9, 4), (20, 30), (31, 15)):
            h, s, v = colorsys.rgb_to_hsv(*(images[0, :, row, column] / 255))
            bright = colorsys.hsv_to_rgb(h, s, min(1.0, v + added))
            strong = colorsys.hsv_to_rgb(h, min(1.0, s * factor + more), v)
            assert brighter[:, row, column] == pytest.approx(np.array(bright) * 255, abs=1)
            assert saturated[:, row, column] == pytest.approx(np.array(strong) * 255, abs=1)


def test_contrast_is_taken_from_each_channel_about_its_mean():
    images = scenes(2)
    means = images.mean(axis=(2, 3), keepdims=True)
    expected = (images - means) * 0.4 + means
    assert np.array_equal(corrupt(images, "contrast", 3), np.floor(expected + 1e-6))


def test_clouds_range_from_0_to_1_and_are_rougher_with_a_smaller_decay():
    each = generators(0, "fog", 1, range(20))
    rough = {decay: fractal(each, 32, 32, decay) for decay in (3.0, 2.0, 1.5)}
    for heights in rough.values():
        assert heights.min(axis=(1, 2, 3)).tolist() == [0.0] * 20
        assert heights.max(axis=(1, 2, 3)) == pytest.approx(np.ones(20))
    steps = [np.abs(np.diff(heights, axis=3)).mean() for heights in rough.values()]
    assert steps == sorted(steps)
    assert fractal(each, 28, 20, 2.0).shape == (20, 1, 28, 20)


def test_fog_keeps_the_brightest_value_at_most():
    images = scenes(6) // 2
    foggy = corrupt(images, "fog", 5)
    assert (foggy.max(axis=(1, 2, 3)) <= images.max(axis=(1, 2, 3))).all()


def test_snow_makes_no_pixel_darker():
    images = scenes(4)
    assert (corrupt(images, "snow", 3) >= images).all()
