"""The threats that a reader of a board can choose among, with every model's outcomes under them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.headline import headline_probes
from benchmark.probes import PROBES
from benchmark.results import OutcomeKind
from leaderboard.board.cell_texts import count_text
from leaderboard.formatting.texts import probe_text
from leaderboard.store import Summary

_FIRST = ("headline", "reference")
"""Roles of the outcomes that are offered before those at other budgets."""


@dataclass(frozen=True)
class Threat:
    """An adversary with its budget, as a reader can choose it.

    Attributes:
        key: ``<probe>.<outcome>``, as outcomes are stored.
        group: the probe's title.
        label: the budget as text.
        chosen: whether it is ticked at first; together these are non-singular robust accuracy.
    """

    key: str
    group: str
    label: str
    chosen: bool


def offering_probes() -> list[str]:
    """The probes whose threats are offered, in that order."""
    return [name for name, probe in PROBES.items() if probe.offers_threats]


def threats_of(summaries: Sequence[Summary]) -> list[Threat]:
    """Every threat under which at least one model has an outcome for each example."""
    size = (summaries[0].examples + 7) // 8
    kinds: dict[str, dict[str, OutcomeKind]] = {}
    for summary in summaries:
        for probe, by_name in summary.kinds.items():
            for name, kind in by_name.items():
                if len(summary.outcomes.get(f"{probe}.{name}", b"")) == size:
                    kinds.setdefault(probe, {}).setdefault(name, kind)
    return threats_among(kinds)


def threats_among(kinds: Mapping[str, Mapping[str, OutcomeKind]]) -> list[Threat]:
    """The threats that some outcomes are about, each once: a probe's headline, then other budgets.

    Args:
        kinds: what outcomes are about, by probe and name.
    """
    threats = []
    for probe in offering_probes():
        title, of_probe = probe_text(probe).title, kinds.get(probe, {})
        for name, kind in of_probe.items():
            if kind.role in _FIRST:
                label = _headline_label(kind)
                threats.append(Threat(f"{probe}.{name}", title, label, _is_part(probe, kind)))
        listed = {kind.threat for kind in of_probe.values() if kind.role in _FIRST}
        threats += [
            Threat(f"{probe}.{name}", title, label, chosen=False)
            for name, label in budget_labels(of_probe).items()
            if of_probe[name].threat not in listed
        ]
    return threats


def budget_labels(kinds: Mapping[str, OutcomeKind]) -> dict[str, str]:
    """The budgets, besides that of the headline, at which a probe attacks, as the battery has them.

    Args:
        kinds: what the probe's outcomes are about, by name.

    Returns:
        Labels by the outcome's name. Products of two balls of which one has radius 0 are left out:
        another probe is about the other.
    """
    return {
        name: kind.threat.label
        for name, kind in kinds.items()
        if kind.role == "budget" and kind.threat is not None and all(kind.threat.budgets)
    }


def _headline_label(kind: OutcomeKind) -> str:
    if kind.threat is None:
        return "as it is"
    return f"{kind.threat.label} (headline)" if kind.role == "headline" else kind.threat.label


def _is_part(probe: str, kind: OutcomeKind) -> bool:
    return kind.role == "headline" and probe in headline_probes()


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
        "n": count_text(examples),
        "threats": [
            {
                "key": t.key,
                "outcomes": b64encode(
                    b"".join(row if row and len(row) == size else blank for row in rows[t.key])
                ).decode(),
                "missing": [
                    i for i, row in enumerate(rows[t.key]) if row is None or len(row) != size
                ],
            }
            for t in threats
        ],
    }
