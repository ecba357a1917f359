"""The files for programs: what they hold, their schemas, and that a text stays a text."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import jsonschema
import pytest
import sqlalchemy

from benchmark.results import ProbeResult
from benchmark.statistics import exact
from leaderboard.exports.files import model_files
from leaderboard.exports.record import record_of, record_text
from leaderboard.exports.schema import PUBLISHED, json_schema, schema_text
from leaderboard.pages import render_site
from leaderboard.store import Rerun
from models_zoo.card import Card, Training

SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"
EARLIER = Path(__file__).parent / "earlier"


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
    later = read(records[0]) | {"of_a_later_release": 1}
    later["evaluations"][0]["results"]["clean"]["of_a_later_release"] = 1
    assert record.is_valid(later)


def test_files_hold_nothing_that_their_schemas_do_not_describe(site):
    paths = [next((site / "models").glob("*/record.json")), site / "results.json"]
    for path, kind in zip(paths, PUBLISHED.values(), strict=True):
        closed = jsonschema.Draft202012Validator(json_schema(kind, closed=True))
        closed.validate(read(path))
        assert not closed.is_valid(read(path) | {"unheard_of": 1})


@pytest.mark.parametrize("name", PUBLISHED)
def test_files_of_earlier_releases_follow_the_schema_of_today(name):
    """Where this fails, readers of today's files fail as well: raise ``schema_version``."""
    kind = PUBLISHED[name]
    content = read(EARLIER / name)
    jsonschema.Draft202012Validator(json_schema(kind)).validate(content)
    assert kind.model_validate(content).model_dump(mode="json", exclude_unset=True) == content


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


def test_the_index_says_what_a_number_is_that_json_cannot_write(tmp_path, made_up, store, battery):
    made_up.fill(store, made_up.zoo[:1])
    endless = ProbeResult(probe="intrinsic", scores={"divergence": exact(math.inf, 200)})
    (entry,) = store.entries()
    store.save(entry.card, entry.provenance, battery, endless)
    site = render_site(store, tmp_path / "site").parent
    (board,) = read(site / "results.json")["boards"]
    scores = board["models"][0]["scores"]
    assert scores["intrinsic.divergence"]["value"] is None
    assert scores["intrinsic.divergence"]["text"] == "none found"
    assert "text" not in scores["clean.accuracy"]
    (row,) = csv.DictReader((site / "boards" / "digits-v1.csv").read_text("utf-8").splitlines())
    assert row["intrinsic.divergence"] == "inf"


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "</script><script>alert(1)</script>",
    "a\r\n--- !!python/object:os.system\u2028\u202e\x00\ufffe",
    "{$ref: x}, ${jndi:ldap://x}, {{ 7 * 7 }}",
    "\U0001f4a3" * 200,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_survives_any_text_in_every_field(text, made_up, store, battery):
    card = made_up.card(
        text,
        dataset=text,
        architecture=text,
        licence=text,
        notes=text * 50,
        source="submitted",
        training=Training(recipe=text, data=text, settings={text: text, "eps": 0.1}),
    )
    result = made_up.results()["input"]
    result.protocol[text] = {text: [text, math.inf]}
    where = made_up.provenance(battery, device=text)
    store.save(card, where, battery, result, submitted=True)
    when = "2026-01-02T03:04:05+00:00"
    again = Rerun("Ada", when, False, math.inf, 1, 200, text, 1, circumstances=[text])
    store.record_rerun(where, "input", again)
    record = json.loads(record_text(record_of(store.entries())), parse_constant=pytest.fail)
    closed = json_schema(PUBLISHED["record-v2.json"], closed=True)
    jsonschema.Draft202012Validator(closed).validate(record)
    assert Card.model_validate(record["model"]) == card
    answer = record["evaluations"][0]["results"]["input"]
    assert answer["protocol"][text] == {text: [text, None]}
    assert answer["provenance"]["device"] == text
    (rerun,) = answer["reruns"]
    assert (rerun["device"], rerun["circumstances"]) == (text, [text])
    assert rerun["largest_difference"] is None


def test_half_a_character_in_a_record_does_not_stop_the_site(tmp_path, made_up, store, battery):
    result = made_up.results()["input"]
    result.protocol["mark"] = "mark"
    store.save(made_up.card(), made_up.provenance(battery), battery, result)
    with store.engine.begin() as connection:  # the store itself does not write such text
        halves = "UPDATE results SET payload = replace(payload, 'mark', '\\ud800')"
        connection.execute(sqlalchemy.text(halves))
    site = render_site(store, tmp_path / "site").parent
    (path,) = (site / "models").glob("*/record.json")
    assert read(path)["evaluations"][0]["results"]["input"]["protocol"]["?"] == "?"
