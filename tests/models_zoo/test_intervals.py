"""Boxes contain the images of their members, and no less than they need."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from models_zoo.intervals import Box

BOX = Box(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 3.0]]))


def corners(box: Box) -> list[torch.Tensor]:
    """Every vertex of a box of two entries."""
    signs = torch.cartesian_prod(torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0]))
    return [box.center + sign * box.radius for sign in signs]


def smallest(points: list[torch.Tensor]) -> Box:
    """The smallest box around points."""
    rows = torch.stack(points)
    return Box.between(rows.amin(0), rows.amax(0))


def assert_equal(found: Box, expected: Box) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("function", [torch.relu, torch.sigmoid])
def test_a_monotone_function_maps_a_box_to_the_box_of_its_corners(function):
    assert_equal(BOX.activated(function), smallest([function(each) for each in corners(BOX)]))


def test_a_linear_map_maps_a_box_to_the_smallest_box_around_its_image():
    weight = torch.tensor([[1.0, -1.0], [2.0, 0.5], [0.0, 3.0]])
    expected = smallest([F.linear(each, weight) for each in corners(BOX)])
    assert_equal(BOX.mapped(weight, F.linear), expected)


def test_sums_and_magnitudes_are_those_of_the_corners():
    other = Box(torch.tensor([[0.0, 4.0]]), torch.tensor([[1.0, 0.25]]))
    sums = [one + two for one in corners(BOX) for two in corners(other)]
    assert_equal(BOX.plus(other), smallest(sums))
    assert torch.equal(BOX.magnitude, torch.stack(corners(BOX)).abs().amax(0))


def test_images_stay_between_black_and_white():
    images = torch.tensor([0.0, 0.05, 0.5, 1.0]).view(1, 1, 2, 2)
    box = Box.around_images(images, 0.1)
    low, high = (box.center - box.radius).flatten(), (box.center + box.radius).flatten()
    torch.testing.assert_close(low, torch.tensor([0.0, 0.0, 0.4, 0.9]))
    torch.testing.assert_close(high, torch.tensor([0.1, 0.15, 0.6, 1.0]))
