"""The simulated cluster follows the rules of the jobs table, and its plan is the planner's."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmark.planning import Unit
from benchmark.planning.schedule import seconds_of
from perf.simulated_cluster import HOUR, Cluster, Simulation

QUIET = Cluster(
    workers=40,
    worker_life=math.inf,
    node_life=math.inf,
    stall_every=math.inf,
    driver_dies=math.inf,
    slow_tail=1e9,
)
HARSH = replace(
    QUIET, worker_life=2 * HOUR, node_life=4 * HOUR, stall_every=HOUR, driver_dies=600.0
)


def units(models=60):
    lengths = [1800.0, 900.0, 300.0, 60.0, 5.0]
    return [
        Unit(f"model {model}", "b", "d", 0, str(place), seconds=each * (1 + model % 3))
        for model in range(models)
        for place, each in enumerate(lengths)
    ]


def simulate(cluster, seed=0, models=60):
    some = units(models)
    loading = {unit.fingerprint: 30.0 for unit in some}
    return Simulation(some, cluster, loading, seed).run(), some


def test_where_nothing_fails_it_takes_as_long_as_the_planner_says():
    found, some = simulate(QUIET)
    assert found.seconds == pytest.approx(found.undisturbed)
    assert found.bound <= found.seconds < 1.2 * found.bound
    assert set(found.done) == {unit.identity for unit in some}
    assert (found.failed, found.deaths, found.repeated) == ((), 0, 0)
    assert found.work == pytest.approx(sum(map(seconds_of, some)))
    # A claim and an end for each unit, and a heartbeat every 15 s in between.
    beats = (found.work + 30.0 * found.loads) / QUIET.beat
    assert 2 * len(some) < found.writes.sum() == pytest.approx(2 * len(some) + beats, rel=0.05)


def test_whatever_dies_every_unit_is_done_once_or_has_failed():
    found, some = simulate(HARSH)
    assert found.deaths > 20
    assert found.lost_leases > 5
    assert 0 < found.repeated < 0.5 * found.work
    assert len(found.done) == len(set(found.done))
    assert {*found.done, *found.failed} == {unit.identity for unit in some}
    assert not {*found.done} & {*found.failed}
    assert found.seconds > found.undisturbed


def test_the_same_seed_gives_the_same_run():
    first, second, other = (simulate(HARSH, seed)[0] for seed in (1, 1, 2))
    assert (first.done, first.seconds) == (second.done, second.seconds)
    assert first.done != other.done


def test_a_unit_whose_workers_die_twice_has_failed():
    found, _ = simulate(replace(QUIET, worker_life=300.0), models=10)
    assert found.failed  # none of 30 minutes is ever done
    assert {*found.done} & {unit.identity for unit in units(10) if unit.seconds == 5.0}


def test_while_the_driver_is_down_nothing_that_died_comes_back():
    down = replace(QUIET, worker_life=HOUR, driver_dies=1.0, driver_down=1e7)
    found, back = simulate(down)[0], simulate(replace(down, driver_down=60.0))[0]
    assert found.seconds > 1e7 > back.seconds


def test_slow_workers_take_longer():
    slow = simulate(replace(QUIET, slow_tail=3.0))[0]
    assert slow.seconds > 1.3 * slow.undisturbed
    assert slow.last_speed > 1
