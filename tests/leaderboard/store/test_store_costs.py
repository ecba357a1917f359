"""What stored results cost is an estimate for results to come."""

import pytest

from benchmark.results import Cost


@pytest.fixture
def stored(store, made_up, battery):
    """``stored(name, seconds, ...)``: saves the result of the input probe at a cost."""
    numbers = iter(range(100))

    def save(architecture, seconds, **changes):
        number = next(numbers)
        result = made_up.results()["input"].model_copy(
            update={"cost": Cost(seconds=seconds, forwards=1000, backwards=500)}
        )
        card = made_up.card(f"digits/net{number}", architecture=architecture)
        where = made_up.provenance(battery, f"{number:064}", **changes)
        store.save(card, where, battery, result)

    return save


def test_models_of_the_same_architecture_count_before_others(store, made_up, battery, stored):
    card = made_up.card("digits/new", architecture="cnn")
    where = made_up.provenance(battery, "f" * 64)
    assert store.costs(card, where) == {}
    for seconds in (50.0, 70.0, 60.0):
        stored("mlp", seconds)
    assert store.costs(card, where)["input"].seconds == 60
    for seconds in (4.0, 5.0, 9.0):
        stored("cnn", seconds)
    assert store.costs(card, where) == {"input": Cost(seconds=5, forwards=1000, backwards=500)}


def test_only_similar_runs_count_and_in_proportion_to_the_examples(store, made_up, battery, stored):
    card = made_up.card("digits/new", architecture="cnn")
    where = made_up.provenance(battery, "f" * 64, examples=100)
    stored("cnn", 5.0, device="cuda")
    stored("cnn", 5.0, examples=1000)
    stored("cnn", 5.0, battery_sha256="0" * 64)
    assert store.costs(card, where) == {}
    stored("cnn", 6.0, examples=200)
    assert store.costs(card, where) == {"input": Cost(seconds=3, forwards=500, backwards=250)}
