"""Which stored result a command is about."""

from typing import Any

import pytest
import torch

from benchmark.datasets import Dataset
from leaderboard.reruns.find_results import entry_on_images, find_entries, find_model
from models_zoo.errors import InputError

NAMES = {
    "aaaaaaaa11" + "0" * 54: "digits/cnn",
    "aaaaaaaa22" + "0" * 54: "twin",
    "bbbbbbbb33" + "0" * 54: "twin",
    "cccccccc44" + "0" * 54: "timm:resnet18.a1_in1k",
    "dddddddd55" + "0" * 54: "bbbbbbbb33",
    "eeeeeeee66" + "0" * 54: "odd: [red]name?",
}

IMAGES = Dataset("digits", "test", torch.zeros(30, 1, 8, 8), torch.zeros(30, dtype=torch.int64), 10)


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ("digits/cnn", "aaaaaaaa11"),
        ("aaaaaaaa11", "aaaaaaaa11"),
        ("AAAAAAAA22", "aaaaaaaa22"),
        ("bbbbbbbb33" + "0" * 54, "bbbbbbbb33"),
        ("timm:resnet18.a1_in1k", "cccccccc44"),
        ("timm:resnet18.a1_in1k?file=/some/where.bin", "cccccccc44"),
        ("odd: [red]name?", "eeeeeeee66"),
    ],
)
def test_a_model_is_found_by_name_or_first_digits(asked, begins):
    assert find_model(NAMES, asked).startswith(begins)


@pytest.mark.parametrize("asked", ["twin", "aaaaaaaa", "bbbbbbbb33"])
def test_what_may_mean_several_models_is_refused_with_the_choices(asked):
    with pytest.raises(InputError, match="may be any of") as caught:
        find_model(NAMES, asked)
    assert str(caught.value).count(", ") == 1
    assert "(twin)" in str(caught.value)


@pytest.mark.parametrize("asked", ["aaaaaaa", "digits/cn", "zzzzzzzz11"])
def test_an_unknown_model_is_refused(asked):
    with pytest.raises(InputError, match="unknown stored model"):
        find_model(NAMES, asked)


@pytest.fixture
def several(store, made_up):
    """One model with two batteries of one name, two sets of images, two seeds, two splits."""
    card, clean = made_up.card("net"), made_up.results()["clean"]
    first = made_up.Battery()
    other = made_up.Battery(description="changed")
    results: list[tuple[Any, dict[str, Any]]] = [
        (first, {}),
        (other, {"seed": 3}),
        (other, {"seed": 4}),
        (first, {"seed": 4}),
        (first, {"seed": 5, "data_sha256": "1" * 64, "examples": 20}),
        (first, {"seed": 5, "data_sha256": "2" * 64, "examples": 30}),
        (first, {"seed": 5, "data_sha256": IMAGES.sha256, "examples": 30}),
        (first, {"split": "train", "data_sha256": "4" * 64}),
    ]
    for battery, changes in results:
        count = changes.get("examples", 200)
        cut = {name: each[:count] for name, each in clean.outcomes.items()}
        where = made_up.provenance(battery, **changes)
        store.save(card, where, battery, clean.model_copy(update={"outcomes": cut}))
    return store, first, other


def test_seed_split_and_battery_tell_results_apart(several):
    store, first, other = several
    (entry,) = find_entries(store, "net")
    assert entry.provenance.battery_sha256 == first.sha256
    assert find_entries(store, "net", seed=3)[0].provenance.battery_sha256 == other.sha256
    assert find_entries(store, "net", split="train")[0].provenance.data_sha256 == "4" * 64
    with pytest.raises(InputError, match=rf"{other.sha256[:12]} \(digits-v1\).*--battery"):
        find_entries(store, "net", seed=4)
    (entry,) = find_entries(store, "net", seed=4, battery=other.sha256[:12])
    assert entry.battery["description"] == "changed"


def test_images_tell_results_apart_by_number_and_then_by_hash(several):
    store, *_ = several
    with pytest.raises(InputError, match="stored on 20, 30 images; give one number"):
        find_entries(store, "net", seed=5)
    assert len(find_entries(store, "net", seed=5, examples=20)) == 1
    both = find_entries(store, "net", seed=5, examples=30)
    assert entry_on_images(both, IMAGES).provenance.data_sha256 == IMAGES.sha256
    others = [entry for entry in both if entry.provenance.data_sha256 != IMAGES.sha256]
    with pytest.raises(
        InputError, match="stored result's 222222222222; give their file with --data"
    ):
        entry_on_images(others, IMAGES)


def test_what_is_not_stored_is_refused_with_what_is(several):
    store, *_ = several
    asked: list[tuple[dict[str, Any], str]] = [
        ({"seed": 9}, "not stored with --seed 9; give --seed 0, --seed 3"),
        ({"split": "trian"}, "give --split test, --split train"),
        ({"battery": "digits-v2"}, "did you mean 'digits-v1'"),
        ({"examples": 7}, "not stored with --examples 7; give --examples 200"),
    ]
    for change, known in asked:
        with pytest.raises(InputError, match=known):
            find_entries(store, "net", **change)


def test_hashes_of_batteries_of_different_names_are_not_shown(store, made_up):
    for name in ("one-v1", "two-v1"):
        battery = made_up.Battery(name=name)
        where = made_up.provenance(battery)
        store.save(made_up.card("net"), where, battery, made_up.results()["clean"])
    with pytest.raises(InputError, match="stored with one-v1, two-v1; give one with --battery"):
        find_entries(store, "net")


@pytest.mark.filterwarnings("ignore:database")
def test_results_that_cannot_be_read_are_not_offered(store, made_up):
    battery, clean = (
        made_up.Battery(),
        made_up.results()["clean"].model_copy(update={"outcomes": {}}),
    )
    store.save(made_up.card("net"), made_up.provenance(battery), battery, clean)
    with pytest.raises(InputError, match="no stored result of 'net' can be read; compute them"):
        find_entries(store, "net")
