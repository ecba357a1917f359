"""Descents from far outside the ball, where ascents from inside see no boundary."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.attacks.inputs.cascade import Scheduler
from benchmark.attacks.inputs.efforts import EFFORTS
from benchmark.attacks.inputs.minimum_norm import inverse_start
from benchmark.attacks.inputs.outside_descents import OutsideDescents
from benchmark.attacks.inputs.state import AttackState
from benchmark.spaces import InputBall
from benchmark.subject import Subject


class Plateau(nn.Module):
    """Class 0 near the images, and class 1 beyond a wall, with a slope that points back inside.

    The logit gap falls towards the images beyond the wall only; inside it increases slightly with
    the distance, so that an ascent from inside goes back.
    """

    def __init__(self, center: torch.Tensor, wall: float) -> None:
        super().__init__()
        self.center, self.wall = center, wall
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        away = torch.linalg.vector_norm((images - self.center).flatten(1), dim=1)
        inside = -1 - 0.1 * away
        beyond = 20 * (away - self.wall)
        gap = torch.where(away < self.wall, inside, beyond + 1e-3)
        return torch.stack([torch.zeros_like(gap), gap + self.bias], dim=1)


DESCENTS = next(search for search in EFFORTS["standard"] if isinstance(search, OutsideDescents))


@pytest.fixture
def state():
    images = torch.full((1, 1, 6, 6), 0.25)
    subject = Subject(Plateau(images, 0.8), images, torch.zeros(1, dtype=torch.int64))
    return AttackState.of(subject, InputBall(images, "l2", 1.0))


def test_they_find_a_boundary_that_no_ascent_from_the_image_sees(state):
    scheduler = Scheduler(state, ("test",))
    for search in EFFORTS["standard"][:4]:  # those before any restart outside
        scheduler.run_one(search)
    assert bool(state.robust.all())
    scheduler.run_one(OutsideDescents(DESCENTS.descents))
    assert not bool(state.robust.any())
    length = float(torch.linalg.vector_norm(state.images - state.subject.images))
    assert 0.8 <= length <= 1


def test_they_run_on_what_the_screening_left_out(state):
    state.reachable[:] = False
    assert bool(OutsideDescents(DESCENTS.descents).select(state).all())


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_the_inverse_start_is_at_its_radius_and_in_the_box(norm):
    images = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    radii = torch.full((5,), {"linf": 0.2, "l2": 0.5, "l1": 2.0}[norm])
    start = inverse_start(images, norm, radii)
    order = {"linf": torch.inf, "l2": 2.0, "l1": 1.0}[norm]
    moved = torch.linalg.vector_norm((start - images).flatten(1), ord=order, dim=1)
    torch.testing.assert_close(moved, radii, rtol=1e-3, atol=0)
    assert float(start.min()) >= 0
    assert float(start.max()) <= 1
    toward = (start - images) * (1 - 2 * images)
    assert float(toward.min()) >= -1e-6
