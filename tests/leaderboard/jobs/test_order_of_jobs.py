"""The order in which the units of a run are taken."""

from __future__ import annotations

from pathlib import Path

from benchmark.results import Cost
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.planning import ModelPlan, jobs_of


def plan(made_up, battery, model, checked, **seconds):
    tasks = [
        Assignment(
            fingerprint=model * 64,
            battery_sha256="b" * 64,
            data_sha256="d" * 64,
            seed=0,
            probe=probe,
            name=model,
            folder=Path(),
            checks_accuracy=probe == checked,
            cost=Cost(seconds=each),
        )
        for probe, each in seconds.items()
    ]
    return ModelPlan(model, made_up.provenance(battery), {}, tasks, {})


def test_the_longest_units_come_first_and_a_check_of_the_accuracy_before_its_models_longest(
    made_up, battery
):
    small = plan(made_up, battery, "a", "clean", clean=1.0, input=50.0, joint=10.0)
    large = plan(made_up, battery, "b", "clean", clean=2.0, input=40.0, joint=30.0)
    known = plan(made_up, battery, "c", None, weight=45.0)
    jobs = jobs_of([small, large, known])
    assert [job.priority for job in jobs] == list(range(7))
    assert [(str(job.model)[0], job.payload["probe"]) for job in jobs] == [
        *(("a", "clean"), ("a", "input"), ("c", "weight")),
        *(("b", "clean"), ("b", "input"), ("b", "joint"), ("a", "joint")),
    ]
