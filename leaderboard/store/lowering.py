"""Counting counterexamples against the stored results that they are about.

The result as it was measured is kept beside the lowered one, so that it can be run again and
compared, and so that the lowered result follows from what is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from benchmark.counterexamples import lowered
from benchmark.results import ProbeResult
from leaderboard.store.counterexamples import (
    StoredCounterexample,
    counterexample_row,
    measured_text,
    read_counterexamples,
)
from leaderboard.store.reading import read_batteries, read_entries
from leaderboard.store.reruns import require_signature
from leaderboard.store.rows import count_raised_flags, outcome_rows, score_rows
from leaderboard.store.schema import CounterexampleRow, OutcomeRow, ResultRow, ScoreRow

PROTOCOL = "lowered by counterexamples"
"""The entry of a result's protocol that names them."""


@dataclass(frozen=True)
class Change:
    """A result that was lowered.

    Attributes:
        battery: name of its battery.
        probe: its probe.
        outcomes: number of robust examples before and after, by outcome.
    """

    battery: str
    probe: str
    outcomes: dict[str, tuple[int, int]] = field(default_factory=dict)


def add_counterexample(
    session: Session, fingerprint: str, data_sha256: str, new: StoredCounterexample
) -> list[Change]:
    """Store a counterexample and lower the results that it is about; a known one changes nothing.

    Args:
        session: a transaction.
        fingerprint: of the model.
        data_sha256: of the evaluation examples.
        new: the verified counterexample.

    Returns:
        The results that are lower than before.

    Raises:
        InputError: the finder's name or note cannot be stored.
    """
    require_signature(new.by, new.note)
    same = select(CounterexampleRow).where(
        CounterexampleRow.fingerprint == fingerprint,
        CounterexampleRow.data_sha256 == data_sha256,
        CounterexampleRow.file_sha256 == new.file_sha256,
    )
    known = session.scalars(same).one_or_none()
    if known is not None and (new.imported or not known.imported):
        return []
    if known is not None:  # what an archive claimed has been verified
        session.delete(known)
        session.flush()
    session.add(counterexample_row(fingerprint, data_sha256, new))
    session.flush()
    return lower_results(session, fingerprint, data_sha256)


def lower_results(session: Session, fingerprint: str, data_sha256: str) -> list[Change]:
    """Lower the results of a model on some examples by all counterexamples that are stored.

    Those of an archive were not verified here, so that they count against imported results alone.

    Args:
        session: a transaction.
        fingerprint: of the model.
        data_sha256: of the evaluation examples.

    Returns:
        The results that are lower than before.
    """
    known = read_counterexamples(session, fingerprint, data_sha256)
    if not known:
        return []
    meant = [ResultRow.fingerprint == fingerprint, ResultRow.data_sha256 == data_sha256]
    changes = []
    for entry in read_entries(session, read_batteries(session, meant), meant):
        _, battery_sha256, _, seed = entry.key
        then = {probe: entry.as_measured(probe) for probe in entry.results}
        lowest = _lowest(then, known, entry.imported, battery_sha256, seed)
        for probe, result in lowest.items():
            if result == entry.results[probe]:
                continue
            before = entry.results[probe].outcomes
            outcomes = {
                name: (int(before[name].sum()), int(bits.sum()))
                for name, bits in result.outcomes.items()
            }
            changed = {name: pair for name, pair in outcomes.items() if pair[0] != pair[1]}
            where = [*meant, ResultRow.battery_sha256 == battery_sha256, ResultRow.seed == seed]
            row = session.scalars(select(ResultRow).where(*where, ResultRow.probe == probe)).one()
            _replace(session, row, then[probe], result)
            changes.append(Change(entry.provenance.battery, probe, changed))
    return changes


def _lowest(
    measured: Mapping[str, ProbeResult],
    known: Iterable[StoredCounterexample],
    imported: Collection[str],
    battery_sha256: str,
    seed: int,
) -> dict[str, ProbeResult]:
    """The results that counterexamples lower, with all of them applied.

    Args:
        measured: the results as they were measured, by probe.
        known: the counterexamples.
        imported: probes whose results were imported.
        battery_sha256: of the results.
        seed: of the results.
    """
    results, lines = dict(measured), dict[str, list[str]]()
    for each in known:
        about = {
            probe: result
            for probe, result in results.items()
            if not each.imported or probe in imported
        }
        here = (each.battery_sha256 or battery_sha256, seed if each.seed is None else each.seed)
        found = lowered(about, each.found) if here == (battery_sha256, seed) else {}
        for probe, lower in found.items():
            results[probe] = lower.result
            lines.setdefault(probe, []).append(each.line)
    return {probe: _stating(results[probe], stated) for probe, stated in lines.items()}


def _stating(result: ProbeResult, lines: list[str]) -> ProbeResult:
    return result.model_copy(update={"protocol": {**result.protocol, PROTOCOL: lines}})


def _replace(session: Session, row: ResultRow, then: ProbeResult, now: ProbeResult) -> None:
    """Store a lowered result in place of a row's, and keep what was measured."""
    session.execute(delete(ScoreRow).where(ScoreRow.result_id == row.id))
    session.execute(delete(OutcomeRow).where(OutcomeRow.result_id == row.id))
    row.payload = now.model_dump()
    row.raised_flags = count_raised_flags(now)
    row.measured = measured_text(then)
    session.flush()
    session.expire(row, ["scores", "outcomes"])
    row.scores = score_rows(now)
    row.outcomes = outcome_rows(now)
    session.flush()
