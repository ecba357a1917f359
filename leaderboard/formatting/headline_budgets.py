"""The budgets of a battery's headline scores as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaderboard.formatting.texts import plain

_OTHERS = {
    "eps": "linf",
    "average_radius": "average-case radius",
    "worst_radius": "worst-case radius",
}
"""Settings that are budgets of headline scores without ``headline`` in their name."""


def is_headline(setting: str) -> bool:
    """Whether a setting of a probe is the budget of a headline score."""
    return setting.startswith("headline") or setting in _OTHERS


def headline_norm(battery: Mapping[str, Any], probe: str) -> str:
    """The norm of a probe's headline score: linf where the battery names none.

    Args:
        battery: its content.
        probe: one that attacks images.
    """
    return str(battery.get("probes", {}).get(probe, {}).get("headline_norm", "linf"))


def headline_budgets(settings: Mapping[str, Any]) -> str:
    """A probe's headline budgets, such as ``linf 0.2; l2 0.6``; empty where it has none.

    That of the headline norm comes first.

    Args:
        settings: the probe's, as a battery has them.
    """
    first = f"headline_{settings.get('headline_norm')}"
    names = [name for name in settings if is_headline(name) and name != "headline_norm"]
    return "; ".join(
        f"{_kind(name, settings)} {plain(settings[name])}"
        for name in sorted(names, key=lambda name: name != first)
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
