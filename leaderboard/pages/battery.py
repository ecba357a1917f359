"""A battery's page: every probe with budgets, formulas and sources; differences of versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.batteries import frozen_batteries, stored_headline_threats
from benchmark.probes import PROBES
from benchmark.probes.definition import Definition
from benchmark.threats import labels
from leaderboard.board.board import Board
from leaderboard.formatting.texts import ABSENT, ProbeText, plain, probe_text
from leaderboard.store import Summary

LISTED = 200
"""Maximum number of models on the page; with more it links to the board."""

_OTHERS = 10
_SHOWN = 100
"""Maximum number of other versions, and of differences per version."""


@dataclass(frozen=True)
class Setting:
    """A line of a probe's table in the battery.

    Attributes:
        name: of the setting.
        value: as text.
        meaning: one sentence; empty if this version does not know the setting.
        headline: whether it is a budget of the probe's scores.
    """

    name: str
    value: str
    meaning: str
    headline: bool


@dataclass(frozen=True)
class Part:
    """One probe of the battery.

    Attributes:
        text: title, question and what its scores mean.
        definition: formulas and sources; ``None`` where this version does not know the probe.
        settings: as the battery has them.
        budgets: those of its headline scores as text, such as ``linf 0.2, l2 0.6``.
        reference: whether it runs on request only.
    """

    text: ProbeText
    definition: Definition | None
    settings: list[Setting]
    budgets: str
    reference: bool


@dataclass(frozen=True)
class Version:
    """Another battery of the same name or for the same data set, and how it differs.

    Attributes:
        name: the battery's name.
        sha256: hash of its content.
        page: path of its page.
        since: day of its first stored score.
        differences: setting, its value here and its value there.
        hidden: how many more differences there are.
    """

    name: str
    sha256: str
    page: str
    since: str
    differences: list[tuple[str, str, str]]
    hidden: int


def battery_values(
    sha256: str,
    contents: dict[str, dict[str, Any]],
    summaries: Sequence[Summary],
    model_pages: dict[str, str],
    battery_pages: dict[str, str],
    boards: Sequence[Board],
) -> dict[str, Any]:
    """What the page's template needs.

    Args:
        sha256: the battery.
        contents: content of each battery, by hash.
        summaries: everything stored.
        model_pages: path of a model's page, by fingerprint.
        battery_pages: path of a battery's page, by hash.
        boards: all boards of the site.
    """
    battery = contents[sha256]
    own = [each for each in summaries if each.battery_sha256 == sha256]
    scored = {model_pages[each.fingerprint]: each.card.name for each in own}
    return {
        "name": own[0].battery,
        "sha256": sha256,
        "battery": battery,
        "since": _since(own),
        "frozen": frozen_batteries().get(sha256),
        "parts": _parts(battery),
        "versions": _versions(sha256, contents, summaries, battery_pages),
        "scored": len(scored),
        "models": list(scored.items()) if len(scored) <= LISTED else [],
        "boards": [board for board in boards if board.battery_sha256 == sha256],
    }


def _parts(battery: dict[str, Any]) -> list[Part]:
    default, threats = battery.get("default", ()), stored_headline_threats(battery)
    return [
        Part(
            probe_text(name, battery),
            probe_text(name).definition,
            _settings(name, settings),
            labels(threats.get(name, ())) or ABSENT,
            reference=name not in default,
        )
        for name, settings in battery.get("probes", {}).items()
    ]


def _settings(probe: str, settings: dict[str, Any]) -> list[Setting]:
    meanings: dict[str, str] = {}
    of_scores: tuple[str, ...] = ()
    if probe in PROBES:
        kind = PROBES[probe].Settings
        meanings, of_scores = kind.meanings(), kind.headline_settings
        # What is not part of the content is at its default.
        unsaid = {name: kind.model_fields[name].default for name in kind.later}
        settings = settings | {name: unsaid[name] for name in unsaid if name not in settings}
    return [
        Setting(
            name,
            plain(value),
            meanings.get(name, ""),
            headline=name in of_scores and value is not None,
        )
        for name, value in settings.items()
    ]


def _since(summaries: Sequence[Summary]) -> str:
    return min(each.created for each in summaries)[:10]


def _versions(
    sha256: str,
    contents: dict[str, dict[str, Any]],
    summaries: Sequence[Summary],
    pages: dict[str, str],
) -> list[Version]:
    """The newest others first."""
    groups: dict[str, list[Summary]] = {}
    for summary in summaries:
        groups.setdefault(summary.battery_sha256, []).append(summary)
    here = contents[sha256]
    related = [
        key
        for key, group in groups.items()
        if key != sha256
        and (
            group[0].battery == groups[sha256][0].battery
            or contents[key].get("dataset") == here.get("dataset")
        )
    ]
    related.sort(key=lambda key: _since(groups[key]), reverse=True)
    versions = []
    for key in related[:_OTHERS]:
        found = differences(here, contents[key])
        versions.append(
            Version(
                groups[key][0].battery,
                key,
                pages[key],
                _since(groups[key]),
                found[:_SHOWN],
                max(0, len(found) - _SHOWN),
            )
        )
    return versions


def differences(here: dict[str, Any], there: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What two batteries do not have in common.

    Args:
        here: the content of one, as JSON.
        there: that of the other.

    Returns:
        For each setting, in the order of ``here``: its place such as ``input.linf``, and its value
        in words in either; a dash where one does not have it.
    """
    ours, theirs = _flat(here), _flat(there)
    places = list(dict.fromkeys([*ours, *theirs]))
    return [
        (place, ours.get(place, ABSENT), theirs.get(place, ABSENT))
        for place in places
        if ours.get(place) != theirs.get(place)
    ]


def _flat(battery: dict[str, Any]) -> dict[str, str]:
    # Contents of before a field existed lack it, which is the same as not giving it.
    own = {name: value for name, value in battery.items() if value is not None}
    flat = {name: plain(value) for name, value in own.items() if name != "probes"}
    for probe, settings in battery.get("probes", {}).items():
        flat[probe] = "included"
        flat |= {f"{probe}.{name}": plain(value) for name, value in settings.items()}
    return flat
