"""Everything on the site as one JSON file."""

from __future__ import annotations

import json
import math
from typing import Any

from benchmark.results import ProbeResult, Score
from leaderboard.site.texts import number, probe_texts
from leaderboard.store import Entry

SCHEMA_VERSION = 1
"""Raised when a reader of the file would have to change."""


def to_json(entries: list[Entry], pages: dict[str, str]) -> str:
    """The text of ``results.json``.

    A number that JSON cannot write, such as an infinite budget, is null, and a ``text`` beside a
    score says what it was. Outcomes are strings with a ``0`` or ``1`` for each example.

    Args:
        entries: what the store holds.
        pages: path of a model's page within the site, by fingerprint.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "probes": {
            text.name: {
                "title": text.title,
                "question": text.question,
                "scores": {name: spec.model_dump() for name, spec in text.scores.items()},
            }
            for text in probe_texts().values()
        },
        "entries": [
            {
                "model": entry.card.model_dump(mode="json"),
                "submitted": entry.submitted,
                "page": pages[entry.provenance.fingerprint],
                "battery": entry.battery,
                "results": {
                    probe: _result(result)
                    | (
                        {"provenance": entry.provenances[probe].model_dump()}
                        if probe in entry.provenances
                        else {"derived": True}
                    )
                    for probe, result in entry.answers.items()
                },
            }
            for entry in entries
        ],
    }
    return json.dumps(_finite(content), allow_nan=False, ensure_ascii=False, indent=1)


def _result(result: ProbeResult) -> dict[str, Any]:
    outcomes = {
        name: "".join("1" if bit else "0" for bit in bits.tolist())
        for name, bits in result.outcomes.items()
    }
    scores = {name: _score(score) for name, score in result.scores.items()}
    return result.model_dump() | {"scores": scores, "outcomes": outcomes}


def _score(score: Score) -> dict[str, Any]:
    text = {} if math.isfinite(score.value) else {"text": number(score.value, "")}
    return score.model_dump() | text


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
