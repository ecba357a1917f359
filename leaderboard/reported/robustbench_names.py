"""The models of RobustBench's tables that this package can load."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.reported.row import ReportedRow
from leaderboard.reported.shipped import SOURCE

_THREATS = {"linf": "Linf", "l2": "L2"}


def with_names(rows: Sequence[ReportedRow]) -> list[ReportedRow]:
    """Rows with the name that loads the model, where RobustBench's own loader knows it.

    Args:
        rows: those of other sources, and those with a name, are returned as they are.
    """
    from models_zoo.sources.robustbench import listed

    names = listed() if any(_may_have_one(row) for row in rows) else frozenset()
    found = []
    for row in rows:
        name = f"robustbench:{row.dataset}/{_THREATS.get(row.norm)}/{row.model_id}"
        loaded = _may_have_one(row) and name in names
        found.append(row.model_copy(update={"load": name}) if loaded else row)
    return found


def _may_have_one(row: ReportedRow) -> bool:
    return not row.load and row.source.casefold() == SOURCE.casefold()
