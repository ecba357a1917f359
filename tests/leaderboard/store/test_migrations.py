"""Every schema there was, with rows in it: up, down and up again, on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Engine, MetaData, Table, create_engine, insert, inspect, select, update
from sqlalchemy.orm import Session

import leaderboard.store
from benchmark.counterexamples import Verified
from benchmark.results import ProbeResult
from leaderboard.store import Rerun, Store, encoding
from leaderboard.store.counterexamples import StoredCounterexample, measured_text
from leaderboard.store.schema import (
    AlternativeRow,
    Base,
    OutcomeRow,
    ReportedModelRow,
    ResultRow,
    ShardRow,
)
from tests.leaderboard import conftest as made_up
from tests.leaderboard.store.test_threat_migration import stripped

CONFIG = Config()
CONFIG.set_main_option(
    "script_location", str(Path(leaderboard.store.__file__).parent / "migrations")
)
REVISIONS = [each.revision for each in ScriptDirectory.from_config(CONFIG).walk_revisions()][::-1]

THREATS = "0004"
"""The first schema with the threats of outcomes; results of before are filled in."""

BATTERY: Any = made_up.MadeUpBattery(
    name="own", probes={"clean": {}, "backdoor": {"budgets": [0.1, 0.4], "headline": 0.1}}
)
"""A battery of which the migration to 0004 can tell what its outcomes are about."""


COUNTEREXAMPLE = StoredCounterexample(
    file_sha256="d" * 64,
    found=Verified(made_up.LINF, np.zeros(200, bool), np.ones(200, bool)),
    by="Ada",
    created="2026-01-02T03:04:05+00:00",
)
"""It lowers nothing: none of the results is about images."""


def results() -> dict[str, ProbeResult]:
    """Results as schemas before 0004 could store them too."""
    found = made_up.make_results()
    backdoor = found["backdoor"]
    backdoor.outcomes = {"held_out_robust": backdoor.outcomes["triggered"]}
    threat = made_up.BACKDOOR.at(0.1)
    backdoor.outcome_kinds = {"held_out_robust": made_up.about("control", threat)}
    backdoor.share_of = {"clean_accuracy": "held_out_robust"}
    backdoor.headline_threats = [threat]
    return {"clean": found["clean"], "backdoor": backdoor}


@pytest.fixture(scope="module")
def source() -> Store:
    """A model for each schema, named like it, with a row in every table."""
    store = Store.open(":memory:")
    for revision in REVISIONS:
        name = f"digits/net-{revision}"
        where = made_up.make_provenance(BATTERY, hashlib.sha256(name.encode()).hexdigest())
        for result in results().values():
            store.save(made_up.make_card(name), where, BATTERY, result)
        store.add_counterexample(where.fingerprint, where.data_sha256, COUNTEREXAMPLE)
        rerun = Rerun("Ada", "2026-01-02T03:04:05+00:00", True, None, 0, 200, "cpu", 1, {"a": "b"})
        store.record_rerun(where, "clean", rerun)
        with Session(store.engine) as session, session.begin():
            session.add(
                AlternativeRow(
                    **dict.fromkeys(("battery_sha256", "data_sha256", "archive"), "a" * 64),
                    **{"fingerprint": where.fingerprint, "content_sha256": "b" * 64, "seed": 2**40},
                    **{"probe": "clean", "content": '{"a": "\N{GREEK SMALL LETTER ALPHA}"}'},
                )
            )
            session.add(
                ShardRow(
                    **{"fingerprint": where.fingerprint, "battery_sha256": "a" * 64, "probe": "p"},
                    **{"data_sha256": "b" * 64, "seed": 2**40, "count": 3, "number": 2},
                    **{"content": {"a": [1, "\N{GREEK SMALL LETTER ALPHA}"]}, "provenance": {}},
                )
            )
            names = ("dataset", "norm", "architecture", "venue", "clean", "autoattack")
            rest = ("best_known", "link", "load", "licence", "date")
            texts = dict.fromkeys((*names, *rest), "1")
            row = ReportedModelRow(source="S", eps="8/255", model_id=name, **texts)
            row.extra_data, row.unreliable = True, None
            session.add(row)
            imported = update(ResultRow).where(ResultRow.fingerprint == where.fingerprint)
            session.execute(imported.values(archive="c" * 64))
            for probe, result in results().items():
                lowered = imported.where(ResultRow.probe == probe)
                session.execute(lowered.values(measured=measured_text(result)))
    with store.engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            if connection.execute(select(table)).first() is None:
                connection.execute(insert(table), [invented(table)])
    return store


def invented(table: Table) -> dict[str, Any]:
    """A row of a table that later schemas may add."""
    values: dict[type, Any] = {str: "1", int: 1, bool: True, float: 0.5, dict: {}, bytes: b"\1"}
    values[datetime] = datetime(2026, 1, 2, 3, 4, 5)
    return {
        column.name: {} if isinstance(column.type, JSON) else values[column.type.python_type]
        for column in table.columns
        if not column.nullable and column.default is None and column.server_default is None
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path) -> Iterator[Engine]:
    """A database without tables."""
    if request.param == "sqlite":
        yield from connected(f"sqlite:///{tmp_path / 'scores.sqlite'}")
    else:
        with request.getfixturevalue("postgresql").database() as url:
            yield from connected(url)


def connected(url: str) -> Iterator[Engine]:
    engine = create_engine(url, json_serializer=encoding.dumps, json_deserializer=encoding.loads)
    yield engine
    engine.dispose()


def go(engine: Engine, change: Callable[[Config, str], None], revision: str) -> None:
    with engine.begin() as connection:
        CONFIG.attributes["connection"] = connection
        change(CONFIG, revision)


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted(map(dict, connection.execute(select(table)).mappings()), key=repr)
            for name, table in metadata.tables.items()
            if name != "alembic_version"
        }


def add_rows(engine: Engine, source: Engine, revision: str) -> None:
    """Add the rows of a schema's model, with the columns that the schema has."""
    name = f"digits/net-{revision}"
    fingerprint = hashlib.sha256(name.encode()).hexdigest()
    all_tables = Base.metadata.tables
    ids = select(all_tables["results"].c.id).filter_by(fingerprint=fingerprint)
    there = inspect(engine)
    with engine.begin() as connection, source.connect() as given:
        for table in Base.metadata.sorted_tables:
            if not there.has_table(table.name):
                continue
            query = select(table)
            if "fingerprint" in table.c:
                query = query.where(table.c.fingerprint == fingerprint)
            elif "result_id" in table.c:
                query = query.where(table.c.result_id.in_(ids))
            elif "model_id" in table.c:
                query = query.where(table.c.model_id == name)
            elif revision != REVISIONS[-1]:
                continue
            columns = {column["name"] for column in there.get_columns(table.name)}
            for row in map(dict, given.execute(query).mappings()):
                if table.name == "results" and revision < THREATS:
                    row["payload"] = encoding.loads(stripped(encoding.dumps(row["payload"])))
                kept = {key: value for key, value in row.items() if key in columns}
                connection.execute(insert(table).values(kept))


def test_rows_of_every_schema_come_to_this_one_and_back(engine, source):
    on_way_up = {}
    for revision in REVISIONS:
        go(engine, command.upgrade, revision)
        add_rows(engine, source.engine, revision)
        on_way_up[revision] = contents(engine)
    assert_current_and_equal(engine, source)
    at_top = contents(engine)
    assert all(at_top.values())

    for revision in reversed(REVISIONS):
        go(engine, command.downgrade, revision)
        then = contents(engine)
        assert then.keys() == on_way_up[revision].keys()
        for table, rows in on_way_up[revision].items():
            kept = [row for row in then[table] if row in rows]
            assert kept == rows, f"{table} of {revision}"

    of_first = contents(engine)
    go(engine, command.upgrade, "head")
    again = contents(engine)
    forgotten = {"archive": None, "measured": None}
    for table, rows in at_top.items():
        expected = [row | (forgotten if table == "results" else {}) for row in rows]
        assert again[table] == (sorted(expected, key=repr) if table in of_first else [])
    go(engine, command.downgrade, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert inspect(engine).get_view_names() == []


def assert_current_and_equal(engine: Engine, source: Store) -> None:
    """The tables are those of the schema, and what is read is what was stored by this version."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    store = Store.open(engine.url.render_as_string(hide_password=False), to_read=True)
    for ours, theirs in zip(store.entries(), source.entries(), strict=True):
        assert (ours.card, ours.provenances) == (theirs.card, theirs.provenances)
        had_reruns = ours.card.name >= "digits/net-0002"
        assert ours.reruns == (theirs.reruns if had_reruns else {})
        for probe, result in theirs.results.items():
            assert ours.results[probe].model_dump() == result.model_dump()
            for name, bits in result.outcomes.items():
                assert (ours.results[probe].outcomes[name] == bits).all()
    store.engine.dispose()
    outcomes = select(OutcomeRow.__table__).order_by(OutcomeRow.result_id, OutcomeRow.name)
    flags = select(ResultRow.id, ResultRow.raised_flags).order_by(ResultRow.id)
    with engine.connect() as here, source.engine.connect() as there:
        assert here.execute(outcomes).all() == there.execute(outcomes).all()
        assert here.execute(flags).all() == there.execute(flags).all()
