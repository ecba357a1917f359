"""Reruns under a name: recorded on the spot, or written to a file and taken in elsewhere."""

import json
import shutil
import sqlite3

import pytest
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.reruns.verification import verification_of
from leaderboard.store import Store
from leaderboard.submissions.workspace import keep
from models_zoo import load_model
from models_zoo.catalog import load_card
from models_zoo.checkpoint import read_file
from models_zoo.errors import InputError
from models_zoo.sources.bundled import bundled_file

MODEL = "digits/mlp-standard"


def call(*words):
    """Exit code and output."""
    result = CliRunner().invoke(app, list(map(str, words)))
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A database with two probes of a bundled model on 20 digits; only to be copied."""
    path = tmp_path_factory.mktemp("scored") / "nonsingular.sqlite"
    words = ["--probe", "clean", "--probe", "intrinsic", "--examples", 20, "--no-site"]
    assert call("bench", MODEL, *words, "--jobs", 1, "--database", path)[0] == 0
    with sqlite3.connect(path) as connection:  # all of it in one file, for copies
        connection.execute("pragma wal_checkpoint(truncate)")
    return path


@pytest.fixture
def database(scored, tmp_path, monkeypatch):
    """A copy of it, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return shutil.copy(scored, tmp_path / "nonsingular.sqlite")


def stored(database):
    (entry,) = Store.open(database).entries()
    return entry


def test_a_rerun_is_recorded_under_a_name(database):
    name = "Ada [red]Lovelace[/]"
    words = ["--probe", "clean", "--record", name, "--note", "a laptop"]
    code, output = call("reproduce", MODEL, *words)
    assert code == 0, output
    assert f"recorded: clean of {MODEL}, run again by {name}" in output
    entry = stored(database)
    (rerun,) = entry.reruns["clean"]
    assert (rerun.by, rerun.note, rerun.same, rerun.imported) == (name, "a laptop", True, False)
    assert (rerun.differing, rerun.outcomes, rerun.largest_difference) == (0, 20, 0.0)
    assert rerun.versions == entry.provenances["clean"].versions
    assert (verification_of(entry, "clean").kind, verification_of(entry, "intrinsic").kind) == (
        "rerun",
        "measured",
    )


def test_a_rerun_that_differs_is_recorded_and_ends_with_code_1(database):
    spoil(database)
    code, output = call("reproduce", MODEL, "--probe", "clean", "--record", "Ada")
    assert code == 1
    assert "recorded: clean" in output
    (rerun,) = stored(database).reruns["clean"]
    assert not rerun.same
    assert rerun.largest_difference == pytest.approx(0.25)


def spoil(database):
    """Make the stored accuracy another one."""
    with sqlite3.connect(database) as connection:
        (text,) = connection.execute("select payload from results where probe = 'clean'").fetchone()
        payload = json.loads(text)
        payload["scores"]["accuracy"]["value"] -= 0.25
        connection.execute(
            "update results set payload = ? where probe = 'clean'", (json.dumps(payload),)
        )


def test_a_rerun_travels_as_a_file(database, tmp_path):
    assert call("reproduce", MODEL, "--json", "rerun.json")[0] == 0
    assert stored(database).reruns == {}
    code, output = call("record-rerun", "rerun.json", "--by", "Bob")
    assert code == 0, output
    assert "clean: agrees to the last bit; 0 of 20 outcomes differ" in output
    assert f"recorded: clean, intrinsic of {MODEL}, run again by Bob" in output
    reruns = stored(database).reruns
    assert reruns.keys() == {"clean", "intrinsic"}
    assert all(rerun.imported and rerun.same for (rerun,) in reruns.values())
    spoil(database)
    code, output = call("record-rerun", "rerun.json", "--by", "Bob")
    assert code == 0
    assert "clean: does not agree" in output
    (rerun,) = stored(database).reruns["clean"]
    assert not rerun.same


def test_mistakes_are_found_before_anything_is_computed(database, monkeypatch):
    import leaderboard.reruns.reproduction

    monkeypatch.setattr(leaderboard.reruns.reproduction, "evaluate", None)
    for words, message in [
        (["--record", " Ada"], "cannot be shown with a rerun"),
        (["--note", "alone"], "--note goes with --record"),
        (["--json", "missing/rerun.json"], "its folder does not exist"),
        (["--record", "Ada", "--database", "none.sqlite"], "does not exist"),
        (["--record", "Ada", "--database", f"sqlite:///file:{database}?mode=ro&uri=true"], "read"),
    ]:
        with pytest.raises(InputError, match=message):
            call("reproduce", MODEL, *words)


def test_a_rerun_is_not_taken_into_a_database_without_its_result(database, tmp_path):
    assert call("reproduce", MODEL, "--probe", "clean", "--json", "rerun.json")[0] == 0
    with pytest.raises(InputError, match=r"none\.sqlite' does not exist"):
        call("record-rerun", "rerun.json", "--by", "Bob", "--database", "none.sqlite")
    Store.open(tmp_path / "other.sqlite")
    with pytest.raises(InputError, match="about a result that is not stored"):
        call("record-rerun", "rerun.json", "--by", "Bob", "--database", "other.sqlite")
    with pytest.raises(InputError, match="cannot be shown with a rerun"):
        call("record-rerun", "rerun.json", "--by", "")
    assert not (tmp_path / "none.sqlite").exists()


def test_the_model_may_be_named_by_its_fingerprint(database):
    digits = stored(database).provenance.fingerprint[:8]
    assert call("reproduce", digits, "--probe", "clean")[0] == 0


def recard(database, **changes):
    """Store the same results under another card."""
    card = load_model(MODEL).card.model_copy(update=changes)
    with sqlite3.connect(database) as connection:
        connection.execute(
            "update models set name = ?, card = ?", (card.name, card.model_dump_json())
        )


def test_a_submission_is_found_where_it_was_kept(database, tmp_path):
    recard(database, name="theirs", source="submitted", checkpoint="net.safetensors")
    with pytest.raises(InputError, match=r"came from a file \(net.safetensors\).*--checkpoint"):
        call("reproduce", "theirs", "--probe", "clean")
    with bundled_file(load_card(MODEL)) as file:
        keep(read_file(file))
    assert call("reproduce", "theirs", "--probe", "clean")[0] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "memory"}, "scored in memory.*--checkpoint, or call"),
        ({"source": "timm", "architecture": "timm:resnet18"}, r"\?file=FILE to the name"),
        (
            {"source": "robustbench", "architecture": "robustbench:X"},
            r"\?model_dir=FOLDER to the name",
        ),
        ({"source": "hf-hub", "architecture": "timm:vit"}, "the cache of the Hugging Face hub"),
    ],
)
def test_every_other_source_says_what_to_give(database, changes, message):
    recard(database, name="net", **changes)
    words = [] if changes["source"] == "memory" else ["--checkpoint", "net.pt"]
    with pytest.raises(InputError, match=message):
        call("reproduce", "net", "--probe", "clean", *words)


def test_options_behind_a_name_say_where_its_files_lie(database, monkeypatch):
    asked = []

    def load(name, *, trust):
        asked.append(name)
        return load_model(MODEL)

    monkeypatch.setattr("leaderboard.reruns.stored_model.load_model", load)
    recard(database, name="timm:resnet18.a1_in1k", source="timm")
    there = "timm:resnet18.a1_in1k?file=/there/net.safetensors"
    for name in (there, "timm:resnet18.a1_in1k", stored(database).provenance.fingerprint[:8]):
        assert call("reproduce", name, "--probe", "clean")[0] == 0
    assert asked == [there, "timm:resnet18.a1_in1k", "timm:resnet18.a1_in1k"]


@pytest.mark.parametrize("ending", ["onnx", "pt2"])
def test_a_network_in_a_file_is_run_again_from_it(database, tmp_path, exporting, ending):
    file = tmp_path / f"net.{ending}"
    if ending == "onnx":
        exporting.old_onnx(load_model(MODEL), (1, 8, 8), file)
    else:
        exporting.program(load_model(MODEL), (1, 8, 8), file)
    trust = ["--trust"] if ending == "pt2" else []
    words = ["--checkpoint", file, *trust]
    common = ["--battery", "digits-v1", "--probe", "clean", "--examples", 20, "--no-site"]
    assert call("bench", *words, *common, "--jobs", 1)[0] == 0
    with pytest.raises(InputError, match="name it with --checkpoint"):
        call("reproduce", "net")
    assert call("reproduce", "net", *words)[0] == 0
    if trust:
        with pytest.raises(InputError, match="give --trust"):
            call("reproduce", "net", "--checkpoint", file)
