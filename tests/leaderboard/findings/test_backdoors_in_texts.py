"""The finding on backdoors, for models of texts."""

import math

import numpy as np
import pytest

from benchmark import load_battery
from benchmark.results import Curve, ProbeResult
from benchmark.statistics import exact, proportion
from leaderboard.findings import make_findings
from leaderboard.store import Store

N = 300


def share(value):
    return proportion(np.arange(N) < value * N)


def curve(series, *values):
    x_text = ["0", "0.1"]
    return Curve(
        picture="text_backdoor",
        series=series,
        x_label="relative-linf budget",
        y_label="share",
        x=[0.0, 0.1],
        x_text=x_text,
        y=[share(each) for each in values],
        role="success",
    )


def result(smallest, change):
    return ProbeResult(
        probe="text-backdoor",
        scores={
            "success": share(0.9),
            "gain": share(0.6),
            "smallest_budget": exact(smallest, N),
            "smallest_change": exact(change, N),
            "no_embedding_smallest_budget": exact(2 * smallest, N),
            "no_embedding_success": share(0.7),
        },
        curves=[curve("success, all", 0.2, 0.9), curve("success, head", 0.2, 0.25)],
    )


@pytest.mark.parametrize(
    ("smallest", "change", "vote"),
    [(0.4, 0.05, "for"), (0.4, 0.2, "open"), (0.05, 0.5, "for"), (math.inf, math.inf, "open")],
)
def test_the_probe_of_texts_speaks_for_the_claim_in_its_own_columns(
    made_up, smallest, change, vote
):
    battery, store = load_battery("movies-v1"), Store.open(":memory:")
    store.save(
        made_up.card("movies/encoder-2-standard"),
        made_up.provenance(battery),
        battery,
        result(smallest, change),
    )
    found = {each.key: each for each in make_findings(store.entries())}["backdoors"]
    (part,) = found.parts
    assert list(part.votes) == [vote]
    (table,) = part.tables
    assert table.head[3] == "without the embedding"
    (row,) = table.rows
    assert len(row) == len(table.head)
    assert row[-1] == vote
    assert "Inserted words are the triggers" in part.text[0]
    assert part.missing == []
    (figure,) = part.figures
    assert "90% at 0.1" in figure.description
    assert "25%" not in figure.description


def test_what_is_missing_names_the_probe_of_texts(made_up):
    battery, store = load_battery("movies-v1"), Store.open(":memory:")
    store.save(
        made_up.card("movies/encoder-2-standard"),
        made_up.provenance(battery),
        battery,
        ProbeResult(probe="bits", scores={"random_accuracy": share(0.8)}),
    )
    found = {each.key: each for each in make_findings(store.entries())}["backdoors"]
    assert "--battery movies-v1 --probe text-backdoor" in " ".join(found.parts[0].missing)
