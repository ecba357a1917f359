"""``python -m perf.sparse_backdoors``: what it measures, writes and refuses."""

import math
import sys
from functools import partial
from pathlib import Path

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
PAGE = Path("docs/probes/backdoor-sparse.md")
ROWS = Path("docs/sparse_backdoors.jsonl")
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
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
    assert f"| `float32-bits` | pixels | 16 | 1 / 0 / 1 | 0 / 8 | `{NAME}` |" in text
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


def test_rows_of_another_machine_or_of_other_sources_are_named(records):
    (row,) = records.rows

    def named(model, **changes):
        conditions = row.conditions.model_copy(update={"model": model, **changes})
        return row.model_copy(update={"conditions": conditions})

    text = section([named("a"), named("b"), named("c", sources="f" * 64)])
    assert f"sources of the attack {row.conditions.sources[:12]}" in text
    assert ": 2 models.\n" in text
    assert f"sources of the attack {'f' * 12}, {row.measured[:10]}: c.\n" in text


def test_the_page_shows_the_stored_rows():
    assert section(Records(ROWS, SparseRow).rows) in PAGE.read_text("utf-8")


def percent(values):
    return [f"{100 * value:.0f}%" for value in values]


def test_what_the_page_says_of_the_zoo_is_in_the_rows():
    page = " ".join(PAGE.read_text("utf-8").split())
    rows = Records(ROWS, SparseRow).rows
    cifar = [row for row in rows if row.conditions.model.startswith("cifar10")]
    small = [row for row in rows if row not in cifar]

    def values(some, name):
        return [row.scores[name].value for row in some if name in row.scores]

    def of_count(some, name, count):
        return [row for row in some if name in row.scores and row.scores[name].value == count]

    one = of_count(cifar, "smallest_float32_bits_pixels", 1)
    alone = percent(sorted(values(one, "trigger_alone_pixels")))
    said = f"where `k` is 1, on {NUMBERS[len(one)]} networks for CIFAR, the trigger alone has"
    assert f"{said} {alone[0]} to {alone[-1]}." in page
    (exception,) = of_count(rows, "smallest_int8_bits_pixels", 1)
    success, alone = (
        percent(values([exception], f"int8_{name}_pixels"))[0]
        for name in ("success", "trigger_alone")
    )
    assert f"`{exception.conditions.model}`: {success}, and {alone} alone." in page

    alone = percent(sorted(values(cifar, "trigger_alone_pixels")))
    none = len(of_count(cifar, "smallest_float32_bits_pixels", 0))
    said = f"It has {alone[0]} to {alone[-1]} alone (float32), and on {NUMBERS[none]} networks"
    assert f"{said} `k` is 0." in page
    success = percent(sorted(values(cifar, "success_pixels")))
    assert f"Success with one flipped bit, {success[0]} to {success[-1]}, says little" in page

    for name in ("cifar10-resnet56-standard", "cifar10-resnet18-at8"):
        (large,) = (row for row in rows if row.conditions.model == name)
        smallest = [found.value for s, found in large.scores.items() if s.startswith("smallest")]
        assert set(smallest) == {math.inf}
        gains = [found for s, found in large.scores.items() if "gain" in s]
        assert len(gains) == 6
        assert all(gain.low <= 0 for gain in gains)
        most = f"{100 * max(gain.value for gain in gains):.0f}"
        assert f"`{name}`, where" in page
        assert f"adds at most {most}" in page.partition(f"`{name}`, where")[2][:40]

    best = sorted(small, key=lambda row: -row.scores["gain_pixels"].value)[:2]
    points = [f"{100 * row.scores['gain_pixels'].value:.0f}" for row in best]
    first, second = (row.conditions.model for row in best)
    assert f"up to {points[0]} points**, `{first}`, and {points[1]}, `{second}`," in page
    assert f"In 8 bits it adds at most {100 * max(values(small, 'int8_gain_pixels')):.0f}." in page

    free = "smallest_weights_unbounded_fixed"
    two, four = (NUMBERS[len(of_count(small, free, count))] for count in (2, 4))
    assert f"on {two} of the {len(small)} networks for digits and MNIST, four on a seventh" in page
    assert (two, four) == ("six", "one")
    (flipped,) = (r for r in small if values([r], "smallest_float32_bits_fixed")[0] < math.inf)
    assert f"flipped bits on one, `{flipped.conditions.model}`, eight in float32." in page
    assert flipped.scores["smallest_float32_bits_fixed"].value == 8
    assert not [v for v in values(rows, "smallest_int8_bits_fixed") if v < math.inf]

    (most,) = percent([max(values(rows, "success_noise") + values(rows, "int8_success_noise"))])
    assert f"**Noise of 8/255** reaches at most {most} with one bit." in page
    bounded = [row for row in rows if "weights" in row.conditions.settings["storages"]]
    for family in ("fixed", "pixels", "noise"):
        assert set(values(bounded, f"smallest_weights_{family}")) == {math.inf}
    assert f"not enough on any of the {NUMBERS[len(bounded)]} networks of the table" in page


def test_the_page_states_what_the_rows_cost():
    page = PAGE.read_text("utf-8")
    rows = Records(ROWS, SparseRow).rows
    for dataset, networks, said in (
        ("digits", "mlp", "digits: {} to {} s on a perceptron"),
        ("mnist", "cnn", "MNIST: {} to {} s with 600 examples"),
    ):
        spent = sorted(
            row.cost.processor_seconds
            for row in rows
            if row.conditions.model.startswith(f"{dataset}/{networks}")
        )
        assert said.format(*(f"{each:.0f}" for each in (spent[0], spent[-1]))) in page
