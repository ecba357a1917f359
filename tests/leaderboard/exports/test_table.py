"""Boards as CSV: the same numbers, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import json

import pytest

from benchmark.results import ProbeResult
from benchmark.statistics import exact
from leaderboard.exports.table import harmless
from leaderboard.pages import render_site


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_the_facts_and_numbers_of_the_index(tmp_path, zoo_store):
    site = render_site(zoo_store, tmp_path / "site").parent
    (board,) = json.loads((site / "results.json").read_text("utf-8"))["boards"]
    assert json.loads((site / "boards" / "digits-v1.json").read_text("utf-8")) == board
    table = rows(site / "boards" / "digits-v1.csv")
    for row, model in zip(table, board["models"], strict=True):
        assert row["model"] == model["model"]
        assert (row["dataset"], row["battery"], row["rank"]) == (
            "digits",
            "digits-v1",
            str(model["rank"]),
        )
        for key, score in model["scores"].items():
            if score["value"] is not None:
                cells = [row[f"{key}{end}"] for end in ("", " low", " high", " n")]
                numbers = [float(cell) if cell else None for cell in cells]
                assert numbers == [score[end] for end in ("value", "low", "high", "n")]


def test_a_score_without_an_interval_has_no_ends_in_any_file(tmp_path, made_up, store, battery):
    made_up.fill(store, [("net", "standard", 0.1)])
    (entry,) = store.entries()
    result = ProbeResult(probe="flatness", scores={"worst_robust": exact(0.5, 200)})
    store.save(entry.card, entry.provenance, battery, result)
    site = render_site(store, tmp_path / "site").parent
    index = json.loads((site / "results.json").read_text("utf-8"))
    assert index["probes"]["flatness"]["scores"]["worst_robust"]["interval"] == "search"
    (model,), key = index["boards"][0]["models"], "flatness.worst_robust"
    (row,) = rows(site / "boards" / "digits-v1.csv")
    assert (row[key], row[f"{key} low"], row[f"{key} high"]) == ("0.5", "", "")
    record = json.loads((site / model["page"]).with_name("record.json").read_text("utf-8"))
    scores = record["evaluations"][0]["results"]["flatness"]["scores"]
    for score in (model["scores"][key], scores["worst_robust"]):
        assert (score["value"], score["low"], score["high"]) == (0.5, None, None)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        (" =1", "' =1"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\na", "'\na"),
        ("\0=1", "'\0=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a;=1", "a;'=1"),
        ("a; \uff0b1;-2", "a;' \uff0b1;'-2"),
        ("a\r\n@b", "a\r'\n'@b"),
        ('a;"=1', "a;'\"=1"),
        ("cnn-1+1=@", "cnn-1+1=@"),
        ("a; b", "a; b"),
    ],
)
def test_no_text_nor_a_part_of_it_is_a_formula(text, written):
    assert harmless(text) == written


def test_no_name_becomes_a_formula_however_a_spreadsheet_splits_lines(tmp_path, made_up, store):
    evil = "HYPERLINK(0)"
    before = ("", "a\r", "a\n", "a\t", 'a";', 'a;"', 'a,"')
    made_up.fill(store, zoo=[(f"{each}={evil}", "standard", 0.1) for each in before])
    path = render_site(store, tmp_path / "site").parent / "boards" / "digits-v1.csv"
    assert len(rows(path)) == len(before)
    for separator in ",;\t":
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for line in csv.reader(file, delimiter=separator) for cell in line]
        assert any(evil in cell for cell in cells)
        assert not [cell for cell in cells if cell.lstrip(' "').startswith(("=", "+", "-", "@"))]
