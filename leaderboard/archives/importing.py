"""Importing an archive into a database."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from leaderboard.archives.reading import Archive, Result
from leaderboard.reruns.agreement import Reproduction, compare
from leaderboard.reruns.find_results import HASH_DIGITS
from leaderboard.store import Rerun, Store, encoding
from leaderboard.store.lowering import add_counterexample, lower_results
from leaderboard.store.reading import of_key, read_entries
from leaderboard.store.reruns import add_rerun
from leaderboard.store.rows import result_row, save_model
from leaderboard.store.schema import AlternativeRow, ResultRow

Fate = Literal["added", "present", "agrees", "differs"]
"""The fate of an archive's result. ``added``: nothing with its key was stored; ``present``: the
same is stored; ``agrees``: another run is stored, with the same scores and outcomes to the last
bit; ``differs``: another run is stored, which stays, and this one is kept beside it."""


@dataclass
class Imported:
    """The result of an import.

    Attributes:
        fates: number of results by their fate.
        differing: model, battery and probe of those that differ from stored ones.
        reruns: number of reruns that were added.
    """

    fates: Counter[Fate] = field(default_factory=Counter)
    differing: list[tuple[str, str, str]] = field(default_factory=list)
    reruns: int = 0


def import_archive(store: Store, archive: Archive) -> Imported:
    """Add an archive's results in one transaction; stored results are never replaced.

    A result that differs from the stored one with the same key is kept in the table
    ``alternatives``, and recorded as a rerun of it that does not agree, which the pages show.
    Counterexamples of the archive, which were not verified here, count against imported results
    alone.

    Args:
        store: opened for writing.
        archive: a checked archive.

    Returns:
        What was added, and what differs.
    """
    found = Imported()

    def write(session: Session) -> None:
        nonlocal found
        found = Imported()  # the transaction may be tried again
        changed = set()
        for each in archive.results():
            fate = _import(session, archive, each, found)
            if fate == "added":
                changed.add((each.key[0], each.key[2]))
            found.fates[fate] += 1
        for fingerprint, known in archive.counterexamples.items():
            for data_sha256, counterexample in known:
                add_counterexample(session, fingerprint, data_sha256, counterexample)
        for fingerprint, data_sha256 in sorted(changed):
            lower_results(session, fingerprint, data_sha256)

    store.write(write)
    return found


def _import(session: Session, archive: Archive, each: Result, found: Imported) -> Fate:
    where = each.line.provenance
    model, battery = archive.models[where.fingerprint], archive.batteries[where.battery_sha256]
    key = each.key[:4]
    conditions = [*of_key(*key), ResultRow.probe == each.result.probe]
    row = session.scalars(select(ResultRow).where(*conditions)).one_or_none()
    fate: Fate = "added"
    if row is None:
        save_model(session, model.card, where, submitted=model.submitted)
        row = result_row(where, battery.content, each.result, archive.sha256)
        session.add(row)
    else:
        (entry,) = read_entries(session, {where.battery_sha256: battery.content}, conditions)
        stored, then = (
            entry.as_measured(each.result.probe),
            entry.provenances[each.result.probe],
        )
        agreement = compare(stored, each.result, then, where)
        if then == where and stored == each.result:
            fate = "present"
        elif agreement.same:
            fate = "agrees"
        else:
            fate = "differs"
            _keep_beside(session, row, archive, each, agreement)
            found.differing.append((model.card.name, where.battery, each.result.probe))
    if fate in ("added", "present"):
        known = {(rerun.run_by, rerun.created.isoformat()) for rerun in row.reruns}
        for rerun in each.line.reruns:
            add_rerun(row, Rerun(**rerun.model_dump(), imported=True))
        found.reruns += len(row.reruns) - len(known)
    session.flush()
    session.expunge(row)  # a large archive need not be in memory as a whole
    return fate


def _keep_beside(
    session: Session, row: ResultRow, archive: Archive, each: Result, found: Reproduction
) -> None:
    """Keep a result that differs from the stored one, unless it is kept already."""
    content = encoding.dumps(each.line.model_dump())
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    names = ("fingerprint", "battery_sha256", "data_sha256", "seed", "probe")
    key = dict(zip(names, each.key, strict=True))
    known = select(AlternativeRow.id).filter_by(**key, content_sha256=sha256)
    if session.scalar(known) is None:
        session.add(
            AlternativeRow(**key, content_sha256=sha256, archive=archive.sha256, content=content)
        )
    note = f"from the archive {archive.sha256[:HASH_DIGITS]}"
    add_rerun(row, found.signed(archive.header.by or "an archive", note=note, imported=True))
