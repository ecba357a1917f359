"""Everything on the site as one JSON file."""

from __future__ import annotations

import json

from benchmark.serialization import finite, result_to_json
from leaderboard.site.texts import probe_texts
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
                    probe: result_to_json(result)
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
    return json.dumps(finite(content), allow_nan=False, ensure_ascii=False, indent=1)
