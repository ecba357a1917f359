"""The README's time and memory are those that were measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest


def measured(root: Path, kind: str, model: str) -> dict:
    lines = (root / "docs" / "battery.jsonl").read_text("utf-8").splitlines()
    conditions = {"kind": kind, "model": model}
    found: list[dict] = [json.loads(line) for line in lines]
    (run,) = (each for each in found if conditions.items() <= each["conditions"].items())
    return run


@pytest.mark.parametrize(
    ("kind", "model", "unit", "seconds"),
    [
        ("time", "cifar10-resnet2b-adv", "s", 1),
        ("memory", "wrn-28-10, random weights", "minutes", 60),
    ],
)
def test_the_readme_states_what_was_measured(root, kind, model, unit, seconds):
    run = measured(root, kind, model)
    total = sum(probe["seconds"] for probe in run["probes"]) / seconds
    peak = max(probe["peak_memory"] for probe in run["probes"]) / 1e9
    section = (root / "README.md").read_text("utf-8").partition("## Time, memory and disk")[2]
    examples = run["conditions"]["examples"]
    (line,) = (line for line in section.splitlines() if f", {examples} images, two cores" in line)
    _, _, time, memory, _ = line.split("|")
    (shown,) = re.findall(rf"^ (\d+) {unit} $", time)
    assert float(shown) == pytest.approx(total, rel=0.02)
    assert memory.strip() == f"{peak:.1f} GB"
    assert run["conditions"]["threads"] == 2
