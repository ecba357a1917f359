"""Results of an earlier version of a battery that hold for a later one."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from benchmark.batteries import Battery, is_unchanged
from benchmark.results import ProbeResult, Provenance
from leaderboard.store.entry import Entry
from leaderboard.store.lowering import lower_results
from leaderboard.store.reading import of_key
from leaderboard.store.rows import result_row
from leaderboard.store.schema import ResultRow


def of_other_versions(where: Provenance) -> list[ColumnElement[bool]]:
    """The condition for results of the same model, data and seed with other versions of a battery.

    Args:
        where: the evaluation with this version.
    """
    return [
        ResultRow.fingerprint == where.fingerprint,
        ResultRow.data_sha256 == where.data_sha256,
        ResultRow.seed == where.seed,
        ResultRow.battery == where.battery,
        ResultRow.battery_sha256 != where.battery_sha256,
    ]


def that_hold(entries: list[Entry], battery: Battery) -> dict[str, Entry]:
    """By probe, the entry whose result holds for a battery; the newest one.

    Args:
        entries: of one model, data set and seed with other versions of the battery.
        battery: the battery.
    """
    found: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda each: each.provenance.created):
        for probe, where in entry.provenances.items():
            whole = entry.results[probe].left_out is None
            if whole and is_unchanged(probe, battery, entry.battery, where.algorithms):
                found[probe] = entry
    return found


def carry(session: Session, held: Mapping[str, Entry], battery: Battery) -> None:
    """Store results for a later version of their battery as well, where none is stored.

    Reruns stay with the results that they were of; counterexamples count against both.

    Args:
        session: of the database.
        held: by probe, the entry with the result, see :func:`that_hold`.
        battery: the later version.
    """
    for probe, entry in held.items():
        result, where = entry.as_measured(probe), entry.provenances[probe]
        now = carried_provenance(where, battery)
        if session.scalar(select(ResultRow.id).where(*_of(now, result))) is None:
            archive = session.scalar(select(ResultRow.archive).where(*_of(where, result)))
            session.add(result_row(now, battery.model_dump(mode="json"), result, archive))
    session.flush()
    for where in {each.key: each.provenance for each in held.values()}.values():
        lower_results(session, where.fingerprint, where.data_sha256)


def carried_provenance(where: Provenance, battery: Battery) -> Provenance:
    """The provenance of a result as a result of a later version of its battery."""
    changes = {
        "battery_sha256": battery.sha256,
        "algorithms": battery.algorithms,
        "carried_from": where.carried_from or where.battery_sha256,
    }
    return where.model_copy(update=changes)


def _of(where: Provenance, result: ProbeResult) -> list[ColumnElement[bool]]:
    key = (where.fingerprint, where.battery_sha256, where.data_sha256, where.seed)
    return [*of_key(*key), ResultRow.probe == result.probe]
