"""Probes that make no sense of a model or its examples: a line each, while the rest runs."""

import json
import sqlite3
from contextlib import closing

MODEL = "digits/mlp-standard"
FEW = ("--probe", "clean", "--probe", "backdoor", "--examples", "3")
REASON = "a backdoor needs at least 4 examples, got 3"


def test_they_are_named_on_the_terminal_in_the_store_on_the_page_and_in_json(here, tmp_path):
    for _ in range(2):  # the second run finds the rest stored
        code, out, err = here("bench", MODEL, *FEW, "--json", "r.json")
        assert code == 0
        assert f"{MODEL}: Backdoor injection is left out: {REASON}" in out
        assert "Backdoor injection is left out" in err
    report = json.loads((tmp_path / "r.json").read_text())[MODEL]
    assert report["results"]["backdoor"]["left_out"] == REASON
    assert report["results"]["clean"]["scores"]["accuracy"]["n"] == 3
    with closing(sqlite3.connect(tmp_path / "nonsingular.sqlite")) as connection:
        query = "select json_extract(payload, '$.left_out') from results where probe = 'backdoor'"
        assert connection.execute(query).fetchall() == [(REASON,)]
    (page,) = (tmp_path / "site" / "models").glob("*/index.html")
    assert f"Left out: {REASON}." in page.read_text()
    (record,) = (tmp_path / "site" / "models").glob("*/record.json")
    (evaluation,) = json.loads(record.read_text())["evaluations"]
    assert evaluation["results"]["backdoor"]["left_out"] == REASON


def test_where_nothing_is_left_to_ask_nothing_is_written(here, tmp_path):
    code, _, err = here("bench", MODEL, "--probe", "backdoor", "--examples", "3")
    assert code == 2
    assert REASON in err
    assert "Traceback" not in err
    assert not (tmp_path / "site").exists()
