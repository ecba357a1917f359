"""``python -m perf.battery_shares``: what it measures, and what the page shows of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

import perf.battery_shares
from benchmark.batteries import load_battery
from benchmark.datasets import load_dataset
from benchmark.probes import PROBES
from models_zoo import load_model
from models_zoo.errors import InputError
from perf.battery_shares import (
    CONCEPTS,
    DETECTION,
    EXAMPLES,
    METHOD,
    PLANNED,
    TEXTS,
    cases,
    noisy_name,
    ordered,
)
from perf.page import marks
from perf.records import Records
from perf.share_imagenet import plan_shares
from perf.share_rows import ProbeTime, ShareCase, ShareRow, measure_shares
from perf.share_table import render_shares

NAME = "digits/mlp-standard"
PAGE = Path("docs/performance.md")
ROWS = Path("docs/battery_shares.jsonl")


@pytest.fixture(scope="module")
def row():
    """A battery of two default probes and two on request, one of which does not apply."""
    torch.set_num_threads(1)
    whole = load_battery("digits-v1")
    probes = {name: whole.probes[name] for name in ("clean", "bits", "intrinsic", "backdoor")}
    battery = whole.model_copy(update={"default": ("intrinsic", "clean"), "probes": probes})
    case = ShareCase(
        *(NAME, battery, partial(load_model, NAME), lambda: load_dataset("digits", "test").head(3)),
        without=("bits",),
    )
    assert case.probes == ["intrinsic", "clean", "backdoor"]
    return measure_shares(case)


def test_default_probes_are_measured_and_what_does_not_apply_is_left_out(row):
    intrinsic, clean = row.probes
    assert [intrinsic.probe, clean.probe] == ["intrinsic", "clean"], "a backdoor needs 4 examples"
    assert {intrinsic.on_request, clean.on_request} == {False}
    assert intrinsic.seconds > clean.seconds >= 0
    assert intrinsic.forwards > 3
    assert clean.forwards == 0, "shared work counts towards the first probe that needs it"
    assert (row.conditions.examples, row.conditions.batch_size, row.parameters) == (3, 3, 85002)
    assert row.slowdown >= 1


def test_probes_on_request_come_on_top_of_the_battery(row):
    times = [("clean", False, 1.0), ("input", False, 3.0), ("distance", True, 1.0)]
    made = row.model_copy(
        update={
            "probes": tuple(
                ProbeTime(probe=name, on_request=late, seconds=s, forwards=1000, backwards=0)
                for name, late, s in times
            )
        }
    )
    assert made.seconds == 4.0
    other = made.model_copy(
        update={"conditions": made.conditions.model_copy(update={"model": "other"})}
    ).model_copy(update={"probes": made.probes[:1]})
    text = render_shares([made, other])
    assert f"| probe | {NAME} | other |" in text
    assert "| input | 3.00 s, 75% | - |" in text
    assert "| distance | 1.00 s, +25% | - |" in text
    assert "| **battery** | **4.00 s** | **1.00 s** |" in text
    assert f"| {NAME} | `digits-v1` {row.conditions.battery_sha256[:12]} | 3 | 85,002 |" in text
    assert "| 2,000 | - |" in text, "the passes of default probes"
    assert render_shares([]) == "Nothing has been measured yet.\n"


def test_a_network_with_noise_is_compared_with_the_network_itself(row):
    noisy = row.conditions.model_copy(update={"model": f"{NAME}, noise 0.1", "battery": "r-v1"})
    twice = tuple(
        time.model_copy(update={"seconds": 2 * time.seconds, "probe": "randomized"})
        for time in row.probes
    )
    both = [row, row.model_copy(update={"conditions": noisy, "probes": twice})]
    said = f"`r-v1` on {NAME}, noise 0.1 (3 examples), takes 200% of the time of `digits-v1` on"
    assert said in render_shares(both)
    assert "takes" not in render_shares(both[:1]) + render_shares(both[1:])


def test_imagenet_is_planned_with_the_measured_time_of_corrupting_images(monkeypatch):
    monkeypatch.setattr("perf.share_imagenet.SIDE", 32)
    data = load_dataset("digits", "test").head(1)
    found = plan_shares(replace(data, images=data.images.expand(-1, 3, -1, -1)))
    assert found.generation is not None
    assert found.generation > 0
    late = {time.probe for time in found.probes if time.on_request}
    assert late == {"corruptions", "backdoor-sparse"}
    corruptions = found.time_of("corruptions")
    assert corruptions is not None
    assert corruptions.seconds > 5000 * found.generation
    assert "ResNet-50 is planned for one GPU" in render_shares([found])


def test_the_page_shows_the_stored_rows():
    assert render_shares(ordered(Records(ROWS, ShareRow).rows)) in PAGE.read_text("utf-8")


def test_every_probe_has_a_share_of_its_present_battery():
    rows = Records(ROWS, ShareRow).rows
    assert {row.conditions.model for row in rows} == {
        *EXAMPLES,
        noisy_name(),
        CONCEPTS,
        DETECTION,
        METHOD,
        TEXTS,
        PLANNED,
    }
    measured = {time.probe for row in rows for time in row.probes}
    assert measured == set(PROBES)
    for row in rows:
        defaults = {time.probe for time in row.probes if not time.on_request}
        assert defaults == set(load_battery(row.conditions.battery).default), row.conditions.model


@pytest.mark.parametrize("name", PROBES)
def test_the_page_of_every_probe_leads_to_its_share(name):
    page = Path(f"docs/probes/{name}.md").read_text("utf-8")
    assert "](../performance.md#each-probes-share)" in page


def test_the_command_renders_stored_rows_and_names_what_is_missing(row, tmp_path, monkeypatch):
    Records(tmp_path / "rows.jsonl", ShareRow).put(row)
    page = tmp_path / "page.md"
    page.write_text("\n".join(marks("battery_shares")) + "\n")
    words = ["--out", str(tmp_path / "rows.jsonl"), "--page", str(page), "--render"]
    monkeypatch.setattr(sys, "argv", ["battery_shares", *words])
    with pytest.raises(SystemExit) as caught:
        perf.battery_shares.main()
    assert caught.value.code == 0
    assert f"| probe | {NAME} |" in page.read_text("utf-8")
    with pytest.raises(InputError, match="cifar10-cnn-a-adv"):
        list(cases(tmp_path))
