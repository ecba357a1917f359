# ruff: noqa: E501  (a row a statement)
"""Databases as accidents leave them: one line each, and one bad row does not take the others."""

from __future__ import annotations

import ctypes
import hashlib
import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from leaderboard.pages import render_site
from leaderboard.store import Store
from leaderboard.store.damage import _unreadable
from models_zoo.errors import InputError, shown
from tests.leaderboard import conftest as made_up_answers

BAD = "digits/cnn-pgd-at"
FINGERPRINT = hashlib.sha256(BAD.encode()).hexdigest()
OF_MODEL = f"fingerprint = '{FINGERPRINT}'"
INPUT = f"result_id = (select id from results where {OF_MODEL} and probe = 'input')"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A database with four models of six probes each; only to be copied."""
    path: Path = tmp_path_factory.mktemp("whole") / "whole.sqlite"
    store = Store.open(path)
    made_up_answers.fill(store)
    store.engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.execute("pragma journal_mode = delete")
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    own = tmp_path / "scores.sqlite"
    shutil.copy(whole, own)
    return own


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("pragma foreign_keys = off")
        for statement in statements:
            connection.execute(statement)


def told(capfd):
    text = capfd.readouterr().err
    assert "Traceback" not in text
    return text.splitlines()


ROWS = {
    "a card that is no JSON": f"update models set card = '{{' where {OF_MODEL}",
    "a card that is a list": f"update models set card = '[]' where {OF_MODEL}",
    "a card without a name": f"update models set card = json_remove(card, '$.name') where {OF_MODEL}",
    "a card that nests without end": f"update models set card = '{'[' * 100_000}' where {OF_MODEL}",
    "a card of bytes that are not UTF-8": f"update models set card = cast(x'7bff7d' as text) where {OF_MODEL}",
    "a card that is a number": f"update models set card = '7' where {OF_MODEL}",
    "a model that is missing": f"delete from models where {OF_MODEL}",
    "a payload that is no JSON": f"update results set payload = 'x' where {OF_MODEL}",
    "a payload that is cut": f"update results set payload = substr(payload, 1, 200) where {OF_MODEL}",
    "a payload without scores": f"update results set payload = json_remove(payload, '$.scores') where {OF_MODEL}",
    "a payload that is null": f"update results set payload = 'null' where {OF_MODEL}",
    "a curve that is cut": f"update results set payload = json_remove(payload, '$.curves[0].y[0]') where {OF_MODEL} and probe = 'input'",
    "bars without a name": f"update results set payload = json_remove(payload, '$.bars[0].names[0]') where {OF_MODEL} and probe = 'weight'",
    "a surface without a row": f"update results set payload = json_remove(payload, '$.surfaces[0].z[0]') where {OF_MODEL} and probe = 'joint'",
    "an image of another shape": f"update results set payload = json_set(payload, '$.thumbnails[0].shape[1]', 9) where {OF_MODEL} and probe = 'backdoor'",
    "an image that is no base64": f"update results set payload = json_set(payload, '$.thumbnails[0].pixels', 'a') where {OF_MODEL} and probe = 'backdoor'",
    "a provenance that is no JSON": f"update results set provenance = '' where {OF_MODEL}",
    "a provenance without examples": f"update results set provenance = json_remove(provenance, '$.examples') where {OF_MODEL}",
    "negative examples": f"update results set provenance = json_set(provenance, '$.examples', -3) where {OF_MODEL}",
    "no examples": f"update results set provenance = json_set(provenance, '$.examples', 0) where {OF_MODEL}",
    "other examples": f"update results set provenance = json_set(provenance, '$.examples', 201) where {OF_MODEL}",
    "outcomes that are too short": f"update outcomes set bits = x'ff' where {INPUT}",
    "outcomes that are too long": f"update outcomes set bits = bits || x'00' where {INPUT}",
    "outcomes that are empty": f"update outcomes set bits = x'' where {INPUT}",
    "outcomes that are a text": f"update outcomes set bits = 'text' where {INPUT}",
    "outcomes with another count": f"update outcomes set n = 8 where {INPUT}",
    "outcomes with a negative count": f"update outcomes set n = -1 where {INPUT}",
    "outcomes whose count is a text": f"update outcomes set n = 'many' where {INPUT}",
    "a headline without outcomes": f"delete from outcomes where {INPUT}",
}  # fmt: skip

OF_BOARDS = {
    "an infinite score": f"update scores set value = 9e999 where {INPUT}",
    "a role that is unknown": f"update outcomes set role = 'hero' where {INPUT}",
    "a threat that is no JSON": f"update outcomes set role = 'budget', threat = '{{' where {INPUT}",
    "a threat that is none": f"update outcomes set role = 'budget', threat = '[]' where {INPUT}",
    "an outcome without a position": f"update outcomes set role = 'budget', position = null where {INPUT}",
    "raised flags that are a text": f"update results set raised_flags = 'many' where {OF_MODEL}",
}  # fmt: skip
"""What only boards read, since a model's page shows its results' own records."""


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS)
def test_a_bad_row_is_named_and_left_out_and_the_rest_can_be_read(path, statement, capfd):
    change(path, statement)
    store = Store.open(path, to_read=True)
    entries = store.entries()
    summaries = store.summaries([("input", "robust_accuracy")], ["input"])
    lines = told(capfd)
    assert len([line for line in lines if BAD in line or FINGERPRINT in line]) >= 1
    assert all(shown(str(path)) in line and "left out" in line for line in lines)
    assert "integrity_check" in lines[-1]
    others = [entry for entry in entries if entry.card.name != BAD]
    assert len(others) == 3
    assert all(len(entry.results) == 6 for entry in others)
    for entry in entries:
        if entry.card.name == BAD:
            assert len(entry.results) < 6
    for summary in summaries:
        if summary.card.name == BAD and "input.robust_accuracy" in summary.scores:
            assert "input" in summary.probes
    assert {summary.card.name for summary in summaries} == {entry.card.name for entry in entries}


@pytest.mark.parametrize(
    "kind",
    [
        "a card that is a list",
        "outcomes that are too short",
        "a curve that is cut",
        "a payload that is null",
        *OF_BOARDS,
    ],
)
def test_the_site_goes_on_without_a_bad_row(path, tmp_path, kind, capfd):
    change(path, (ROWS | OF_BOARDS)[kind])
    front = render_site(Store.open(path, to_read=True), tmp_path / "site")
    assert "digits/mlp-pgd-at" in front.read_text("utf-8")
    lines = told(capfd)
    assert len(lines) == len(set(lines))
    assert any(BAD in line for line in lines)


@pytest.mark.parametrize(
    "kind", ["a card that is no JSON", "a payload that is cut", "outcomes that are a text"]
)
def test_a_bad_row_is_replaced_by_the_same_result_computed_again(path, made_up, kind, capfd):
    change(path, ROWS[kind])
    store = Store.open(path)
    battery = made_up.Battery()
    where = made_up.provenance(battery, FINGERPRINT)
    key = (where.fingerprint, where.battery_sha256, where.data_sha256, where.seed)
    assert "input" not in store.results(*key)
    assert told(capfd)
    for result in made_up.results(0.3).values():
        store.save(made_up.card(BAD, "pgd-at"), where, battery, result)
    again = Store.open(path, to_read=True)
    assert len(again.results(*key)) == 6
    assert len(again.entries()) == 4
    assert told(capfd) == []


def other(path: Path) -> None:
    path.unlink()
    change(path, "create table notes (text)")


FILES = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a database, but a text that is long enough\n" * 99),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "missing": lambda path: path.unlink(),
    "cut in its header": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:9000]),
    "zeros after the header": lambda path: path.write_bytes(path.read_bytes()[:100] + b"\0" * 90000),
    "a bad page size": lambda path: path.write_bytes(path.read_bytes()[:16] + b"\7\7" + path.read_bytes()[18:]),
    "somebody else's": other,
    "newer": lambda path: change(path, "update alembic_version set version_num = '9999'"),
    "without scores": lambda path: change(path, "drop view leaderboard", "drop table scores"),
    "without outcomes": lambda path: change(path, "drop table outcomes"),
    "without models": lambda path: change(path, "drop view leaderboard", "drop table models"),
    "without a column": lambda path: change(path, "drop view leaderboard", "alter table results drop column payload"),
    "a link to itself": lambda path: (path.unlink(), path.symlink_to(path)),
    "zip": lambda path: path.write_bytes(b"PK\3\4" + path.read_bytes()),
}  # fmt: skip


def read_all(path: Path, *, to_read: bool) -> None:
    store = Store.open(path, to_read=to_read)
    try:
        store.entries()
        store.summaries([("input", "robust_accuracy")], ["input"])
    finally:
        store.engine.dispose()


def everything(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_used_is_refused_in_one_line_and_not_touched(path, kind):
    FILES[kind](path)
    before = everything(path.parent)
    for to_read in (True, False):
        if not to_read and kind in ("empty", "missing"):
            continue  # becomes a database
        with pytest.raises(InputError) as refused:
            read_all(path, to_read=to_read)
        message = str(refused.value)
        assert len(message.splitlines()) == 1
        assert path.name in message
        assert "--database" in message
        if kind != "without a column":
            assert everything(path.parent) == before


def test_a_row_that_only_an_index_lists_is_named(path):
    """A damaged table may lack what the list of results, read from an index, names."""
    store = Store.open(path, to_read=True)
    with Session(store.engine) as session:
        (found,) = _unreadable(session, [1, 9999])
    assert (found.number, found.reason) == (9999, "No row was found when one was required")


def test_a_page_that_is_damaged_is_found_before_anything_is_written(path):
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\x55" * 4096
    path.write_bytes(content)
    before = everything(path.parent)
    with pytest.raises(InputError, match=r"is damaged"):
        Store.open(path)
    assert everything(path.parent) == before


def test_flipped_bytes_are_refused_or_left_out_in_lines(whole, tmp_path, capfd):
    content, draw = bytearray(whole.read_bytes()), random.Random(0)  # noqa: S311
    refused = []
    for _ in range(40):
        damaged = bytearray(content)
        start = draw.randrange(len(content))
        damaged[start : start + 40] = draw.randbytes(40)
        path = tmp_path / "scores.sqlite"
        path.write_bytes(damaged)
        try:
            read_all(path, to_read=True)
        except InputError as error:
            refused.append(str(error))
        path.unlink()
        assert all(line.startswith("warning: database") for line in told(capfd))
    assert 0 < len(refused) < 40
    assert all("scores.sqlite" in message for message in refused)
    assert all(len(message.splitlines()) == 1 for message in refused)


@pytest.fixture
def closed(whole):
    """A folder with the database that a user without rights can enter, and not write."""
    folder = Path(tempfile.mkdtemp())  # others cannot enter those of pytest
    shutil.copy(whole, folder / "scores.sqlite")
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def without_rights() -> Iterator[None]:
    """Files are opened as a user without rights, whoever runs the tests."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.setfsuid(65534)
    try:
        yield
    finally:
        libc.setfsuid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to go without root's rights")
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_in_a_folder_that_cannot_be_written_can_be_read(closed, journal):
    path = closed / "scores.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma journal_mode = {journal}")
    before = everything(closed)
    with without_rights():
        assert len(Store.open(path, to_read=True).entries()) == 4
        with pytest.raises(InputError, match="cannot use database"):
            Store.open(path)
    assert everything(closed) == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to go without root's rights")
def test_a_database_without_permissions_is_refused_in_one_line(closed):
    (closed / "scores.sqlite").chmod(0)
    with without_rights(), pytest.raises(InputError, match="Permission denied"):
        Store.open(closed / "scores.sqlite", to_read=True)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to go without root's rights")
def test_what_lies_beside_a_database_that_cannot_be_written_is_not_left_out_in_silence(
    closed, capfd
):
    path = closed / "scores.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("update models set submitted = 1")
        connection.commit()
        log = path.with_name("scores.sqlite-wal").read_bytes()
    path.with_name("scores.sqlite-wal").write_bytes(log)
    with without_rights():
        entries = Store.open(path, to_read=True).entries()
    assert len(entries) == 4
    if not any(entry.submitted for entry in entries):
        assert "is not read" in capfd.readouterr().err


def test_a_full_disk_while_scoring_is_one_line_and_what_was_stored_stays(path, made_up):
    store = Store.open(path)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("select 1")

    def small(connection, _record):
        connection.execute("pragma max_page_count = 1")

    from sqlalchemy import event

    store.engine.dispose()
    event.listen(store.engine, "connect", small)
    battery = made_up.Battery()

    def fill() -> None:
        for seed in range(9):
            where = made_up.provenance(battery, FINGERPRINT, seed=seed + 1)
            for result in made_up.results(0.3).values():
                store.save(made_up.card(BAD, "pgd-at"), where, battery, result)

    with pytest.raises(InputError, match="the disk is full; finished results are stored") as full:
        fill()
    assert "run the same command again to resume" in str(full.value)
    store.engine.dispose()
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("pragma integrity_check").fetchone() == ("ok",)
    assert len(Store.open(path, to_read=True).entries()) >= 4
