"""Columns with the whole threat of an outcome, its position, and the raised flags of a result.

They repeat what the payload says, so that a downgrade loses nothing.

Revision: 0005, after 0004. Its downgrade needs SQLite 3.35.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from leaderboard.store import encoding

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RESULTS = sa.table("results", *map(sa.column, ("id", "payload", "raised_flags")))
OUTCOMES = sa.table(
    "outcomes",
    *map(sa.column, ("result_id", "name", "position")),
    sa.column("threat", sa.JSON(none_as_null=True)),
)
FILL = (
    sa.update(OUTCOMES)
    .where(OUTCOMES.c.result_id == sa.bindparam("of"), OUTCOMES.c.name == sa.bindparam("named"))
    .values(position=sa.bindparam("position"), threat=sa.bindparam("threat"))
)


def upgrade() -> None:
    op.add_column("results", sa.Column("raised_flags", sa.Integer()))
    op.add_column("outcomes", sa.Column("position", sa.Integer()))
    op.add_column("outcomes", sa.Column("threat", sa.JSON(none_as_null=True)))
    bind = op.get_bind()
    for number, payload in _payloads(bind):
        flags = payload.get("flags")
        if flags and isinstance(flags, list) and all(isinstance(each, dict) for each in flags):
            raised = sum(each.get("raised") is True for each in flags)
            result = sa.update(RESULTS).where(RESULTS.c.id == number)
            bind.execute(result.values(raised_flags=raised))
        _fill_outcomes(bind, number, payload.get("outcome_kinds"))


def downgrade() -> None:
    op.drop_column("outcomes", "threat")
    op.drop_column("outcomes", "position")
    op.drop_column("results", "raised_flags")


def _payloads(bind: sa.Connection) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and payload of the results that can be read."""
    on_sqlite = bind.dialect.name == "sqlite"
    as_stored: sa.types.TypeEngine[Any] = sa.LargeBinary() if on_sqlite else sa.Text()
    for number in list(bind.scalars(sa.select(RESULTS.c.id))):
        query = sa.select(sa.cast(RESULTS.c.payload, as_stored)).where(RESULTS.c.id == number)
        try:
            payload = encoding.loads(bind.execute(query).scalar_one())
        except (ValueError, TypeError, RecursionError, DBAPIError):
            continue  # unreadable: it is named when it is read
        if isinstance(payload, dict):
            yield number, payload


def _fill_outcomes(bind: sa.Connection, number: int, kinds: object) -> None:
    """Fill in the position and the threat of each outcome of a result."""
    known = kinds if isinstance(kinds, dict) else {}
    query = sa.select(OUTCOMES.c.name).where(OUTCOMES.c.result_id == number)
    try:
        names = sorted(map(str, bind.scalars(query)))
    except DBAPIError:
        return
    order = [name for name in known if name in names]
    order += [name for name in names if name not in known]
    values = []
    for position, name in enumerate(order):
        kind = known.get(name)
        threat = kind.get("threat") if isinstance(kind, dict) else None
        values.append({"of": number, "named": name, "position": position, "threat": threat})
    if values:
        bind.execute(FILL, values)
