"""Reading entries: plain rows, because objects for hundreds of thousands of them take longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from benchmark.results import Outcomes, ProbeResult, Provenance
from leaderboard.store import encoding
from leaderboard.store.entry import Entry
from leaderboard.store.reruns import read_reruns
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow
from models_zoo.card import Card


def read_entries(
    session: Session,
    batteries: Mapping[str, dict[str, Any]],
    conditions: Sequence[ColumnElement[bool]],
) -> list[Entry]:
    """One entry a (fingerprint, battery hash, data hash, seed), as their models were first seen.

    Args:
        session: of the database.
        batteries: content of every battery, by hash.
        conditions: on results, to leave out the others.
    """
    models = _models(session, conditions)
    outcomes = _outcomes(session, conditions)
    reruns = read_reruns(session, conditions)
    columns = (
        ResultRow.id,
        ResultRow.fingerprint,
        ResultRow.battery_sha256,
        ResultRow.data_sha256,
        ResultRow.seed,
        ResultRow.probe,
        ResultRow.payload,
        ResultRow.provenance,
    )
    query = select(*columns).join(ResultRow.model).where(*conditions)
    query = query.order_by(ModelRow.first_seen, ModelRow.fingerprint, ResultRow.id)
    entries: dict[tuple[str, str, str, int], Entry] = {}
    for number, fingerprint, battery, data, seed, probe, payload, where in session.execute(query):
        key = (fingerprint, battery, data, seed)
        if key not in entries:
            card, submitted = models[fingerprint]
            entries[key] = Entry(card, batteries[battery], submitted)
        entry = entries[key]
        content = payload | {"outcomes": outcomes.get(number, {})}
        entry.results[probe] = ProbeResult.model_validate(content)
        entry.provenances[probe] = Provenance.model_validate(where)
        if number in reruns:
            entry.reruns[probe] = reruns[number]
    return list(entries.values())


def _models(
    session: Session, conditions: Sequence[ColumnElement[bool]]
) -> dict[str, tuple[Card, bool]]:
    meant = select(ResultRow.fingerprint).where(*conditions)
    columns = (ModelRow.fingerprint, ModelRow.card, ModelRow.submitted)
    query = select(*columns).where(ModelRow.fingerprint.in_(meant))
    return {
        fingerprint: (Card.model_validate(card), submitted)
        for fingerprint, card, submitted in session.execute(query)
    }


def _outcomes(
    session: Session, conditions: Sequence[ColumnElement[bool]]
) -> dict[int, dict[str, Outcomes]]:
    """Outcomes by the number of their result and by name."""
    columns = (OutcomeRow.result_id, OutcomeRow.name, OutcomeRow.n, OutcomeRow.bits)
    query = select(*columns).join(ResultRow, ResultRow.id == OutcomeRow.result_id)
    found: dict[int, dict[str, Outcomes]] = {}
    for number, name, n, bits in session.execute(query.where(*conditions)):
        found.setdefault(number, {})[name] = encoding.unpack(bits, n)
    return found
