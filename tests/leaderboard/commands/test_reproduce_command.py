"""``nonsingular reproduce``: the same numbers again, and what is said where they are not."""

import json
import re
import sqlite3

import pytest
import typer
from typer.testing import CliRunner

from leaderboard.commands import bench, record_rerun, reproduce
from models_zoo import InputError
from models_zoo.catalog import load_card
from models_zoo.sources.bundled import bundled_file

MODEL = "digits/mlp-standard"
PROBES = ["--probe", "clean", "--probe", "intrinsic"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``run("reproduce", ...)``: exit code and output in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    for command in (bench, reproduce, record_rerun):
        command.register(app)

    def call(*words):
        result = CliRunner().invoke(app, list(map(str, words)))
        if isinstance(result.exception, InputError):
            raise result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.output

    return call


@pytest.fixture
def stored(run, tmp_path):
    """A database with two probes of a bundled model on 20 digits."""
    code, output = run("bench", MODEL, "--examples", 20, *PROBES, "--no-site", "--jobs", 1)
    assert code == 0, output
    return tmp_path / "nonsingular.sqlite"


def rewrite(database, change):
    """Change the stored answer of the clean probe."""
    with sqlite3.connect(database) as connection:
        where = "FROM results WHERE probe = 'clean'"
        ((number, payload),) = connection.execute(f"SELECT id, payload {where}").fetchall()
        text = json.dumps(change(json.loads(payload)))
        connection.execute("UPDATE results SET payload = ? WHERE id = ?", (text, number))


def test_every_number_comes_out_again_to_the_last_bit(run, stored):
    code, output = run("reproduce", MODEL)
    assert code == 0, output
    assert "clean: agrees to the last bit; 0 of 20 outcomes differ" in output
    assert "intrinsic: agrees to the last bit" in output
    assert "differs" not in output
    rows = re.findall(r"^ *(\S+\.\S+) +(\S+) +(\S+) *$", output, re.MULTILINE)
    assert len(rows) >= 10
    assert all(one == two for _, one, two in rows)


def test_nothing_is_stored(run, stored):
    with sqlite3.connect(stored) as connection:
        before = list(connection.iterdump())
    run("reproduce", MODEL, "--probe", "clean")
    with sqlite3.connect(stored) as connection:
        assert list(connection.iterdump()) == before


def test_a_number_that_was_tampered_with_is_found(run, stored):
    def raise_accuracy(payload):
        payload["scores"]["accuracy"]["value"] += 1e-12
        return payload

    rewrite(stored, raise_accuracy)
    code, output = run("reproduce", MODEL)
    assert code == 1
    assert re.search(r"clean\.accuracy +\S+ +\S+ +differs", output)
    assert "clean: does not agree; 0 of 20 outcomes differ" in output
    assert "intrinsic: agrees" in output


def test_an_outcome_that_was_tampered_with_is_found(run, stored):
    with sqlite3.connect(stored) as connection:
        query = "SELECT result_id, name, bits FROM outcomes LIMIT 1"
        ((number, name, bits),) = connection.execute(query).fetchall()
        flipped = bytes([bits[0] ^ 0b00100000]) + bits[1:]
        connection.execute(
            "UPDATE outcomes SET bits = ? WHERE result_id = ? AND name = ?", (flipped, number, name)
        )
    code, output = run("reproduce", MODEL)
    assert code == 1
    assert "1 of 20 outcomes differ" in output


def elsewhere(provenance):
    provenance["versions"]["torch"] = "1.0.0"
    provenance["processor"] = "Other CPU (AVX2)"


def long_ago(provenance):
    del provenance["processor"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (elsewhere, [r"torch \S+ in place of 1\.0\.0", r"\) in place of Other CPU \(AVX2\)"]),
        (long_ago, [r"run with processor .*\) in place of one that was not recorded"]),
    ],
)
def test_what_may_explain_other_numbers_is_named(run, stored, change, words):
    def halve(payload):
        payload["scores"]["accuracy"]["value"] = 0.5
        return payload

    rewrite(stored, halve)
    with sqlite3.connect(stored) as connection:
        ((text,),) = connection.execute("SELECT provenance FROM results WHERE probe = 'clean'")
        provenance = json.loads(text)
        change(provenance)
        connection.execute(
            "UPDATE results SET provenance = ? WHERE probe = 'clean'", (json.dumps(provenance),)
        )
    code, output = run("reproduce", MODEL, "--probe", "clean")
    assert code == 1
    assert all(re.search(each, output) for each in words), output


def test_results_on_training_images_are_found_by_their_split(run):
    words = [MODEL, "--examples", 20, "--probe", "clean"]
    assert run("bench", *words, "--split", "train", "--no-site")[0] == 0
    with pytest.raises(InputError, match="not stored with --split test; give --split train"):
        run("reproduce", MODEL)
    code, output = run("reproduce", MODEL, "--split", "train")
    assert code == 0, output


def test_mistakes_say_what_is_known(run, stored):
    with pytest.raises(InputError, match="did you mean 'digits/mlp-standard'"):
        run("reproduce", "digits/mlp-standart")
    with pytest.raises(InputError, match="did you mean 'clean'"):
        run("reproduce", MODEL, "--probe", "cleen")
    with pytest.raises(InputError, match="not stored with --seed 4; give --seed 0"):
        run("reproduce", MODEL, "--seed", 4)


@pytest.fixture
def files():
    """The bundled checkpoints of two models."""
    one, other = map(load_card, ("digits/mlp-standard", "digits/mlp-pgd-at"))
    with bundled_file(one) as file, bundled_file(other) as another:
        yield file, another


def test_a_model_from_a_file_needs_the_file_again(run, files):
    file, other = files
    words = ["--checkpoint", file, "--architecture", "mlp", "--battery", "digits-v1"]
    code, output = run("bench", *words, "--examples", 20, "--probe", "clean", "--no-site")
    assert code == 0, output
    (name,) = re.findall(r"^ *(\S+) +\d+\.\d%", output, re.MULTILINE)
    with pytest.raises(InputError, match="name it with --checkpoint"):
        run("reproduce", name)
    assert run("reproduce", name, "--checkpoint", file)[0] == 0
    with pytest.raises(InputError, match="is not the model of the stored result"):
        run("reproduce", name, "--checkpoint", other)
