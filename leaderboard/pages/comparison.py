"""The data of the compare page: names of all models, and the scores and outcomes of each."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from benchmark.headline import NAME
from benchmark.results import ProbeResult, Score, ScoreSpec
from leaderboard.board.board import Board
from leaderboard.board.card_columns import CARD_COLUMNS
from leaderboard.board.payload import script
from leaderboard.board.rows import profile_shares
from leaderboard.board.threats import budget_labels, offering_probes
from leaderboard.formatting.texts import (
    interval,
    interval_or_reason,
    number,
    probe_text,
    probe_texts,
)
from leaderboard.formatting.web_links import web_link
from leaderboard.store import Entry, Summary
from leaderboard.store.encoding import pack
from leaderboard.store.summaries import count
from models_zoo.card import Card

FILE = "compare.js"
"""Name of a model's data within its folder."""

INDEX = "index.js"
"""Within ``models``: every model's name and folder, and what the scores are."""

_NOT_ATTACKED = ("envelope", "certificate")
"""Roles of outcomes that are proofs or are compared with proofs."""


def write_comparison(entries: Sequence[Entry], folder: Path) -> None:
    """Write a model's data for the compare page.

    Args:
        entries: everything stored of the model.
        folder: the model's, within the site's ``models``; its name is the model's in addresses.
    """
    text = script(f"compare/{folder.name}", comparison_payload(entries))
    (folder / FILE).write_text(text, "utf-8")


def comparison_payload(entries: Sequence[Entry]) -> dict[str, Any]:
    """A model as plain data: card facts, and scores and packed outcomes on test data.

    ``without`` says why a score has no interval.

    Args:
        entries: everything stored of one model, at least one.
    """
    first = entries[0]
    return {
        "name": first.card.name,
        "submitted": first.submitted,
        "facts": _facts(first.card),
        "paper": web_link(first.card.paper) if first.card.paper else None,
        "evaluations": [_evaluation(entry) for entry in entries if not entry.on_training_data],
    }


def evaluation_key(battery_sha256: str, data_sha256: str) -> str:
    """A key shared by evaluations with the same battery on the same examples."""
    return f"{battery_sha256[:16]}-{data_sha256[:16]}"


def _facts(card: Card) -> list[tuple[str, str]]:
    return [
        ("Data set", card.dataset),
        *((column.heading, column.text(card)) for column in CARD_COLUMNS if column.exported),
    ]


def _evaluation(entry: Entry) -> dict[str, Any]:
    where = entry.provenance
    answers = entry.answers
    outcomes = _outcomes(answers, where.examples)
    return {
        "key": evaluation_key(where.battery_sha256, where.data_sha256),
        "seed": where.seed,
        "scores": {
            f"{probe}.{name}": _score(probe, name, score, answer, outcomes)
            for probe, answer in answers.items()
            for name, score in answer.scores.items()
        },
        "without": {
            f"{probe}.{name}": reason
            for probe, answer in answers.items()
            for name, score in answer.scores.items()
            if (reason := interval_or_reason(score, probe_text(probe).spec(name))[1])
        },
        "outcomes": {key: b64encode(bits).decode() for key, bits in outcomes.items()},
        "budgets": _budgets(answers, outcomes),
    }


def _outcomes(answers: dict[str, ProbeResult], examples: int) -> dict[str, bytes]:
    """Packed outcomes by ``<probe>.<outcome>``, where they are about every example."""
    return {
        f"{probe}.{name}": pack(answers[probe].outcomes[name])
        for probe in (NAME, *offering_probes())
        if probe in answers
        for name, kind in answers[probe].outcome_kinds.items()
        if kind.role not in _NOT_ATTACKED and len(answers[probe].outcomes[name]) == examples
    }


def _score(
    probe: str, name: str, score: Score, answer: ProbeResult, outcomes: dict[str, bytes]
) -> list[float | str | int | None]:
    """Value, ends of its interval if any, n; both as shown; the outcome that it is the share of."""
    unit = _unit(probe, name)
    value = score.value if math.isfinite(score.value) else None
    between = interval(score, unit)
    ends = (score.low, score.high) if between else (None, None)
    shown = number(score.value, unit), between or ""
    return [value, *ends, score.n, *shown, _share_of(name, score, answer, outcomes)]


@cache
def _unit(probe: str, name: str) -> str:
    return probe_text(probe).spec(name).unit


def _share_of(
    name: str, score: Score, answer: ProbeResult, outcomes: dict[str, bytes]
) -> str | None:
    """The outcome, if it is compared, that a score is the share of examples in."""
    if name not in answer.share_of:
        return None
    outcome = f"{answer.probe}.{answer.share_of[name]}"
    # A difference of outcomes must be a difference of the shown scores, whatever version stored
    # them.
    bits = outcomes.get(outcome)
    same = bits is not None and math.isclose(count(bits) / score.n, score.value, abs_tol=1e-9)
    return outcome if same else None


def _budgets(answers: dict[str, ProbeResult], outcomes: dict[str, bytes]) -> dict[str, str]:
    """The outcomes at budgets besides that of the headline, with their labels."""
    return {
        f"{probe}.{name}": label
        for probe in offering_probes()
        if probe in answers
        for name, label in budget_labels(answers[probe].outcome_kinds).items()
        if f"{probe}.{name}" in outcomes
    }


def write_index(
    summaries: Sequence[Summary], boards: Sequence[Board], pages: dict[str, str], folder: Path
) -> None:
    """Write the names that can be searched, and the meaning of every score.

    Args:
        summaries: everything stored.
        boards: the site's.
        pages: path of a model's page, by fingerprint.
        folder: the site's ``models``; made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = script("models", index_payload(summaries, boards, pages))
    (folder / INDEX).write_text(text, "utf-8")


def _text(spec: ScoreSpec) -> list[str | bool | None]:
    return [spec.label, spec.unit, spec.higher_is_better, spec.description]


def index_payload(
    summaries: Sequence[Summary], boards: Sequence[Board], pages: dict[str, str]
) -> dict[str, Any]:
    """Names, folders and boards of all models, and the texts of all scores, as plain data.

    Args:
        summaries: everything stored.
        boards: the site's.
        pages: path of a model's page, by fingerprint.
    """
    names = {summary.fingerprint: summary.card.name for summary in summaries}
    on: dict[str, list[int]] = {fingerprint: [] for fingerprint in names}
    for place, board in enumerate(boards):
        for fingerprint in dict.fromkeys(row.summary.fingerprint for row in board.rows):
            on[fingerprint].append(place)
    return {
        "names": list(names.values()),
        "slugs": [PurePosixPath(pages[fingerprint]).parent.name for fingerprint in names],
        "on": list(on.values()),
        "boards": [
            {
                "name": board.name,
                "battery": board.battery,
                "page": board.battery_page,
                "examples": board.examples,
                "own": bool(board.own_data),
                "key": evaluation_key(board.battery_sha256, board.data_sha256),
                "texts": {
                    column.key: _text(column.spec)
                    for column in board.columns
                    if column.spec != probe_text(column.probe).spec(column.name)
                },
            }
            for board in boards
        ],
        "probes": {
            text.name: {
                "title": text.title,
                "scores": {name: _text(spec) for name, spec in text.scores.items()},
            }
            for text in probe_texts().values()
        },
        "profile": [
            [key, share.label, share.complement] for key, share in profile_shares().items()
        ],
    }
