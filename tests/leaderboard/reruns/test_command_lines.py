"""The command a page prints names exactly the result that it stands beside."""

import re
import shlex
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.reruns.command_lines import reproduce_command
from leaderboard.reruns.find_results import find_entries
from leaderboard.store import Store
from models_zoo import load_model
from models_zoo.catalog import load_card
from models_zoo.errors import InputError
from models_zoo.sources.bundled import bundled_file

MODEL = "digits/mlp-standard"
NAMES = [
    'it\'s "quoted" $(rm -rf /) `x` \\',
    "--help",
    "-",
    "[red]name[/] with\ttab",
    "deadbeef",
    "robustbench: mine?",
    "ünïcode \N{SNOWMAN}",
    "x" * 200,
]


def entry_of(store, made_up, card, battery=None, **changes):
    battery = battery or made_up.Battery()
    where = made_up.provenance(battery, **changes)
    result = made_up.results()["clean"]
    outcomes = {"headline": result.outcomes["headline"][: where.examples]}
    store.save(card, where, battery, result.model_copy(update={"outcomes": outcomes}))
    own = [e for e in store.entries() if e.provenance == where]
    return own[0]


def test_nothing_is_named_that_is_not_needed(store, made_up):
    entry = entry_of(store, made_up, made_up.card())
    assert (
        reproduce_command(entry, "clean", among=[entry])
        == "nonsingular reproduce digits/cnn-standard --probe clean"
    )
    assert reproduce_command(entry, among=[entry]) == "nonsingular reproduce digits/cnn-standard"
    assert reproduce_command(entry, "clean", database="my scores.sqlite").endswith(
        "--battery digits-v1 --examples 200 --database 'my scores.sqlite'"
    )


def test_the_headline_is_repeated_by_its_parts(store, made_up):
    entry = entry_of(store, made_up, made_up.card())
    assert reproduce_command(entry, "nonsingular", among=[entry]).endswith(
        "--probe clean --probe input --probe weight --probe joint"
    )


def test_every_result_is_told_from_its_neighbours(store, made_up):
    card, first = made_up.card("net"), made_up.Battery()
    entry_of(store, made_up, card, first)
    entry_of(store, made_up, card, made_up.Battery(description="changed"))
    entry_of(store, made_up, card, made_up.Battery(name="other-v1"))
    entry_of(store, made_up, card, first, seed=7)
    entry_of(store, made_up, card, first, data_sha256="e" * 64, examples=20)
    entry_of(store, made_up, card, first, data_sha256="f" * 64, split="train")
    entry_of(store, made_up, card, first, fingerprint="b" * 64)
    stored = [*store.entries(), *store.summaries([])]
    lines = set()
    for entry in store.entries():
        line = reproduce_command(entry, "clean", among=stored)
        lines.add(line)
        assert found(store, line) == [entry.provenance]
    assert len(lines) == 7


def found(store, line):
    """Provenances of the stored results that a printed line is about."""
    words = shlex.split(line)
    assert words[:2] == ["nonsingular", "reproduce"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    entries = find_entries(
        store,
        words[2],
        battery=options.get("--battery"),
        seed=int(options.get("--seed", 0)),
        split=options.get("--split", "test"),
        examples=int(options["--examples"]) if "--examples" in options else None,
    )
    return [entry.provenance for entry in entries]


def test_a_file_is_named_and_a_program_trusted(store, made_up):
    card = made_up.card("net", source="file", checkpoint="my net.pt2", architecture="pt2:01234567")
    entry = entry_of(store, made_up, card)
    assert (
        reproduce_command(entry, "clean", among=[entry])
        == "nonsingular reproduce net --probe clean --checkpoint 'my net.pt2' --trust"
    )


def test_what_was_scored_in_memory_is_called_in_python(store, made_up):
    entry = entry_of(store, made_up, made_up.card("net", source="memory"))
    assert (
        reproduce_command(entry, "clean")
        == "evaluate(model, images, labels, battery='digits-v1', probes=['clean'], seed=0)"
    )


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A folder whose database holds the clean probe of a bundled model on 20 digits."""
    folder = tmp_path_factory.mktemp("scored")
    call(
        "bench",
        MODEL,
        "--probe",
        "clean",
        "--examples",
        20,
        "--no-site",
        "--jobs",
        1,
        "--database",
        folder / "scores.sqlite",
    )
    with bundled_file(load_card(MODEL)) as file:
        (folder / "net.safetensors").write_bytes(file.read_bytes())
    return folder


def call(*words):
    result = CliRunner().invoke(app, list(map(str, words)))
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", [MODEL, *NAMES])
def test_the_printed_line_gives_the_same_number(scored, tmp_path, monkeypatch, name):
    monkeypatch.chdir(scored)
    (entry,) = Store.open(scored / "scores.sqlite").entries()
    database = tmp_path / "own.sqlite"
    if name != MODEL:
        submitted = {"name": name, "source": "submitted", "checkpoint": "net.safetensors"}
        card = load_model(MODEL).card.model_copy(update=submitted)
        entry = replace(entry, card=card, submitted=True)
    battery: Any = Stored(entry)
    Store.open(database).save(
        entry.card, entry.provenance, battery, entry.results["clean"], submitted=entry.submitted
    )
    line = reproduce_command(entry, "clean", among=[entry], database=str(database))
    output = call(*shlex.split(line)[1:])
    (numbers,) = re.findall(r"clean\.accuracy +(\S+) +(\S+)", output)
    assert set(numbers) == {repr(entry.results["clean"].scores["accuracy"].value)}
    assert "clean: agrees to the last bit; 0 of 20 outcomes differ" in output


class Stored:
    """A stored battery, as the store takes it."""

    def __init__(self, entry):
        self.name, self.content = entry.provenance.battery, entry.battery

    def model_dump(self, mode):
        return self.content
