"""The page of the cost model has the constants that are used, and models that none depends on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.probes import PROBES
from benchmark.probes.input.expected import PASSES
from perf.cost_model import render_rows
from perf.cost_model_cases import FITTED, HELD_OUT
from perf.cost_model_rows import CostRow, ProbeRow
from perf.quiet_clock import QuietClock
from perf.records import Records

PAGE = Path("docs/scaling.md")
ROWS = Path("docs/cost_model.jsonl")


def cells(first):
    """The cells of the line of a table of the page, after its first cell."""
    found = re.findall(rf"^\| {first} \| (.*) \|$", PAGE.read_text("utf-8"), re.M)
    assert found, first
    return [cell.strip() for cell in found[0].split("|")]


def test_no_model_is_both_fitted_and_held_out():
    assert len(HELD_OUT) >= 8
    assert not set(FITTED) & set(HELD_OUT)


@pytest.mark.parametrize("name", [n for n, probe in PROBES.items() if probe.step_cost != 1.0])
def test_the_page_has_the_constants_of_every_probe(name):
    probe, (cost, kinds) = PROBES[name], cells(name)
    assert float(cost) == probe.step_cost
    shares = [0.0 if part == "-" else float(part.rstrip("%")) / 100 for part in kinds_of(kinds)]
    mix = probe.mix
    assert shares == pytest.approx([mix.images, mix.weights, 1 - mix.images - mix.weights])


def kinds_of(text):
    return [part.strip() for part in text.partition(";")[0].split(",")]


@pytest.mark.parametrize("norm", PASSES)
def test_the_page_has_the_passes_of_the_input_attack(norm):
    found = [float(cell.replace(",", "")) for cell in cells(norm)]
    assert list(dict.fromkeys(found)) == list(PASSES[norm])


def test_the_page_shows_the_stored_rows():
    rows = Records(ROWS, CostRow).rows
    assert {row.conditions.model for row in rows} >= set(HELD_OUT)
    assert render_rows(rows) in PAGE.read_text("utf-8")


def test_the_error_is_that_of_the_whole_battery():
    (row, *_) = Records(ROWS, CostRow).rows
    probe = {"expected": 10, "passes": 10}
    two = (
        ProbeRow(probe="clean", predicted=1.0, seconds=2.0, **probe),
        ProbeRow(probe="input", predicted=11.0, seconds=8.0, **probe),
    )
    assert row.model_copy(update={"probes": two}).error == pytest.approx(0.2)


def test_the_clock_goes_forward_and_counts_this_process_alone():
    clock = QuietClock()
    times = [clock()]
    for _ in range(3):
        sum(range(3_000_000))
        times.append(clock())
    assert times == sorted(times)
    assert times[-1] > times[0]
    assert clock.slowdown >= 1
