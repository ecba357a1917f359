"""Beside each number stands what it depends on."""

import re

import pytest

from benchmark import evaluate, load_battery
from benchmark.probes import PROBES

STATED = {
    "tensor rule": r"tensors",
    "kind of ball": r"\b(ball|norm)\b",
    "radius": r"\b(radius|radii|budgets?|flips|bit error rate)\b",
    "number of examples": r"\b(shared by|examples|measured on)\b",
    "batch norm": r"batch norm",
    "effort": r"\b(steps|epochs|restarts|draws|flips|patterns|attack|effort|candidates)\b",
    "scale of the logits": r"\b(mean confidence|logits?)\b",
}
"""What must be stated, and how the words of the protocol's keys show it."""

IN_WEIGHT_SPACE = ("tensor rule", "radius", "number of examples", "batch norm", "effort")
MUST_STATE = {
    "weight": (*IN_WEIGHT_SPACE, "kind of ball", "scale of the logits"),
    "joint": (*IN_WEIGHT_SPACE, "kind of ball", "scale of the logits"),
    "backdoor": (*IN_WEIGHT_SPACE, "kind of ball"),
    "flatness": (*IN_WEIGHT_SPACE, "kind of ball", "scale of the logits"),
    "matched-flatness": (*IN_WEIGHT_SPACE, "kind of ball", "scale of the logits"),
    "intrinsic": ("kind of ball", "radius", "number of examples", "effort", "scale of the logits"),
    "bits": IN_WEIGHT_SPACE,
}
ASKED = [name for name in MUST_STATE if name in PROBES]


@pytest.fixture(scope="module")
def protocols(zoo, digits, battery):
    data = digits.head(12)
    chosen = battery()
    report = evaluate(zoo("digits/mlp-standard"), data.images, data.labels, chosen, ASKED)
    return {name: result.protocol for name, result in report.results.items()}


@pytest.mark.parametrize("probe", ASKED)
def test_it_says_what_its_numbers_depend_on(protocols, probe):
    keys = " | ".join(protocols[probe])
    missing = [what for what in MUST_STATE[probe] if not re.search(STATED[what], keys)]
    assert missing == [], f"{probe} says only: {keys}"


@pytest.mark.parametrize("probe", ASKED)
def test_what_it_says_is_something(protocols, probe):
    empty = [key for key, value in protocols[probe].items() if value in (None, "", [], {}, ())]
    assert empty == []


def test_every_probe_that_a_battery_runs_by_default_is_known_here():
    """A new probe in weight space must say at least as much."""
    others = {"clean", "checks", "input", "regional", "distance", "corruptions", "input-autoattack"}
    for name in ("digits-v1", "cifar10-linf-v1"):
        assert set(load_battery(name).default) <= others | set(MUST_STATE)
