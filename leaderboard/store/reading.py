"""Reading entries as plain rows, which is faster than objects for hundreds of thousands of them."""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from benchmark.headline import headline_probes
from benchmark.results import Outcomes, ProbeResult, Provenance
from leaderboard.store import encoding
from leaderboard.store.counterexamples import (
    count_counterexamples,
    measured_parts,
    read_counterexamples,
)
from leaderboard.store.entry import Entry
from leaderboard.store.old_intervals import with_present_intervals
from leaderboard.store.reruns import read_reruns
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow
from models_zoo.card import Card
from models_zoo.display import shown


def read_entries(
    session: Session,
    batteries: Mapping[str, dict[str, Any]],
    conditions: Sequence[ColumnElement[bool]],
) -> list[Entry]:
    """One entry per (fingerprint, battery hash, data hash, seed), in order of first appearance.

    Args:
        session: of the database.
        batteries: content of every battery, by hash.
        conditions: filter of the results.
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
        ResultRow.archive,
        ResultRow.measured,
    )
    query = select(*columns).join(ResultRow.model).where(*conditions)
    query = query.order_by(ModelRow.first_seen, ModelRow.fingerprint, ResultRow.id)
    counted = count_counterexamples(session)
    entries: dict[tuple[str, str, str, int], Entry] = {}
    for row in session.execute(query):
        number, fingerprint, battery, data, seed, probe, payload, where, archive, measured = row
        key = (fingerprint, battery, data, seed)
        if key not in entries:
            card, submitted = models[fingerprint]
            entries[key] = Entry(card, batteries[battery], submitted)
            if (fingerprint, data) in counted:
                found = read_counterexamples(session, fingerprint, data)
                entries[key].counterexamples.extend(found)
        entry = entries[key]
        provenance = Provenance.model_validate(where)
        entry.results[probe] = checked_result(payload, outcomes.get(number, {}), provenance)
        entry.provenances[probe] = provenance
        if archive is not None:
            entry.imported.add(probe)
        if measured is not None:
            entry.measured[probe] = checked_result(*measured_parts(measured), provenance)
        if number in reruns:
            entry.reruns[probe] = reruns[number]
    return list(entries.values())


def read_batteries(
    session: Session, conditions: Sequence[ColumnElement[bool]] = ()
) -> dict[str, dict[str, Any]]:
    """The content of every battery with stored results, by its hash.

    Args:
        session: of the database.
        conditions: filter of the results.

    Raises:
        ValueError: a content is not a table.
    """
    one_each = select(func.min(ResultRow.id)).group_by(ResultRow.battery_sha256)
    query = select(ResultRow.battery_sha256, ResultRow.battery_content).where(
        ResultRow.id.in_(one_each.where(*conditions))
    )
    found = {row.battery_sha256: row.battery_content for row in session.execute(query)}
    if not all(isinstance(content, dict) for content in found.values()):
        raise ValueError("the content of a battery is not a table")
    return found


def of_key(
    fingerprint: str, battery_sha256: str, data_sha256: str, seed: int
) -> list[ColumnElement[bool]]:
    """The condition for the results of one model, battery, data and seed."""
    return [
        ResultRow.fingerprint == fingerprint,
        ResultRow.battery_sha256 == battery_sha256,
        ResultRow.data_sha256 == data_sha256,
        ResultRow.seed == seed,
    ]


def checked_result(
    payload: dict[str, Any], outcomes: dict[str, Outcomes], where: Provenance
) -> ProbeResult:
    """A result as it was saved, without intervals of earlier methods.

    Args:
        payload: its content without outcomes.
        outcomes: by name.
        where: its provenance.

    Raises:
        ValueError: it cannot have been saved like that.
    """
    result = ProbeResult.model_validate({**payload, "outcomes": outcomes})
    _require_whole(result)
    if result.left_out is None:
        lengths = {name: len(bits) for name, bits in outcomes.items()}
        require_headline(result.probe, lengths, where.examples)
    return with_present_intervals(result, where.intervals)


def require_shares(result: ProbeResult) -> None:
    """Check that scores that are the share of examples in an outcome are that.

    Raises:
        ValueError: one is not, or its score or outcome is missing.
    """
    for score, outcome in result.share_of.items():
        if outcome not in result.outcomes or score not in result.scores:
            raise ValueError(f"the result {shown(result.probe)} lacks an outcome or a score")
        share = float(result.outcomes[outcome].mean())
        if not math.isclose(result.scores[score].value, share, rel_tol=0, abs_tol=1e-9):
            raise ValueError(
                f"the score {shown(score)} of {shown(result.probe)} is not the share of its "
                "outcomes"
            )


def _require_whole(result: ProbeResult) -> None:
    """Check what the charts of a result assume.

    Raises:
        ValueError: lists that belong together differ in length, or an image has no such shape.
    """
    lengths = [({len(c.x), len(c.x_text), len(c.y)}, c.picture) for c in result.curves]
    lengths += [({len(b.names), len(b.y)}, b.picture) for b in result.bars]
    for s in result.surfaces:
        lengths.append(({len(s.y), len(s.y_text), len(s.z)}, s.picture))
        lengths.append(({len(s.x), len(s.x_text), *map(len, s.z)}, s.picture))
    for image in result.thumbnails:
        size = len(b64decode(image.pixels))
        lengths.append(({size, math.prod(image.shape)}, image.picture))
        if image.shape[0] not in (1, 3) or min(image.shape) < 1:
            raise ValueError(f"an image of {shown(image.picture)} has the shape {image.shape}")
    for found, picture in lengths:
        if len(found) > 1:
            raise ValueError(f"{shown(picture)} has lists of lengths {sorted(found)}")


def require_headline(probe: str, lengths: Mapping[str, int], examples: int) -> None:
    """Check that a part of the headline has an outcome for every example.

    Args:
        probe: name of the probe.
        lengths: number of outcomes by their name.
        examples: number of examples.

    Raises:
        ValueError: it does not.
    """
    if type(examples) is not int or examples < 1:
        raise ValueError(f"it was measured on {examples} examples")
    if probe in headline_probes() and lengths.get("headline") != examples:
        raise ValueError(f"it has no outcome for each of its {examples} examples")


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
    """Outcomes by the id of their result and by name."""
    columns = (OutcomeRow.result_id, OutcomeRow.name, OutcomeRow.n, OutcomeRow.bits)
    query = select(*columns).join(ResultRow, ResultRow.id == OutcomeRow.result_id)
    found: dict[int, dict[str, Outcomes]] = {}
    for number, name, n, bits in session.execute(query.where(*conditions)):
        found.setdefault(number, {})[name] = encoding.unpack(bits, n)
    return found
