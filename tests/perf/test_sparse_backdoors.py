"""``python -m perf.sparse_backdoors``: what it measures, writes and refuses."""

import math
import sys
from functools import partial

import pytest
import torch

import perf.sparse_backdoors
from benchmark.datasets import load_dataset
from models_zoo import load_model
from perf.cases import WholeModel
from perf.page import marks
from perf.records import Records
from perf.sparse_backdoors import Figure, SparseRow, measure, section

NAME = "digits/mlp-standard"
QUICK = {"examples": 16, "storages": ("float32-bits",), "shortlist": 0, "trigger_steps": 1}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """One row with little effort, measured twice."""
    torch.set_num_threads(1)
    found = Records(tmp_path_factory.mktemp("rows") / "rows.jsonl", SparseRow)
    case = WholeModel(
        NAME, "digits-v1", partial(load_model, NAME), partial(load_dataset, "digits", "test")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(perf.sparse_backdoors.SLOW, NAME, QUICK | {"counts": (1,), "starts": 0})
        assert measure(case, found)
        assert not measure(case, found)
    return found


def test_a_row_has_what_was_found_and_what_it_cost(records):
    (row,) = records.rows
    assert row.conditions.examples == 16
    assert row.measured_on == 5
    assert row.conditions.settings["storages"] == ["float32-bits"]
    assert row.cost.forwards > row.cost.backwards > 0
    assert {"smallest_float32_bits_fixed", "gain_pixels", "success_pixels"} <= set(row.scores)
    assert Records(records.path, SparseRow).rows == records.rows


def test_the_page_shows_what_is_censored_and_what_was_not_measured(records, tmp_path, monkeypatch):
    (row,) = records.rows
    several = {
        "smallest_float32_bits_fixed": Figure(value=math.inf, low=math.inf, high=math.inf),
        "smallest_float32_bits_pixels": Figure(value=1, low=1, high=1),
        "smallest_float32_bits_noise": Figure(value=0, low=0, high=0),
        "gain_pixels": Figure(value=0.25, low=-0.125, high=0.5),
    }
    text = section([row.model_copy(update={"scores": several})])
    assert f"| {NAME} | 5 | - / - / - | - / - / - | >1 / 1 / 0 | - / - / - |" in text
    assert "25 (-12 to 50)" in text
    page = tmp_path / "page.md"
    page.write_text("\n".join(marks("sparse_backdoors")) + "\n")
    words = ["--out", str(records.path), "--page", str(page), "--render"]
    monkeypatch.setattr(sys, "argv", ["sparse_backdoors", *words])
    with pytest.raises(SystemExit) as caught:
        perf.sparse_backdoors.main()
    assert caught.value.code == 0
    assert NAME in page.read_text()
    assert section([]) == "Not measured yet.\n"
