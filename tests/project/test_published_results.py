"""The results that every clone has: whole, of today's checkpoints and batteries."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmark.batteries import content_sha256, load_battery
from leaderboard.archives import Archive, import_archive, read_archive
from leaderboard.board import headline_scores
from leaderboard.store import Store
from leaderboard.store.summaries import NONSINGULAR
from models_zoo import load_card, load_model
from models_zoo.architectures import is_random


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
        assert (line.card.function is None) == is_random(line.card.architecture)
        assert line.card.model_copy(update={"function": None}) == load_card(line.card.name)
        assert line.card.source == "bundled"


def test_the_checkpoints_are_those_that_were_scored(published):
    for name in ("digits/mlp-standard", "mnist/cnn-pgd-at", "cifar10/resnet2b-trades"):
        assert load_model(name).fingerprint in published.models


def test_it_fills_four_boards(published, tmp_path):
    store = Store.open(tmp_path / "board.sqlite")
    found = import_archive(store, published)
    assert set(found.fates) == {"added"}
    summaries = store.summaries(headline_scores(store.batteries().values()))
    boards = Counter(each.battery for each in summaries if not each.on_training_data)
    assert set(boards) == {"digits-v1", "digits-randomized-v1", "mnist-linf-v1", "cifar10-linf-v1"}
    assert sum(boards.values()) >= 31
    for each in summaries:
        if each.battery == "digits-randomized-v1":
            robust, floor = (each.scores[f"randomized.expected_{k}"] for k in ("robust", "clean"))
            assert robust.value < floor.value
        else:
            assert each.on_training_data or NONSINGULAR in each.scores, each.card.name
