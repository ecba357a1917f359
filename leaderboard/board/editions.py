"""What tells boards of the same battery apart: its version, and the examples."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.batteries import battery_histories
from leaderboard.store import Summary

DIGITS = 6
"""Digits of a hash that are shown."""


def is_earlier(battery: str, sha256: str) -> bool:
    """Whether a hash is that of an earlier version of one of the suite's batteries.

    Args:
        battery: name.
        sha256: of its content.
    """
    history = battery_histories().get(battery, ())
    return any(each.sha256 == sha256 for each in history[:-1])


def edition(group: Sequence[Summary], groups: Sequence[Sequence[Summary]], noun: str) -> str:
    """What tells a board from others of its battery; empty where nothing has to.

    Args:
        group: the results on the board.
        groups: those of every board.
        noun: what an example is.
    """
    own = group[0]
    if is_earlier(own.battery, own.battery_sha256):
        parts = [f"earlier version {own.battery_sha256[:DIGITS]}"]
    else:
        parts = []
    others = [
        other[0]
        for other in groups
        if other is not group and other[0].battery_sha256 == own.battery_sha256
    ]
    if any(other.examples == own.examples for other in others):
        parts.append(f"data {own.data_sha256[:DIGITS]}")
    elif others:
        parts.append(f"{own.examples:,} {noun}{'s' if own.examples != 1 else ''}")
    return ", ".join(parts)
