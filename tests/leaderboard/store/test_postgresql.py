"""The store on a PostgreSQL server, where one is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from leaderboard.archives import write_archive
from leaderboard.cli import run
from leaderboard.pages import render_site
from leaderboard.store import Store
from models_zoo.errors import InputError


@pytest.fixture
def both(databases, made_up) -> Iterator[tuple[Store, Store]]:
    """The same results on the server and in memory."""
    with databases.empty() as url:
        stores = Store.open(url), Store.open(":memory:")
        for store in stores:
            made_up.fill(store)
        yield stores


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


def test_the_site_is_the_same_without_the_database(both, tmp_path):
    on_server, in_memory = (
        render_site(store, tmp_path / name).parent
        for store, name in zip(both, ("server", "memory"), strict=True)
    )
    assert not (on_server / "nonsingular.sqlite").exists()
    assert "nonsingular.sqlite" not in (on_server / "index.html").read_text("utf-8")
    names = ["boards/digits-v1.csv", "results.json", "models/digits-cnn-pgd-at/record.json"]
    names += [str(path.relative_to(in_memory)) for path in in_memory.glob("models/*/compare.js")]
    assert len(names) == 3 + 4
    for file in names:
        assert (on_server / file).read_bytes() == (in_memory / file).read_bytes()
    pages = [(folder / "findings.html").read_text("utf-8") for folder in (on_server, in_memory)]
    assert pages[0] == pages[1].replace(', <a href="nonsingular.sqlite">the database</a>', "")


def test_an_archive_of_the_server_is_that_of_a_file(both, tmp_path):
    paths = [tmp_path / "server.gz", tmp_path / "memory.gz"]
    for store, path in zip(both, paths, strict=True):
        write_archive(path, store.entries(), by="the zoo", licence="CC-BY-4.0")
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        ["export", "digits/cnn-pgd-at", "--battery", "digits-v1"],
        ["export", "--format", "csv", "--battery", "digits-v1"],
        ["findings", "--out", "."],
    ],
    ids=["a record", "a table", "findings"],
)
def test_commands_say_the_same(databases, made_up, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = []
    with databases.empty() as url:
        for database in (url, "scores.sqlite"):
            made_up.fill(Store.open(database))
            assert run([*command, "--database", database]) == 0
            said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert len(said[0]) > 100


def test_a_server_that_is_not_there_is_a_user_s_error():
    with pytest.raises(InputError, match="see that its server runs"):
        Store.open("postgresql+psycopg://tester:secret@127.0.0.1:1/postgres")


def test_a_missing_driver_is_named_without_the_password():
    with pytest.raises(InputError, match=r"nonsingular\[postgresql\]") as caught:
        Store.open("postgresql+pg8000://tester:secret@127.0.0.1/postgres")
    assert "secret" not in str(caught.value)


def test_a_verbose_command_does_not_print_the_password(capfd):
    url = "postgresql+psycopg://tester:hunter2@127.0.0.1:1/postgres?sslpassword=hunter2"
    command = ["bench", "digits/mlp-standard", "--probe", "clean", "--examples", "8", "--no-site"]
    assert run([*command, "--verbose", "--database", url]) == 2
    said = "".join(capfd.readouterr())
    assert "hunter2" not in said
    assert said.count("tester:***@127.0.0.1:1/postgres?sslpassword=***") == 2
