"""Every Eval Ever: held against that project's own schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from leaderboard.exports.every_eval_ever import SCHEMA_VERSION, every_eval_ever
from leaderboard.exports.headlines import headlines, xml_text

SCHEMA = json.loads((Path(__file__).parent / "every_eval_ever" / "eval.schema.json").read_text())


@pytest.fixture(scope="module")
def schema():
    assert SCHEMA["version"] == SCHEMA_VERSION
    return jsonschema.Draft7Validator(SCHEMA)


def test_it_follows_the_schema_and_has_every_headline_score(entry_named, schema):
    entry = entry_named()
    content = json.loads(every_eval_ever([entry], "https://a.example/", "A group"))
    schema.validate(content)
    found = {
        each["evaluation_result_id"].rpartition("/")[2]: each
        for each in content["evaluation_results"]
    }
    expected = {each.key: each for each in headlines(entry.answers)}
    assert found.keys() == expected.keys()
    for key, each in found.items():
        score, details = expected[key].score, each["score_details"]
        assert details["score"] == score.value
        assert details["uncertainty"]["num_samples"] == score.n
        ends = details["uncertainty"]["confidence_interval"]
        assert (ends["lower"], ends["upper"]) == (score.low, score.high)
        assert each["metric_config"]["lower_is_better"] == (key == "backdoor.success")
    assert content["source_metadata"]["source_organization_name"] == "A group"
    assert content["source_metadata"]["source_organization_url"] == "https://a.example/"


def test_the_schema_would_notice(entry_named, schema):
    content = json.loads(every_eval_ever([entry_named()]))
    del content["evaluation_results"][0]["metric_config"]["lower_is_better"]
    assert not schema.is_valid(content)


def test_all_batteries_are_in_one_object(entry_named, schema):
    entries = [entry_named(battery="a-v1"), entry_named(battery="b-v1")]
    content = json.loads(every_eval_ever(entries))
    schema.validate(content)
    results = content["evaluation_results"]
    assert {each["evaluation_name"] for each in results} == {"a-v1", "b-v1"}
    assert len({each["evaluation_result_id"] for each in results}) == len(results)


def test_the_same_results_give_the_same_text(entry_named):
    entry = entry_named()
    assert every_eval_ever([entry]) == every_eval_ever([entry])


def test_no_name_breaks_it(entry_named, schema, hostile):
    text = every_eval_ever([entry_named(hostile, hostile)])
    text.encode("utf-8")
    content = json.loads(text)
    schema.validate(content)
    # JSON can write control characters, so fewer have to be replaced than in YAML or XML.
    assert xml_text(content["model_info"]["name"]) == xml_text(hostile)
