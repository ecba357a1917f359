"""The budgets of a battery's headline scores in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaderboard.texts import plain

_OTHERS = {
    "eps": "linf",
    "average_radius": "average-case radius",
    "worst_radius": "worst-case radius",
}
"""Settings that are budgets of headline scores without ``headline`` in their name."""


def is_headline(setting: str) -> bool:
    """Whether a setting of a probe is a budget of the scores on the front page."""
    return setting.startswith("headline") or setting in _OTHERS


def headline_budgets(settings: Mapping[str, Any]) -> str:
    """A probe's headline budgets, such as ``linf 0.2; l2 0.6``; empty where it has none.

    Args:
        settings: the probe's, as a battery has them.
    """
    return "; ".join(
        f"{_kind(name, settings)} {plain(value)}"
        for name, value in settings.items()
        if is_headline(name)
    )


def _kind(name: str, settings: Mapping[str, Any]) -> str:
    if name == "eps":
        return str(settings.get("norm", _OTHERS[name]))
    if name in _OTHERS:
        return _OTHERS[name]
    kind = name.removeprefix("headline").strip("_").replace("_", " ")
    if kind:
        return kind
    return f"{settings['geometry']} radius" if "geometry" in settings else "linf"
