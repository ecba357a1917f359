"""Numbers under a version: a probe that computes others has another algorithm."""

from __future__ import annotations

import copy
import json

import pytest

from benchmark import list_batteries, load_battery
from benchmark.budgets import Budget
from benchmark.probes import PROBES
from benchmark.provenance import provenance_of
from benchmark.results import Provenance
from models_zoo import load_model
from tests.benchmark.golden import cases

DIGITS_SHA256 = "deeebbb78e0425b8d766904ae6bfd02f08302e4bd5727b58fd61eb84256f37ac"
"""Hash of digits-v1 in the results of version 0.1.0."""


@pytest.fixture
def first_versions(monkeypatch):
    """Every probe with the first version of its algorithm."""
    for probe in PROBES.values():
        monkeypatch.setattr(probe, "algorithm", 1)


def test_every_probe_finds_what_its_version_found():
    entries = cases.load()
    problems = [cases.problem(name, found, entries) for name, found in cases.run().items()]
    assert not any(problems), "\n".join(filter(None, problems))


def test_every_probe_has_a_case():
    assert {*cases.TABLES, *cases.OF_TEXTS, *cases.OF_METHODS} == set(PROBES)
    assert set(cases.TABLES) >= set(load_battery("digits-v1").probes)


def test_another_constant_under_the_same_version_is_seen(monkeypatch):
    monkeypatch.setattr("benchmark.attacks.weights.FIRST_STEP", 1.0)  # of APGD on weights, was 8
    found = cases.run(["weight"])["weight"]
    assert "raise `algorithm` of its class" in str(cases.problem("weight", found, cases.load()))


@pytest.mark.usefixtures("first_versions")
def test_a_raised_version_has_to_be_recorded(monkeypatch):
    entries = cases.load()
    found = entries["clean"]["1"]
    assert cases.problem("clean", found, entries) is None
    monkeypatch.setattr(PROBES["clean"], "algorithm", 2)
    assert "python tests/benchmark/golden/cases.py" in str(cases.problem("clean", found, entries))


@pytest.mark.usefixtures("first_versions")
def test_a_recorded_version_is_kept_beside_the_next(monkeypatch, tmp_path):
    before = {name: {"1": versions["1"]} for name, versions in cases.load().items()}
    (tmp_path / "digits.json").write_text(json.dumps(before))
    monkeypatch.setattr(cases, "FILE", tmp_path / "digits.json")
    monkeypatch.setattr(PROBES["clean"], "algorithm", 2)
    assert cases.record() == ["clean"]
    after = cases.load()
    assert set(after["clean"]) == {"1", "2"}
    assert after | {"clean": before["clean"]} == before
    assert cases.record() == []


def test_one_example_and_two_percent_may_differ():
    then: cases.Recorded = {
        "outcomes": {"headline": "1" * 16},
        "scores": {
            "robust_accuracy": {"value": 0.5, "n": 16, "unit": "share"},
            "loss": {"value": 2.0, "n": 16, "unit": "nats"},
            "radius": {"value": float("inf"), "n": 16, "unit": "radius"},
        },
    }

    def problems(outcome="1" * 16, **scores):
        now = copy.deepcopy(then)
        now["outcomes"]["headline"] = outcome
        for name, value in scores.items():
            now["scores"][name]["value"] = value
        return cases.differences(now, then)

    assert problems() == problems("0" + "1" * 15, robust_accuracy=0.5625, loss=2.03) == []
    assert problems("00" + "1" * 14)
    assert problems("1" * 15)
    assert problems(robust_accuracy=0.625)
    assert problems(loss=2.05)
    assert problems(loss=float("nan"))
    assert problems(radius=1.0)


@pytest.mark.usefixtures("first_versions")
def test_first_versions_leave_the_hashes_of_batteries_as_they_were():
    now = load_battery("digits-v1")
    headline = {"headline_linf": Budget(0.1), "headline_radius": Budget(0.02)}  # until 2026-11-27
    joint = now.probes["joint"].model_copy(update=headline)
    earlier = {"epochs": 10, "average_radii": (0.1, 0.25, 0.5)}  # until 2026-11-28
    flatness = now.probes["flatness"].model_copy(update=earlier)
    later = {"matched-flatness", "corruptions", "backdoor-sparse"}
    kept = {name: each for name, each in now.probes.items() if name not in later}
    default = tuple(name for name in now.default if name not in later)
    before = now.model_copy(
        update={"probes": kept | {"joint": joint, "flatness": flatness}, "default": default}
    )
    assert before.sha256 == DIGITS_SHA256
    assert all(load_battery(name).algorithms == {} for name in list_batteries())


@pytest.mark.usefixtures("first_versions")
def test_a_raised_version_changes_the_hash_of_the_batteries_with_the_probe(monkeypatch, battery):
    with_input, without = load_battery("digits-v1"), battery()
    without = without.model_copy(
        update={"probes": {k: v for k, v in without.probes.items() if k != "input"}}
    )
    before = with_input.sha256, without.sha256
    monkeypatch.setattr(PROBES["input"], "algorithm", 2)
    assert with_input.algorithms == {"input": 2}
    second = with_input.sha256
    assert second != before[0]
    assert without.sha256 == before[1]
    monkeypatch.setattr(PROBES["input"], "algorithm", 3)
    assert with_input.sha256 not in (before[0], second)


@pytest.mark.usefixtures("first_versions")
def test_provenance_says_which_versions_ran(monkeypatch, digits):
    def provenance():
        battery = load_battery("digits-v1")
        return provenance_of(
            load_model("digits/mlp-pgd-at"), digits.images[:2], digits.labels[:2], battery, 0, "cpu"
        )

    first = provenance()
    assert first.algorithm("input") == 1
    assert "algorithms" not in first.model_dump()  # as it was stored before there were versions
    assert Provenance.model_validate(first.model_dump()) == first
    monkeypatch.setattr(PROBES["input"], "algorithm", 2)
    second = provenance()
    assert (second.algorithm("input"), second.algorithm("weight")) == (2, 1)
    assert second.model_dump()["algorithms"] == {"input": 2}
    assert Provenance.model_validate(second.model_dump()) == second
