"""Effects, scores and missing results as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.results import Score
from leaderboard.effects import Effect
from leaderboard.findings.panels import Checkpoint, Panel
from leaderboard.formatting.texts import ABSENT, interval, number

_MINUS = "\N{MINUS SIGN}"


def scored(score: Score | None, unit: str) -> str:
    """A score with its interval, or a dash where there is none."""
    if score is None:
        return ABSENT
    ends = interval(score, unit)
    return number(score.value, unit) + (f" ({ends})" if ends else "")


def points(effect: Effect | Score) -> str:
    """A difference of shares in percentage points, with its interval."""
    return _signed([100 * v for v in (effect.value, effect.low, effect.high)], ".1f")


def signed(effect: Effect) -> str:
    """Any other effect, with its interval."""
    return _signed([effect.value, effect.low, effect.high], ".2f")


def chance(p: float | None) -> str:
    """A p-value."""
    if p is None:
        return ABSENT
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def missing_recipes(panel: Panel, *groups: Sequence[str]) -> list[str]:
    """For each group of recipes of which the panel has no checkpoint, how to get one."""
    return [
        f"No checkpoint of {' or '.join(f'`{name}`' for name in group)} is scored: "
        f"`nonsingular train {group[0]} --dataset {panel.dataset} ...`, then "
        f"`nonsingular bench --battery {panel.battery} ...`."
        for group in groups
        if not panel.trained_by(*group)
    ]


def missing_probe(panel: Panel, probes: Sequence[str], without: Sequence[Checkpoint]) -> list[str]:
    """Which checkpoints lack one of the probes and how to run them; nothing where none does."""
    if not without:
        return []
    names = ", ".join(checkpoint.name for checkpoint in without)
    options = " ".join(f"--probe {probe}" for probe in probes)
    return [
        f"Without results of {' and '.join(f'`{probe}`' for probe in probes)}: {names}. "
        f"`nonsingular bench --battery {panel.battery} {options} ...` adds them."
    ]


def _signed(numbers: Sequence[float], form: str) -> str:
    value, low, high = (f"{n:+{form}}".replace("-", _MINUS) for n in numbers)
    return f"{value} ({low} to {high})" if all(map(math.isfinite, numbers)) else value
