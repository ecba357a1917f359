"""All reported rows that a site shows: those of the package, and the imported ones."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from leaderboard.reported.importing import row_of
from leaderboard.reported.row import ReportedRow
from leaderboard.reported.shipped import DATE, SOURCE, shipped_rows
from leaderboard.store import Store
from leaderboard.store.damage import FAILURES
from leaderboard.store.schema import ReportedModelRow
from leaderboard.terminal.warnings import print_warning
from models_zoo.display import shown
from models_zoo.errors import reason_of


def known_rows(store: Store) -> list[ReportedRow]:
    """The rows of the package and those of the database.

    Imported rows of RobustBench take the place of those of the package, unless they are older.

    Args:
        store: rows of it that cannot be read are left out, with a warning.
    """
    try:
        with Session(store.engine) as session:
            query = select(ReportedModelRow).order_by(ReportedModelRow.id)
            stored = [row_of(row) for row in session.scalars(query)]
    except FAILURES as error:
        print_warning(
            f"the imported reported rows of database {shown(store.engine.url.database or '')} "
            f"cannot be read and are left out: {reason_of(error)}; import them again"
        )
        stored = []
    own = [row for row in stored if row.source.casefold() == SOURCE.casefold()]
    if any(row.date >= DATE for row in own):
        return stored
    return [*shipped_rows(), *(row for row in stored if row not in own)]
