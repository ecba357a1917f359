"""What stored outcomes are about, read without the rest of the results."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Text, cast, select
from sqlalchemy.orm import Session

from benchmark.results import OutcomeKind
from leaderboard.store.schema import ResultRow

_KINDS = TypeAdapter(dict[str, OutcomeKind])


def read_outcome_kinds(
    session: Session, probes: Collection[str], conditions: Sequence[ColumnElement[bool]]
) -> Iterator[tuple[int, dict[str, OutcomeKind]]]:
    """The kinds of all outcomes of some probes, by name, with the id of the result.

    Args:
        session: of the database.
        probes: names of the probes.
        conditions: filter of the results.

    Raises:
        ValueError: a kind cannot be read.
    """
    kinds = cast(ResultRow.payload["outcome_kinds"], Text)
    query = select(ResultRow.id, kinds).where(ResultRow.probe.in_(list(probes)), *conditions)
    read: dict[str, dict[str, OutcomeKind]] = {}  # equal for all models of a battery
    for number, text in session.execute(query):
        if text in (None, "null"):  # stored by an earlier version
            continue
        if text not in read:
            try:
                read[text] = _KINDS.validate_json(text)
            except ValidationError as error:
                raise ValueError("the kind of an outcome cannot be read") from error
        yield number, read[text]
