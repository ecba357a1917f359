"""``python -m perf.text_backdoors``: what it measures, writes and refuses."""

import sys
from itertools import product
from pathlib import Path

import pytest

import perf.text_backdoors
from benchmark.budgets import Budget
from models_zoo.errors import InputError
from perf.page import marks
from perf.records import Records
from perf.text_backdoors import MODELS, SEEDS, TextRow, measure, section, settings_of
from tests.texts import INVENTED, invented_texts, invented_vocabulary, text_model, trained

PAGE, ROWS = Path("docs/probes/text-backdoor.md"), Path("docs/text_backdoors.jsonl")
QUICK = {"vocabulary": INVENTED, "triggers": ("unseen", "rare"), "steps": 2, "draws": 1}
QUICK |= {"budgets": (Budget(0.1),)}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two seeds of one model with next to no effort, the first measured twice."""
    invented_vocabulary()
    data = invented_texts()
    model = trained(text_model(data=data), data, 10).eval()
    found = Records(tmp_path_factory.mktemp("rows") / "rows.jsonl", TextRow)
    for seed, new in ((0, True), (0, False), (1, True)):
        quick = QUICK | {"seeds": (seed,), "bisections": 0}
        assert measure(model, data, settings_of(seed).model_copy(update=quick), found) is new
    return found


def test_a_row_has_every_rule_kind_and_baseline(records):
    first, second = records.rows
    assert (first.conditions.seed, second.conditions.seed) == (0, 1)
    rules = {"all", "no-embedding", "embedding-row", "head"}
    assert set(first.smallest) == set(first.change) == set(first.drop) == rules
    bars = first.bars["text_backdoor_triggers"]
    assert set(bars) == rules | {"base rate"}
    assert set(bars["all"]) == {"unseen", "rare"}
    assert "embedding poisoning" in first.bars["text_backdoor_baselines"]
    assert first.conditions.settings["seeds"] == [0]
    assert Records(records.path, TextRow).rows == records.rows


def test_the_page_averages_seeds_and_shows_what_does_not_work(records, tmp_path, monkeypatch):
    first, second = records.rows
    figures = first.bars["text_backdoor_triggers"]["all"]["rare"]

    def with_success(row, value):
        rare = {"rare": figures.model_copy(update={"value": value})}
        series = row.bars["text_backdoor_triggers"]
        triggers = series | {"all": series["all"] | rare}
        changes = {"bars": row.bars | {"text_backdoor_triggers": triggers}}
        return row.model_copy(update=changes | {"smallest": row.smallest | {"all": "none"}})

    text = section([with_success(first, 0.25), with_success(second, 0.75)])
    (line,) = [each for each in text.splitlines() if "| `all` |" in each and "[" in each]
    assert line.split("|")[4].strip().startswith("50 (")
    assert "none / none" in text
    assert section([]) == "Not measured yet.\n"
    page = tmp_path / "page.md"
    page.write_text("\n".join(marks("text_backdoors")) + "\n")
    words = ["--out", str(records.path), "--page", str(page), "--render"]
    monkeypatch.setattr(sys, "argv", ["text_backdoors", *words])
    with pytest.raises(SystemExit) as caught:
        perf.text_backdoors.main()
    assert caught.value.code == 0
    assert "embedding surgery" in page.read_text()


def test_a_model_with_another_vocabulary_is_refused(tmp_path):
    data = invented_texts()
    with pytest.raises(InputError, match="no embeddings with a row for each"):
        measure(text_model(data=data), data, settings_of(0), Records(tmp_path / "r", TextRow))


def test_the_page_shows_the_stored_rows():
    rows = Records(ROWS, TextRow).rows
    found = {(row.conditions.model, row.conditions.seed) for row in rows}
    assert found == set(product(MODELS, SEEDS))
    assert section(rows) in PAGE.read_text("utf-8")
