"""The Hub's two formats: read again by its own library."""

from __future__ import annotations

import math

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from benchmark.statistics import exact
from leaderboard.exports.eval_results import eval_results
from leaderboard.exports.headlines import headlines, xml_text
from leaderboard.exports.model_index import model_index
from models_zoo.errors import InputError


def card_of(text):
    return ModelCard(f"{text}\n# A model\n", ignore_metadata_errors=False).data


def values_of(entry):
    return {each.key: each.score.value for each in headlines(entry.answers)}


def test_the_hub_reads_every_headline_score(entry_named):
    entry = entry_named()
    data = card_of(model_index([entry]))
    assert data.eval_results
    assert data.model_name == "digits/cnn-pgd-at"
    assert {r.metric_args["score"]: r.metric_value for r in data.eval_results} == values_of(entry)
    assert "nonsingular.robust_accuracy" in values_of(entry)
    for result in data.eval_results:
        assert result.task_type == "image-classification"
        assert result.dataset_split == "test"
        assert result.metric_args["battery_sha256"] == entry.provenance.battery_sha256
        assert result.verified is None
        assert result.verify_token is None
        assert result.source_url is None


def test_batteries_on_the_same_data_stay_apart(entry_named):
    one, other = entry_named(battery="a-v1"), entry_named(battery="b-v1", strength=0.1)
    results = card_of(model_index([one, other], "https://a.example/")).eval_results
    found = {(r.metric_args["battery"], r.metric_args["score"]): r.metric_value for r in results}
    assert found == {
        (name, key): value
        for name, entry in (("a-v1", one), ("b-v1", other))
        for key, value in values_of(entry).items()
    }
    assert {r.source_url for r in results} == {"https://a.example/"}


def test_a_data_set_of_the_hub_has_its_name_there(entry_named):
    entry = entry_named()
    entry.battery["dataset"] = "cifar10"
    (result, *_) = card_of(model_index([entry])).eval_results
    assert (result.dataset_name, result.dataset_type) == ("CIFAR-10", "uoft-cs/cifar10")


def test_no_name_breaks_the_model_index(entry_named, hostile):
    text = model_index([entry_named(hostile, hostile)])
    text.encode("utf-8")
    assert text.startswith("---\nmodel-index:\n")
    assert text.endswith("\n---\n")
    assert "\n---" not in text[:-5].removeprefix("---")
    (index,) = yaml.safe_load(text[4:-4])["model-index"]
    assert index["name"] == xml_text(hostile)
    assert index["results"][0]["metrics"][0]["args"]["battery"] == xml_text(hostile)


def test_the_hub_reads_every_evaluation_result(entry_named):
    entry = entry_named()
    text = eval_results([entry], "somebody/robustness", "https://a.example/")
    results = parse_eval_result_entries(yaml.safe_load(text))
    values = values_of(entry)
    assert {each.task_id: each.value for each in results} == {
        f"digits-v1.{key}": value for key, value in values.items()
    }
    for result in results:
        assert result.dataset_id == "somebody/robustness"
        assert result.verify_token is None
        assert result.date == entry.provenance.created
        assert entry.provenance.data_sha256 in str(result.notes)
        assert result.source_url == "https://a.example/"


def test_no_name_breaks_evaluation_results(entry_named, hostile):
    text = eval_results([entry_named(hostile, hostile)], "a/b")
    text.encode("utf-8")
    (first, *_) = parse_eval_result_entries(yaml.safe_load(text))
    assert first.task_id == xml_text(f"{hostile}.nonsingular.robust_accuracy")


def test_results_on_training_images_count_for_no_benchmark(entry_named):
    with pytest.raises(InputError, match="no headline score on test images"):
        eval_results([entry_named(split="train")], "a/b")


def test_a_score_that_is_no_number_is_left_out(entry_named):
    entry = entry_named()
    entry.results["backdoor"].scores["success"] = exact(math.inf, 200)
    assert "backdoor.success" not in model_index([entry])
    assert "clean.accuracy" in model_index([entry])
