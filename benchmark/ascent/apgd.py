"""APGD: projected ascent with momentum, whose step is halved where progress stops.

``z = project(x + step * steepest(gradient))`` and ``x <- project(x + a (z - x) + (1 - a) (x -
x_previous))`` with momentum ``a``. At checkpoints (after 22% of the steps, then in windows that
shrink by 3% to 6%) a row whose objective increased in too few steps halves its step and restarts
from its best point.

Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of
diverse parameter-free attacks", section 3 and algorithm 1.

Hyper-parameters: number of steps, length of the first step in radii of the space, and the paper's
rho, :data:`MIN_INCREASING_SHARE`.

Each row keeps its own step size, and broken rows leave the batch. How many have is known on the CPU
at once; an accelerator would have to be waited for, so there they leave at checkpoints, and no step
waits. The same schedule runs in weight space, where there is one row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.ascent.result import AscentResult, Evaluate, Evaluation
from benchmark.spaces import Point, Space

MIN_INCREASING_SHARE = 0.75
"""A row whose objective increased in at most this share of a window's steps halves its step."""

COMPACTION_DENOMINATOR = 8
"""Broken rows are removed from the batch once they are at least one in this many, since the other
rows are copied."""


@dataclass
class _State:
    """The rows in the batch. Tensors of shape (rows,) and points with as many rows.

    Rows that are ``broken`` but still in the batch keep as ``best`` the point that broke them.
    """

    rows: Tensor
    broken: Tensor
    point: Point
    previous: Point
    gradient: Point
    best: Point
    best_gradient: Point
    values: Tensor
    best_values: Tensor
    step: Tensor
    increases: Tensor
    checkpoint_values: Tensor
    just_halved: Tensor

    def take(self, space: Space, keep: Tensor) -> _State:
        kept: dict[str, Any] = {
            name: space.pick(value, keep) if isinstance(value, dict) else value[keep]
            for name, value in vars(self).items()
        }
        return _State(**kept)


def apgd(
    space: Space, evaluate: Evaluate, start: Point, steps: int, *, first_step: float = 2.0
) -> AscentResult:
    """Ascend from ``start`` and keep the best point per row.

    Args:
        space: the set to stay inside.
        evaluate: the objective and its gradient.
        start: a point of ``space``.
        steps: number of steps; there is one more evaluation.
        first_step: the first step's length, in radii of the space.
    """
    rows = torch.arange(space.rows, device=next(iter(start.values())).device)
    first = evaluate(start, rows)
    result = AscentResult(
        {name: tensor.clone() if space.rows > 1 else tensor for name, tensor in start.items()},
        first.values.clone(),
        torch.zeros_like(first.values, dtype=torch.bool),
    )
    untouched = torch.zeros_like(first.values, dtype=torch.bool)
    state = _State(
        rows=rows,
        broken=untouched if first.broken is None else first.broken,
        point=start,
        previous=start,
        gradient=first.gradient,
        best=start,
        best_gradient=first.gradient,
        values=first.values,
        best_values=first.values,
        step=torch.full_like(first.values, first_step, dtype=torch.float32),
        increases=torch.zeros_like(first.values),
        checkpoint_values=first.values,
        just_halved=torch.ones_like(first.values, dtype=torch.bool),
    )
    stops, at_once = first.broken is not None, compacts_at_once(rows.device)
    del first  # so that the state holds the only reference to the gradient
    if stops:
        space, state = _without_broken(result, space, state)

    window, since = max(math.ceil(0.22 * steps), 1), 0
    for step in range(steps):
        if not len(state.rows):
            break
        moved = _moved(space, state, again=step > 0)
        state.previous = state.gradient = {}  # freed before the model allocates its own memory
        _advance(space, state, moved, evaluate(moved, state.rows))
        since += 1
        if stops and (at_once or since == window):
            space, state = _without_broken(result, space, state)
        if since == window and len(state.rows):
            _shorten(space, state, window)
            since = 0
            window = max(window - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1))
    _record(result, space, state, torch.ones_like(state.broken))
    return result


def compacts_at_once(device: torch.device) -> bool:
    """Whether broken rows leave after every step, which takes their number, or at checkpoints."""
    return device.type == "cpu"


def _moved(space: Space, state: _State, *, again: bool) -> Point:
    """One step along the gradient; from the second step on also along the previous move."""
    uphill = space.steepest(state.gradient, state.point)
    moved = space.project(space.move(state.point, uphill, state.step))
    if again and space.momentum < 1:
        moved = space.project(blend(space.momentum, moved, state.point, state.previous))
    return moved


def blend(momentum: float, moved: Point, point: Point, previous: Point) -> Point:
    """``point + a (moved - point) + (1 - a) (point - previous)`` with ``a`` the momentum."""
    return {
        name: torch.lerp(here, moved[name], momentum).add_(
            here - previous[name], alpha=1 - momentum
        )
        for name, here in point.items()
    }


def _advance(space: Space, state: _State, moved: Point, found: Evaluation) -> None:
    """Update the state by a step."""
    better = found.values > state.best_values
    if found.broken is not None:
        better = (better | found.broken) & ~state.broken
        state.broken = state.broken | found.broken
    state.increases = state.increases + (found.values > state.values)
    state.best = space.where(better, moved, state.best)
    state.best_gradient = space.where(better, found.gradient, state.best_gradient)
    state.best_values = torch.where(better, found.values, state.best_values)
    state.previous, state.point = state.point, moved
    state.gradient, state.values = found.gradient, found.values


def _shorten(space: Space, state: _State, window: int) -> None:
    """Halve the step of rows that oscillate or stall, and restart them from their best point."""
    stuck = ~state.just_halved & (state.best_values <= state.checkpoint_values)
    halve = (state.increases <= MIN_INCREASING_SHARE * window) | stuck
    state.step = torch.where(halve, state.step / 2, state.step)
    state.point = space.where(halve, state.best, state.point)
    state.gradient = space.where(halve, state.best_gradient, state.gradient)
    state.values = torch.where(halve, state.best_values, state.values)
    state.just_halved, state.checkpoint_values = halve, state.best_values
    state.increases = torch.zeros_like(state.increases)


def _without_broken(result: AscentResult, space: Space, state: _State) -> tuple[Space, _State]:
    """Write broken rows into the result if they are enough; return the others' space and state."""
    staying = (~state.broken).nonzero().squeeze(1)
    if COMPACTION_DENOMINATOR * (len(state.rows) - len(staying)) < len(state.rows):
        return space, state
    _record(result, space, state, state.broken)
    return space.take(staying), state.take(space, staying)


def _record(result: AscentResult, space: Space, state: _State, which: Tensor) -> None:
    """Write the best points of some rows into the result, and whether they are broken."""
    chosen = which.nonzero().squeeze(1)
    if len(chosen) == len(result.values):
        result.point.update(state.best)
    else:
        for name, tensor in space.pick(state.best, chosen).items():
            result.point[name].index_copy_(0, state.rows[chosen], tensor)
    result.values[state.rows[chosen]] = state.best_values[chosen]
    result.broken[state.rows[chosen]] = state.broken[chosen]
