"""The published copy of the database, for queries in SQL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from benchmark.interval_kinds import INTERVALS, WITHOUT
from leaderboard.formatting.texts import probe_texts
from leaderboard.store import Store, Summary
from leaderboard.store.summaries import NONSINGULAR

FILE = "nonsingular.sqlite"
"""Its name at the top of the site."""

_WITHOUT_PRIVATE = """
PRAGMA secure_delete = ON;
DELETE FROM jobs;
DELETE FROM submission_events;
DELETE FROM submissions;
DELETE FROM tokens;
DELETE FROM seeds WHERE revealed IS NULL;
DELETE FROM shards;
DELETE FROM sqlite_sequence;
"""
"""Jobs have paths, names of machines and tracebacks, submissions have contacts, and tokens open the
service; they are overwritten, not only unlinked."""

_WITHOUT_SEED = (
    "UPDATE results SET provenance = json_set(provenance, '$.seed', :shown) WHERE seed = :seed",
    "UPDATE results SET seed = :shown WHERE seed = :seed",
    "UPDATE counterexamples SET seed = :shown WHERE seed = :seed",
)
"""Results that were scored with a secret seed say its stand-in."""

_TABLES = """
DROP TABLE IF EXISTS headline;
CREATE TABLE headline (
  model TEXT, battery TEXT, value REAL, low REAL, high REAL, examples INTEGER, split TEXT,
  seed INTEGER, created TEXT, submitted INTEGER, architecture TEXT, recipe TEXT,
  fingerprint TEXT, battery_sha256 TEXT, data_sha256 TEXT, own_data INTEGER,
  PRIMARY KEY (fingerprint, battery_sha256, data_sha256, seed)
);
DROP TABLE IF EXISTS meanings;
CREATE TABLE meanings (
  probe TEXT, score TEXT, label TEXT, description TEXT, unit TEXT, higher_is_better INTEGER,
  interval TEXT, no_interval TEXT, PRIMARY KEY (probe, score)
);
"""
"""Tables that the published copy has in addition: the derived headline, and the meaning of each
score with the kind of its interval, or why it has none: ``low`` and ``high`` are equal or infinite
then. They are dropped first, since a published copy may itself be used as a store."""


def publish_database(store: Store, summaries: Sequence[Summary], folder: Path) -> bool:
    """Write the store's database into a site, as one file that opens read-only anywhere.

    It is a consistent snapshot, without a write-ahead log, deleted content,
    jobs, submissions, tokens, shards and secret seeds.

    Args:
        store: the store; only SQLite is published.
        summaries: what it holds, for the derived headline.
        folder: the top of the site.

    Returns:
        Whether there is such a file now.
    """
    if store.engine.url.get_backend_name() != "sqlite":
        return False
    path = folder / FILE
    hidden = store.stand_ins()
    with closing(store.engine.raw_connection()) as connection:
        # Bytes, since a folder's name need not be UTF-8.
        connection.cursor().execute("VACUUM INTO CAST(? AS TEXT)", (os.fsencode(path),))
    with closing(sqlite3.connect(path)) as copy, copy:
        for seed, shown in hidden.items():
            copy.execute("PRAGMA secure_delete = ON")
            for statement in _WITHOUT_SEED:
                copy.execute(statement, {"seed": seed, "shown": shown})
        copy.executescript(_WITHOUT_PRIVATE + _TABLES)
        _insert(copy, "headline", _headlines(summaries))
        _insert(copy, "meanings", _meanings())
    return True


def _insert(copy: sqlite3.Connection, table: str, rows: Iterator[tuple[object, ...]]) -> None:
    (width,) = copy.execute("SELECT count(*) FROM pragma_table_info(?)", (table,)).fetchone()
    copy.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)  # noqa: S608


def _headlines(summaries: Sequence[Summary]) -> Iterator[tuple[object, ...]]:
    for summary in summaries:
        score, card = summary.scores.get(NONSINGULAR), summary.card
        if score is not None:
            yield (
                card.name,
                summary.battery,
                *(score.value, score.low, score.high),
                *(summary.examples, summary.split, summary.seed, summary.created),
                *(summary.submitted, card.architecture, card.recipe),
                *(summary.fingerprint, summary.battery_sha256, summary.data_sha256),
                summary.own_data,
            )


def _meanings() -> Iterator[tuple[object, ...]]:
    for text in probe_texts().values():
        for name, spec in text.scores.items():
            kind = INTERVALS.get(spec.interval)
            yield (
                *(text.name, name),
                *(spec.label, spec.description, spec.unit, spec.higher_is_better),
                *(kind and kind.name, WITHOUT.get(spec.interval)),
            )
