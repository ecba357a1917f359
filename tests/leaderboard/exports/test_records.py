"""The files for programs: what they hold, their schemas, and that a text stays a text."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest

from leaderboard.exports.files import model_files
from leaderboard.exports.record import record_of, record_text
from leaderboard.exports.schema import PUBLISHED, json_schema, schema_text
from leaderboard.exports.table import harmless
from leaderboard.site import render_site

SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"


@pytest.fixture(scope="module")
def site(tmp_path_factory, zoo_store):
    return render_site(zoo_store, tmp_path_factory.mktemp("exported") / "site").parent


def read(path):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_schema_is_the_one_of_the_code(site, name):
    text = schema_text(PUBLISHED[name])
    assert (SCHEMAS / name).read_text("utf-8") == text, "python -m leaderboard.exports.schema"
    assert (site / "schema" / name).read_text("utf-8") == text
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_files_follow_their_schemas(site):
    record, index = (jsonschema.Draft202012Validator(json_schema(k)) for k in PUBLISHED.values())
    records = sorted((site / "models").glob("*/record.json"))
    assert len(records) == 4
    for path in records:
        record.validate(read(path))
    index.validate(read(site / "results.json"))
    broken = read(records[0]) | {"fingerprint": 3}
    assert not record.is_valid(broken)


def test_a_record_holds_every_number_of_the_store(site, zoo_store):
    entries = {entry.card.name: entry for entry in zoo_store.entries()}
    for path in (site / "models").glob("*/record.json"):
        content = read(path)
        entry = entries[content["model"]["name"]]
        (evaluation,) = content["evaluations"]
        assert set(evaluation["results"]) == set(entry.answers)
        for probe, result in entry.answers.items():
            stored = evaluation["results"][probe]
            for name, score in result.scores.items():
                value = stored["scores"][name]["value"]
                assert value == score.value or (value is None and stored["scores"][name]["text"])
            for name, bits in result.outcomes.items():
                assert stored["outcomes"][name] == "".join("01"[int(bit)] for bit in bits)


def test_a_model_has_its_files_beside_its_page(site, zoo_store):
    for entry in zoo_store.entries():
        folder = site / "models" / entry.card.name.replace("/", "-")
        for name, text in model_files([entry]).items():
            assert (folder / name).read_text("utf-8") == text, name


def test_the_index_leads_to_every_model_in_order_of_rank(site):
    index = read(site / "results.json")
    (board,) = index["boards"]
    assert [row["rank"] for row in board["models"]] == [1, 2, 3, 3]
    for row in board["models"]:
        assert (
            read((site / row["page"]).parent / "record.json")["fingerprint"] == row["fingerprint"]
        )
    assert set(board["models"][0]["scores"]) <= {
        f"{probe}.{name}" for probe, each in index["probes"].items() for name in each["scores"]
    }


def test_the_table_has_the_numbers_of_the_index(site):
    (board,) = read(site / "results.json")["boards"]
    assert read(site / "boards" / "digits-v1.json") == board
    rows = list(csv.DictReader(io.StringIO((site / "boards" / "digits-v1.csv").read_text())))
    for row, model in zip(rows, board["models"], strict=True):
        assert row["model"] == model["model"]
        for key, score in model["scores"].items():
            if score["value"] is not None:
                assert float(row[key]) == score["value"]
                assert float(row[f"{key} low"]) == score["low"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(text):
    assert harmless(text) == f"'{text}"
    assert harmless("cnn-1+1") == "cnn-1+1"


def test_a_record_survives_any_text(made_up, store):
    name = "=cmd|' /C calc'!A0\u202e\x00</script>"
    made_up.fill(store, zoo=[(name, "standard", 0.1)])
    content = json.loads(record_text(record_of(store.entries())))
    assert content["model"]["name"] == name
