"""The results that every clone has: whole, of today's checkpoints and batteries."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmark.batteries import content_sha256, load_battery
from leaderboard.archives import Archive, import_archive, read_archive
from leaderboard.board import headline_scores
from leaderboard.store import Store
from leaderboard.store.summaries import NONSINGULAR
from models_zoo import load_model
from models_zoo.architectures import is_random
from models_zoo.card import Card
from models_zoo.methods import is_method
from models_zoo.sources import describe_model

HEADLINE = {"digits-v1", "mnist-linf-v1", "cifar10-linf-v1"}
OTHERS = {
    "digits-randomized-v1",
    "digits-concepts-v1",
    "digits-detection-v1",
    "digits-anomaly-v1",
    "mnist-concepts-v1",
    "mnist-detection-v1",
    "mnist-anomaly-v1",
    "cifar10-concepts-v1",
    "movies-ci-v1",
}
"""Batteries with a board, with and without the headline."""


@pytest.fixture(scope="module")
def published(root) -> Archive:
    return read_archive(root / "results" / "zoo.jsonl.gz")


def test_every_battery_is_one_of_today(published):
    """Its algorithms may be older: to score the zoo again after each change takes hours."""
    for line in published.batteries.values():
        today = load_battery(line.content["name"]).model_dump(mode="json")
        assert content_sha256(today, line.algorithms) == line.sha256


def test_its_models_are_bundled_with_these_cards(published):
    names = Counter(line.card.name for line in published.models.values())
    assert set(names.values()) == {1}
    for line in published.models.values():
        assert (line.card.function is not None) == _is_function_of_images(line.card)
        assert line.card.model_copy(update={"function": None}) == describe_model(line.card.name)
        assert line.card.source == "bundled"


def _is_function_of_images(card: Card) -> bool:
    return not (is_random(card.architecture) or card.tokens or is_method(card.name))


def test_the_checkpoints_are_those_that_were_scored(published):
    for name in ("digits/mlp-standard", "mnist/cnn-pgd-at", "cifar10/resnet2b-trades"):
        assert load_model(name).fingerprint in published.models


def test_it_fills_every_board(published, tmp_path):
    store = Store.open(tmp_path / "board.sqlite")
    found = import_archive(store, published)
    assert set(found.fates) == {"added"}
    summaries = store.summaries(headline_scores(store.batteries().values()))
    boards = Counter(each.battery for each in summaries if not each.on_training_data)
    assert set(boards) == HEADLINE | OTHERS
    assert sum(boards[name] for name in HEADLINE) >= 28
    assert boards["movies-ci-v1"] == 12
    assert {boards[f"mnist-{track}-v1"] for track in ("concepts", "detection")} == {10}
    assert boards["mnist-anomaly-v1"] >= 7
    for each in summaries:
        if each.battery == "digits-randomized-v1":
            robust, floor = (each.scores[f"randomized.expected_{k}"] for k in ("robust", "clean"))
            assert robust.value < floor.value
        elif each.battery in HEADLINE:
            assert each.on_training_data or NONSINGULAR in each.scores, each.card.name
