"""Reruns: how well a stored result agreed when it was run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from leaderboard.store.schema import RerunRow, ResultRow
from models_zoo.errors import InputError

MAX_NAME_LENGTH = 200
MAX_NOTE_LENGTH = 1000

_SAME_NAMES = (
    "same",
    "largest_difference",
    "differing",
    "outcomes",
    "device",
    "threads",
    "versions",
    "circumstances",
    "imported",
    "note",
)
"""Fields with the same name in a rerun and its row."""


@dataclass(frozen=True)
class Rerun:
    """One rerun of a stored result.

    Attributes:
        by: who ran it, as they gave it.
        created: UTC time at which it was run, ISO 8601.
        same: whether every score, interval and outcome agreed to the last bit.
        largest_difference: largest difference of any score or end of its interval, in the score's
            unit; ``None`` if undefined, because one side lacks a score, has it for another number
            of examples, or has NaN.
        differing: number of per-example outcomes that differ.
        outcomes: number of outcomes that were compared.
        device: where it was computed, such as ``"cpu"``.
        threads: intra-operation threads.
        versions: versions of Python and of the packages that can change a number.
        circumstances: what differs from the stored run, such as ``"torch 2.9 in place of 2.8"``.
        imported: whether it was read from a file rather than run with this database.
        note: a note for readers.
    """

    by: str
    created: str
    same: bool
    largest_difference: float | None
    differing: int
    outcomes: int
    device: str
    threads: int
    versions: dict[str, str] = field(default_factory=dict)
    circumstances: list[str] = field(default_factory=list)
    imported: bool = False
    note: str = ""


def require_signature(by: str, note: str = "") -> None:
    """Check the name and note of a rerun, before it is computed.

    Raises:
        InputError: one of them is too long or holds what does not print, or there is no name.
    """
    if not by or by != by.strip() or not by.isprintable() or len(by) > MAX_NAME_LENGTH:
        shown = by if len(by) <= MAX_NAME_LENGTH else f"{by[:40]}..."
        raise InputError(
            f"name {shown!r} cannot be shown with a rerun; give 1 to {MAX_NAME_LENGTH} printable "
            "characters, without spaces at the ends"
        )
    if not note.isprintable() or len(note) > MAX_NOTE_LENGTH:
        raise InputError(
            f"note {note[:40]!r}... cannot be shown with a rerun; give up to {MAX_NOTE_LENGTH} "
            "printable characters on one line"
        )


def add_rerun(result: ResultRow, rerun: Rerun) -> None:
    """Add a rerun to its result, replacing the same one if it was recorded before.

    Raises:
        InputError: its name or its note cannot be stored, see :func:`require_signature`.
    """
    require_signature(rerun.by, rerun.note)
    created = _naive(rerun.created)
    row = next((r for r in result.reruns if (r.run_by, r.created) == (rerun.by, created)), None)
    if row is None:
        row = RerunRow(run_by=rerun.by, created=created)
        result.reruns.append(row)
    for name in _SAME_NAMES:
        setattr(row, name, getattr(rerun, name))


def read_reruns(
    session: Session, conditions: Sequence[ColumnElement[bool]] = ()
) -> dict[int, list[Rerun]]:
    """Reruns by the id of their result, oldest first, in one query.

    Args:
        session: of the database.
        conditions: filter of the results.
    """
    query = select(RerunRow).order_by(RerunRow.created, RerunRow.id)
    if conditions:
        query = query.join(ResultRow, ResultRow.id == RerunRow.result_id).where(*conditions)
    found: dict[int, list[Rerun]] = {}
    for row in session.scalars(query):
        found.setdefault(row.result_id, []).append(_rerun(row))
    return found


def _rerun(row: RerunRow) -> Rerun:
    return Rerun(
        by=row.run_by,
        created=row.created.replace(tzinfo=UTC).isoformat(timespec="seconds"),
        **{name: getattr(row, name) for name in _SAME_NAMES},
    )


def _naive(moment: str) -> datetime:
    """UTC without a time zone, as stored in the database; whole seconds."""
    return datetime.fromisoformat(moment).astimezone(UTC).replace(tzinfo=None, microsecond=0)
