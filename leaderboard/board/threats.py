"""The threats that a reader of a board can choose among, with every model's outcomes under them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.budgets import budget_text
from leaderboard.formatting.texts import probe_text
from leaderboard.store import Summary

ASKED = ("clean", "input", "weight", "joint", "bits", "input-autoattack")
"""Probes with an outcome for every example, in the order in which they are offered."""

CHOSEN = ("clean", "input", "weight", "joint")
"""Those that are ticked at first: together they are non-singular robust accuracy."""

_BUDGETS = {
    "input": re.compile(r"(?P<ball>l\w+)@(?P<size>.+)"),
    "weight": re.compile(r"(?:(?P<ball>[\w-]+)@)?(?P<size>[\d./e-]+)"),
    "joint": re.compile(r"(?:(?P<norm>l\w+)@)?(?P<ball>(?!0x)[\d./e-]+)x(?P<size>(?!0$)[\d./e-]+)"),
}


@dataclass(frozen=True)
class Threat:
    """An adversary with its budget.

    Attributes:
        key: ``<probe>.<outcome>``, as outcomes are stored.
        group: the probe's title.
        label: the budget in words.
        chosen: whether it is ticked at first.
    """

    key: str
    group: str
    label: str
    chosen: bool


def threats_of(summaries: Sequence[Summary]) -> list[Threat]:
    """Every budget for which at least one model has an outcome for each example."""
    size = (summaries[0].examples + 7) // 8
    return threats_among(
        dict.fromkeys(k for s in summaries for k, bits in s.outcomes.items() if len(bits) == size)
    )


def threats_among(outcomes: Iterable[str]) -> list[Threat]:
    """The threats that some outcomes are about, the headline of a probe before its other budgets.

    Args:
        outcomes: ``<probe>.<outcome>``, each once.
    """
    names: dict[str, list[str]] = {}
    for key in outcomes:
        probe, _, name = key.partition(".")
        names.setdefault(probe, []).append(name)
    threats = []
    for probe in ASKED:
        if "headline" in names.get(probe, ()):
            label = "as it is" if probe == "clean" else "at the headline budget"
            title = probe_text(probe).title
            threats.append(Threat(f"{probe}.headline", title, label, probe in CHOSEN))
        threats += [threat for name in names.get(probe, ()) if (threat := _budget(probe, name))]
    return threats


def _budget(probe: str, name: str) -> Threat | None:
    """The threat of an outcome that is named by a budget."""
    pattern = _BUDGETS.get(probe)
    found = pattern.fullmatch(name) if pattern else None
    if found is None:
        return None
    ball, size = found["ball"], found["size"]
    norm = found.groupdict().get("norm") or "linf"
    words = {
        "input": f"{ball} {_pixels(size)}",
        "weight": f"{ball or 'relative radius'} {size}",
        "joint": f"{norm} {_pixels(ball or '')} and radius {size}",
    }
    return Threat(f"{probe}.{name}", probe_text(probe).title, words[probe], chosen=False)


def _pixels(text: str) -> str:
    """A radius around an image as people write it: its outcome's name has six digits of it."""
    try:
        levels = round(float(text) * 255) / 255
    except ValueError:
        return text
    return budget_text(levels) if f"{levels:g}" == text else text


def outcomes_payload(summaries: Sequence[Summary], threats: Sequence[Threat]) -> dict[str, Any]:
    """What a page needs to rank the models under any of the threats.

    Args:
        summaries: in the order of the board's rows.
        threats: what can be chosen.

    Returns:
        Plain data: for each threat the packed outcomes of all models, one after the other, in
        base64, and which models lack them.
    """
    examples = summaries[0].examples
    size = (examples + 7) // 8
    blank = bytes(size)
    rows = {t.key: [s.outcomes.get(t.key) for s in summaries] for t in threats}
    return {
        "examples": examples,
        "threats": [
            {
                "key": t.key,
                "bits": b64encode(
                    b"".join(row if row and len(row) == size else blank for row in rows[t.key])
                ).decode(),
                "missing": [
                    i for i, row in enumerate(rows[t.key]) if row is None or len(row) != size
                ],
            }
            for t in threats
        ],
    }
