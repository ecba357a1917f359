"""``nonsingular seed``: commit, list, reveal, check."""

import json

import pytest
import typer
from typer.testing import CliRunner

from leaderboard.commands import seed
from models_zoo import InputError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    seed.register(app)

    def call(*words):
        result = CliRunner().invoke(app, ["seed", *words])
        if isinstance(result.exception, InputError):
            raise result.exception
        assert result.exception is None, result.output
        return result.output

    return call


def test_what_is_revealed_can_be_checked_against_what_was_committed_to(run):
    commitment = run("commit", "--note", "round 1").strip()
    assert "secret" in run("list")
    assert json.loads(run("list", "--json"))[0]["seed"] is None
    command = run("reveal", commitment[:8]).split()
    assert command[:3] == ["nonsingular", "seed", "check"]
    assert command[3] == commitment
    assert f"the commitment is to the seed {command[4]}" in run(*command[2:])
    assert command[4] in run("list")
    with pytest.raises(InputError, match="is not to this seed"):
        run("check", commitment, str(int(command[4]) + 1), command[5])


def test_without_commitments_the_list_says_so(run):
    from leaderboard.store import Store

    Store.open("nonsingular.sqlite")
    assert "no seed was committed to" in run("list")
