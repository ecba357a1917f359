"""Workers take the longest unit first, and those of the model they have loaded before others."""

from itertools import permutations

import pytest

from benchmark.planning import Unit
from benchmark.planning.schedule import Queue, in_order, lower_bound, schedule


def unit(model, probe, seconds):
    return Unit(model, "b", "d", 0, probe, seconds=seconds)


def units(**seconds):
    """Units by model: ``units(one=[3, 5])``."""
    return [
        unit(model, str(place), each)
        for model, lengths in seconds.items()
        for place, each in enumerate(lengths)
    ]


def test_the_longest_come_first_and_those_of_unknown_length_before_them():
    some = [unit("a", "short", 1.0), unit("a", "unknown", None), unit("b", "long", 9.0)]
    assert [each.probe for each in in_order(some)] == ["unknown", "long", "short"]


def test_the_order_does_not_depend_on_the_order_in_which_units_are_listed():
    some = units(a=[1, 1], b=[1, 2])
    orders = {tuple(each.identity for each in in_order(order)) for order in permutations(some)}
    assert len(orders) == 1


def test_a_worker_keeps_its_model_and_then_takes_the_largest_that_is_left():
    queue = Queue(units(a=[9, 1], b=[8, 7]))
    taken: list[tuple[str, float | None]] = []
    while (each := queue.claim(taken[-1][0] if taken else None)) is not None:
        taken.append((each.fingerprint, each.seconds))
    assert taken == [("a", 9), ("a", 1), ("b", 8), ("b", 7)]


def test_a_unit_that_is_put_back_is_claimed_again_at_its_place():
    queue = Queue(units(a=[9, 5], b=[7]))
    first = queue.claim()
    assert first is not None
    queue.claim("b")
    queue.put(first)
    assert len(queue) == 2
    assert queue.claim() == first
    assert queue.claim() == units(a=[9, 5])[1]
    assert queue.claim() is None


def test_a_model_is_loaded_once_by_one_worker():
    some = units(a=[9, 1], b=[8, 7])
    found = schedule(some, 1, {"a": 2.0, "b": 3.0})
    assert (found.seconds, found.lower_bound, found.loads) == (30, 30, 2)


def test_two_workers_take_a_model_each():
    found = schedule(units(a=[4, 1], b=[3, 2]), 2, {"a": 1.0, "b": 1.0})
    assert (found.seconds, found.lower_bound, found.loads) == (6, 6, 2)


def test_no_number_of_workers_is_faster_than_the_longest_unit():
    some = units(a=[10, 1], b=[2])
    assert lower_bound(some, 100, {"a": 3.0}) == 13
    assert schedule(some, 100, {"a": 3.0}).seconds == 13


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_the_time_is_between_the_bound_and_four_thirds_of_it_where_loading_costs_nothing(workers):
    some = units(**{f"m{i}": [(7 * i + 3 * j) % 11 + 1 for j in range(5)] for i in range(8)})
    # One unit per model: with more, keeping a model may put a long unit last.
    some = [Unit(each.identity, "b", "d", 0, "p", seconds=each.seconds) for each in some]
    found = schedule(some, workers)
    assert found.lower_bound <= found.seconds <= 4 / 3 * found.lower_bound


def test_nothing_takes_no_time():
    found = schedule([], 4)
    assert (found.seconds, found.lower_bound, found.loads) == (0, 0, 0)
