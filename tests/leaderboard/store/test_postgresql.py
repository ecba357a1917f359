"""The store on a PostgreSQL server, where one is installed."""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

import leaderboard.store
from leaderboard.pages import render_site
from leaderboard.store import Rerun, Store
from leaderboard.store.schema import OutcomeRow
from models_zoo.errors import InputError

COLUMNS = [column for column in OutcomeRow.__table__.columns if column.name != "result_id"]


def _program(name: str) -> str | None:
    """Debian keeps the server's programs out of the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a server of this module's own."""
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL here; install Debian's package postgresql")
    owner = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if owner:
            shutil.chown(folder, owner)
        yield from _served(initdb, postgres, folder, owner)


def _served(initdb: str, postgres: str, folder: Path, owner: str | None) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    subprocess.run(
        [initdb, "-D", data, "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-locale"],
        check=True,
        capture_output=True,
        user=owner,
    )
    options = ["-D", data, "-p", str(port), "-c", "unix_socket_directories=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen([postgres, *options], stderr=log, user=owner)
        try:
            _await(port, running)
            yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
        finally:
            running.terminate()
            running.wait(30)


def _await(port: int, running: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert running.poll() is None, "the server did not start"
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server does not answer")


@pytest.fixture
def both(server, made_up) -> Iterator[tuple[Store, Store]]:
    """The same results on the server and in memory."""
    stores = Store.open(server), Store.open(":memory:")
    for store in stores:
        made_up.fill(store)
    yield stores
    with stores[0].engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    for store in stores:
        store.engine.dispose()


def test_what_is_read_is_what_sqlite_gives(both):
    on_server, in_memory = both
    scores = [("input", "robust_accuracy"), ("backdoor", "smallest_budget")]
    assert on_server.summaries(scores, ["input"]) == in_memory.summaries(scores, ["input"])
    assert on_server.names() == in_memory.names()
    for ours, theirs in zip(on_server.entries(), in_memory.entries(), strict=True):
        assert ours.card == theirs.card
        assert ours.provenances == theirs.provenances
        assert ours.battery == theirs.battery
        for probe, result in theirs.results.items():
            assert ours.results[probe].model_dump() == result.model_dump()
            for name, outcomes in result.outcomes.items():
                assert (ours.results[probe].outcomes[name] == outcomes).all()


def test_the_view_holds_the_same_rows(both):
    query = text("SELECT model, probe, score, value, n, split, own_data FROM leaderboard")
    rows = []
    for store in both:
        with store.engine.connect() as connection:
            rows.append(sorted(map(tuple, connection.execute(query))))
    assert len(rows[0]) > 20
    assert rows[0] == rows[1]


def test_an_answer_is_replaced_with_its_reruns(both, made_up):
    for store in both:
        entry = store.entries()[0]
        rerun = Rerun("Ada", "2026-01-02T03:04:05+00:00", True, 0.0, 0, 24, "cpu", 1)
        store.record_rerun(entry.provenances["input"], "input", rerun)
        assert store.entries()[0].reruns == {"input": [rerun]}
        result = made_up.results(0.5)["input"]
        battery = made_up.Battery()
        store.save(entry.card, entry.provenances["input"], battery, result)
        after = store.entries()[0]
        assert after.reruns == {}
        assert after.results["input"].scores == result.scores


def test_the_site_is_the_same_without_the_database(both, tmp_path):
    on_server, in_memory = (
        render_site(store, tmp_path / name).parent
        for store, name in zip(both, ("server", "memory"), strict=True)
    )
    assert not (on_server / "nonsingular.sqlite").exists()
    assert "nonsingular.sqlite" not in (on_server / "index.html").read_text("utf-8")
    for file in ("boards/digits-v1.csv", "results.json", "models/digits-cnn-pgd-at/record.json"):
        assert (on_server / file).read_bytes() == (in_memory / file).read_bytes()


def test_a_downgrade_and_an_upgrade_are_those_of_sqlite(both, made_up):
    config = Config()
    folder = Path(leaderboard.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    settings = {"budgets": [0.1, 0.4], "headline": 0.1}
    battery = made_up.Battery(name="own", probes={"backdoor": settings})
    result = made_up.results()["backdoor"]
    result.outcomes["held_out_robust"] = np.arange(20) > 3
    payloads, columns = [], []
    for store in both:
        store.save(made_up.card(), made_up.provenance(battery), battery, result)
        for change, revision in ((command.downgrade, "0003"), (command.upgrade, "head")):
            with store.engine.begin() as connection:
                config.attributes["connection"] = connection
                change(config, revision)
        (entry,) = store.entries("own")
        payloads.append(entry.results["backdoor"].model_dump())
        with store.engine.connect() as connection:
            query = select(*COLUMNS).where(OutcomeRow.name == "held_out_robust")
            columns.append(connection.execute(query).one())
    assert payloads[0] == payloads[1]
    assert payloads[0]["headline_threats"][0]["radius"] == "0.1"
    assert payloads[0]["scores"]["smallest_budget"]["value"] == math.inf
    assert columns[0] == columns[1]
    assert columns[0][3:6] == (16, 0, "control")
    assert columns[0].threat["radius"] == "0.1"
    assert columns[0][7:10] == (
        "backdoor",
        "backdoor/relative-linf/no-normalization/0.1",
        "relative-linf radius 0.1",
    )


def test_a_server_that_is_not_there_is_a_user_s_error():
    with pytest.raises(InputError, match="see that its server runs"):
        Store.open("postgresql+psycopg://tester:secret@127.0.0.1:1/postgres")


def test_a_missing_driver_is_named_without_the_password():
    with pytest.raises(InputError, match=r"nonsingular\[postgresql\]") as caught:
        Store.open("postgresql+pg8000://tester:secret@127.0.0.1/postgres")
    assert "secret" not in str(caught.value)
