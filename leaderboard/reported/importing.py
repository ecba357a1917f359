"""Reported rows in the store."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from leaderboard.reported.reading import ReportedFile
from leaderboard.reported.row import ReportedRow
from leaderboard.store import Store
from leaderboard.store.schema import ReportedModelRow
from models_zoo.display import shown
from models_zoo.errors import InputError


@dataclass
class ImportedRows:
    """The result of an import.

    Attributes:
        added: number of rows that were added.
        present: number of rows that were there already.
        removed: number of rows of an earlier date, which they replace.
    """

    added: int = 0
    present: int = 0
    removed: int = 0


def import_reported(store: Store, file: ReportedFile) -> ImportedRows:
    """Add rows to a database in one transaction.

    The rows of a source have one date: those of an earlier one are removed, and a file of an
    earlier one is refused. Importing a file twice changes nothing.

    Args:
        store: opened for writing.
        file: a checked file.

    Raises:
        InputError: the source's stored rows are of a later date, or say something else under the
            same date.
    """
    found = ImportedRows()

    def write(session: Session) -> None:
        nonlocal found
        found = ImportedRows()  # the transaction may be tried again
        own = ReportedModelRow.source == file.source
        dates = set(session.scalars(select(ReportedModelRow.date).where(own)))
        if later := max((each for each in dates if each > file.date), default=""):
            raise InputError(
                f"the stored rows of {shown(file.source)} are of {later}, later than {file.date}; "
                "nothing was imported. Give the date of the newer table with --date"
            )
        older = [own, ReportedModelRow.date < file.date]
        found.removed = len(session.scalars(select(ReportedModelRow.id).where(*older)).all())
        session.execute(delete(ReportedModelRow).where(*older))
        stored = {
            row.key: row
            for row in map(row_of, session.scalars(select(ReportedModelRow).where(own)))
        }
        for row in file.rows:
            same = stored.get(row.key)
            if same is None:
                session.add(ReportedModelRow(**row.model_dump()))
                found.added += 1
            elif same == row:
                found.present += 1
            else:
                raise InputError(
                    f"{shown(row.source)} is stored with other figures of {shown(row.model_id)} "
                    f"under the same date {row.date}; nothing was imported. Give the date of the "
                    "newer table with --date"
                )

    store.write(write)
    return found


def row_of(stored: ReportedModelRow) -> ReportedRow:
    """A stored row, checked again.

    Raises:
        ValueError: it was changed and is not a row any more.
    """
    return ReportedRow(**{name: getattr(stored, name) for name in ReportedRow.model_fields})
