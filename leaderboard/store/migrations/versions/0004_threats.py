"""Columns that say which threat an outcome is about; results of earlier versions are filled in.

What results of earlier versions are about is found by ``results_before_0004``.

Revision: 0004, after 0003. Its downgrade needs SQLite 3.35.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from leaderboard.store import encoding
from leaderboard.store.migrations.results_before_0004 import (
    BUDGETS,
    PICTURES,
    Json,
    Meaning,
    meaning_of,
    number_of,
    text_of,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "n_robust": sa.Integer(),
    "role": sa.String(20),
    "kind": sa.String(20),
    "threat_key": sa.Text(),
    "label": sa.Text(),
    "norm": sa.String(20),
    "eps": sa.Float(53),
    "geometry": sa.String(40),
    "radius": sa.Float(53),
    "rule": sa.String(40),
}
INDEX = "ix_outcomes_norm_eps"
OF_RESULTS = ("outcome_kinds", "share_of", "headline_threats")
OF_PICTURES = ("unit", "role", "threat")

RESULTS = sa.table("results", *map(sa.column, ("id", "probe", "payload", "battery_content")))
OUTCOMES = sa.table(
    "outcomes",
    *map(sa.column, ("result_id", "name", "n", "bits")),
    *(sa.column(name, kind) for name, kind in COLUMNS.items()),
)


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("outcomes", sa.Column(name, kind))
    op.create_index(INDEX, "outcomes", ["norm", "eps"])
    bind = op.get_bind()
    for number, probe, payload, battery in _rows(bind):
        counts = _robust_counts(bind, number)
        if counts is None:
            continue
        kinds = payload.get("outcome_kinds")
        if kinds is None:
            meaning = meaning_of(probe, payload, battery)
            kinds = meaning.kinds if meaning else {}
            if meaning:
                _write(bind, number, with_meaning(payload, meaning, counts.keys()))
        for name, count in counts.items():
            columns = {"n_robust": count} | (columns_of(kinds[name]) if name in kinds else {})
            place = (OUTCOMES.c.result_id == number) & (OUTCOMES.c.name == name)
            bind.execute(sa.update(OUTCOMES).where(place).values(columns))


def downgrade() -> None:
    bind = op.get_bind()
    for number, _, payload, _ in _rows(bind):
        if "outcome_kinds" in payload:
            _write(bind, number, without_meaning(payload))
    op.drop_index(INDEX, "outcomes")
    for name in reversed(COLUMNS):
        op.drop_column("outcomes", name)


def _rows(bind: sa.Connection) -> Iterator[tuple[int, str, Json, Json]]:
    """Number, probe, payload and battery of the results that can be read."""
    for number in list(bind.scalars(sa.select(RESULTS.c.id))):
        columns = (_text(bind, RESULTS.c[name]) for name in ("probe", "payload", "battery_content"))
        query = sa.select(*columns).where(RESULTS.c.id == number)
        try:
            probe, payload, battery = bind.execute(query).one()
            read = encoding.loads(payload), encoding.loads(battery)
            name = probe.decode() if isinstance(probe, bytes) else str(probe)
        except (ValueError, TypeError, RecursionError, DBAPIError):
            continue  # unreadable: it is left unchanged, and reported when it is read
        if all(isinstance(each, dict) for each in read):
            yield number, name, *read


def _text(bind: sa.Connection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column as stored, even if it is not text (SQLite) or not of its declared type."""
    on_sqlite = bind.dialect.name == "sqlite"
    return sa.cast(column, sa.LargeBinary() if on_sqlite else sa.Text())


def _write(bind: sa.Connection, number: int, payload: Json) -> None:
    text: Any = encoding.dumps(payload)
    if bind.dialect.name != "sqlite":
        text = sa.cast(sa.literal(text, sa.Text()), sa.JSON())
    bind.execute(sa.update(RESULTS).where(RESULTS.c.id == number).values(payload=text))


def _robust_counts(bind: sa.Connection, number: int) -> dict[str, int | None] | None:
    """How many examples are robust, by outcome; ``None`` if the outcomes cannot be read."""
    columns = (OUTCOMES.c.name, OUTCOMES.c.n, OUTCOMES.c.bits)
    query = sa.select(*columns).where(OUTCOMES.c.result_id == number)
    counts: dict[str, int | None] = {}
    try:
        rows = bind.execute(query).all()
    except DBAPIError:
        return None
    for name, n, bits in rows:
        try:
            encoding.require_packed(bits, n)
            counts[str(name)] = int.from_bytes(bits, "big").bit_count()
        except ValueError:
            counts[str(name)] = None
    return counts


def with_meaning(payload: Json, meaning: Meaning, names: Collection[str]) -> Json:
    """The payload as this version stores it."""
    added: Json = {
        "outcome_kinds": {name: kind for name, kind in meaning.kinds.items() if name in names},
        "share_of": dict(meaning.share_of),
        "headline_threats": list(meaning.headline),
    }
    whole: Json = {}
    for name, value in payload.items():
        if name in PICTURES:
            value = [
                each | dict(zip(OF_PICTURES, meaning.drawn(each), strict=True)) for each in value
            ]
        whole[name] = value
        if name == "scores":
            whole |= added
    return whole if "scores" in whole else whole | added


def without_meaning(payload: Json) -> Json:
    """The payload as earlier versions stored it."""
    kept = {name: value for name, value in payload.items() if name not in OF_RESULTS}
    for name in PICTURES:
        pictures = kept.get(name)
        if isinstance(pictures, list) and all(isinstance(each, dict) for each in pictures):
            kept[name] = [
                {key: value for key, value in each.items() if key not in OF_PICTURES}
                for each in pictures
            ]
    return kept


def columns_of(kind: Json) -> Json:
    """The columns of an outcome."""
    threat = kind["threat"]
    if threat is None:
        return {"role": kind["role"]}
    parts = [threat["inputs"], threat["weights"]] if threat["kind"] == "joint" else [threat]
    columns = {name: part[name] for part in parts for name in FIELDS if name in part}
    for name in columns.keys() & {"eps", "radius"}:
        columns[name] = number_of(columns[name])
    return columns | {
        "role": kind["role"],
        "kind": threat["kind"],
        "threat_key": "/".join([threat["kind"], *(key for part in parts for key in _keys(part))]),
        "label": " and ".join(map(_label, parts)),
    }


FIELDS = ("norm", "eps", "geometry", "radius", "rule")


def _keys(threat: Json) -> list[str]:
    order = {
        "input": ("norm", "eps"),
        "weight": ("geometry", "rule", "radius"),
        "backdoor": ("geometry", "rule", "radius", "trigger", "target"),
        "bit-errors": ("rule", "rate"),
        "bit-flips": ("rule", "flips"),
        "region": ("region", "size"),
    }
    given = [name for name in order[threat["kind"]] if threat[name] is not None]
    keys = [repr(number_of(threat[n])) if n in BUDGETS else str(threat[n]) for n in given]
    return [*keys, _access(threat)] if threat["kind"] == "region" else keys


def _label(threat: Json) -> str:
    budget = next(text_of(threat[name]) for name in BUDGETS if name in threat)
    kind = threat["kind"]
    if kind == "input":
        return f"{threat['norm']} {budget}"
    if kind == "weight":
        rule = "" if threat["rule"] == "no-normalization" else f" ({threat['rule']})"
        return f"{threat['geometry']} radius {budget}{rule}"
    if kind == "backdoor":
        trigger = "" if threat["trigger"] is None else f", {threat['trigger']}"
        target = "" if threat["target"] is None else f", target class {threat['target']}"
        return f"{threat['geometry']} radius {budget}{trigger}{target}"
    if kind == "bit-errors":
        return f"bit error rate {budget}"
    if kind == "bit-flips":
        return f"{budget} flipped bit{'s' if number_of(threat['flips']) != 1.0 else ''}"
    size = "" if threat["region"] == "full" else f" {budget}"
    return f"{threat['region']}{size}, {_access(threat)}"


def _access(threat: Json) -> str:
    return "transfer" if threat["transferred"] else "white-box"
