"""Triggers: the same on every image, in [0, 1], and drawn from their own seed."""

import pytest
import torch

from benchmark.attacks.backdoor import AdditiveNoise, BlendedNoise, Patch, RandomPixels
from models_zoo.errors import InputError

TRIGGERS = [
    Patch(2, 0.3),
    Patch(3, 1.0, "centre"),
    RandomPixels(5),
    BlendedNoise(0.2),
    AdditiveNoise(0.1),
]
RANDOM = [RandomPixels(5), BlendedNoise(0.2), AdditiveNoise(0.1)]


@pytest.fixture
def images():
    return torch.rand(4, 3, 6, 7, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("trigger", TRIGGERS, ids=str)
def test_a_stamp_is_the_same_in_every_batch_and_leaves_the_originals_alone(trigger, images):
    before, state = images.clone(), torch.get_rng_state()
    stamped = trigger.stamp(images)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert stamped.shape == images.shape
    assert stamped.dtype == images.dtype
    assert float(stamped.min()) >= 0
    assert float(stamped.max()) <= 1
    assert (stamped != images).flatten(1).any(1).all()
    assert torch.equal(torch.cat([trigger.stamp(image[None]) for image in images]), stamped)


@pytest.mark.parametrize("trigger", RANDOM, ids=str)
def test_a_random_pattern_belongs_to_its_seed(trigger, images):
    assert torch.equal(trigger.seeded(7).stamp(images), trigger.seeded(7).stamp(images))
    assert not torch.equal(trigger.seeded(7).stamp(images), trigger.seeded(8).stamp(images))


def test_nothing_is_random_about_a_patch():
    assert Patch(2).seeded(7) == Patch(2)


@pytest.mark.parametrize(
    ("position", "rows", "columns"),
    [
        ("lower right", [4, 5], [5, 6]),
        ("lower left", [4, 5], [0, 1]),
        ("upper right", [0, 1], [5, 6]),
        ("upper left", [0, 1], [0, 1]),
        ("centre", [2, 3], [2, 3]),
    ],
)
def test_a_patch_is_a_square_at_its_position(position, rows, columns):
    stamped = Patch(2, 0.75, position).stamp(torch.zeros(2, 3, 6, 7))
    changed = (stamped != 0).nonzero()
    assert sorted(set(changed[:, 2].tolist())) == rows
    assert sorted(set(changed[:, 3].tolist())) == columns
    assert float(stamped.sum()) == pytest.approx(2 * 3 * 4 * 0.75)


def test_random_pixels_are_as_many_as_asked_at_the_same_places_of_every_image():
    images = torch.full((3, 2, 6, 7), -1.0)  # no colour equals it
    stamped = RandomPixels(11).stamp(images)
    changed = stamped != -1
    assert (changed.sum((2, 3)) == 11).all()
    assert (changed == changed[:1, :1]).all()
    assert torch.equal(stamped[0], stamped[2])
    assert len(stamped[changed].unique()) == 22


def test_blended_noise_is_a_convex_combination_with_one_picture(images):
    trigger = BlendedNoise(0.2)
    black, white = (trigger.stamp(torch.full_like(images, value)) for value in (0.0, 1.0))
    assert float(black.min()) >= 0
    assert 0.15 < float(black.max()) <= 0.2
    torch.testing.assert_close(white - black, torch.full_like(images, 0.8))
    torch.testing.assert_close(trigger.stamp(images), 0.8 * images + black)


def test_additive_noise_moves_every_value_by_eps_and_clips():
    trigger = AdditiveNoise(0.1)
    moved = trigger.stamp(torch.full((2, 3, 6, 7), 0.5)) - 0.5
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, 0.1))
    assert 0.3 < float((moved > 0).double().mean()) < 0.7
    assert float(trigger.stamp(torch.ones(1, 3, 6, 7)).max()) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Patch(0), "a trigger's size must be at least 1, got 0"),
        (lambda: Patch(2, 1.5), r"a trigger's value must be in \[0, 1\], got 1.5"),
        (
            lambda: Patch(2, 1.0, "center"),  # type: ignore[arg-type]
            "unknown position of a trigger 'center'; did you mean",
        ),
        (lambda: RandomPixels(0), "a trigger's count must be at least 1, got 0"),
        (lambda: BlendedNoise(0.0), r"a trigger's weight must be in \(0, 1\], got 0"),
        (lambda: AdditiveNoise(2.0), r"a trigger's eps must be in \(0, 1\], got 2"),
    ],
)
def test_triggers_that_make_no_sense_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("trigger", [Patch(7), RandomPixels(43)], ids=str)
def test_a_trigger_larger_than_the_images_is_refused(trigger, images):
    with pytest.raises(InputError, match=r"does not fit on images of 6x7 pixels"):
        trigger.stamp(images)
