"""The bundled zoo and its cards."""

import subprocess
import sys
import tomllib
from importlib.resources import files

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark import attack_randomized
from benchmark.datasets import load_dataset
from benchmark.datasets.prepared_texts import prepare_texts
from benchmark.datasets.rated_sentences import SENTENCES
from benchmark.randomness import randomness_of
from benchmark.subject import Subject
from models_zoo import Card, InputError, Training, list_models, load_card, load_model
from models_zoo.architectures import is_random
from models_zoo.catalog.writing import card_to_toml
from models_zoo.sources import missing_package
from models_zoo.training.pgd import pgd
from tests.missing import missing

DIGITS = list_models("digits/*")
RANDOM = [name for name in DIGITS if is_random(load_card(name).architecture)]
REPEATABLE = [name for name in DIGITS if name not in RANDOM]
EPS = 0.2


def test_the_bundled_zoo_has_both_pairs():
    assert set(DIGITS) >= {
        f"digits/{architecture}-{recipe}"
        for architecture in ("cnn", "mlp")
        for recipe in ("standard", "pgd-at")
    }


def test_patterns_choose():
    assert list_models("digits/cnn-*") == ["digits/cnn-pgd-at", "digits/cnn-standard"]
    assert list_models("*-standard")[0] == "cifar10/resnet18-standard"
    assert list_models("nothing*") == []


def test_an_unknown_model_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'digits/cnn-pgd-at'"):
        load_model("digits/cnn-pgdat")
    with pytest.raises(InputError, match="unknown model"):
        load_card("../card")


@pytest.mark.parametrize("name", list_models())
def test_every_card_is_complete_and_true(name):
    if advice := missing_package(load_card(name)):
        missing("minilm", f"{name} needs {advice}")
    model = load_model(name)
    card = model.card
    assert (card.name, card.dataset) == (name, name.split("/")[0])
    assert card.sha256
    assert card.licence
    assert card.recipe != "unknown"
    assert card.parameters == sum(p.numel() for p in model.parameters())


def test_the_names_of_architectures_say_which_models_draw_random_numbers():
    test = load_dataset("digits").head(16)
    subjects = {name: Subject(load_model(name), test.images, test.labels) for name in DIGITS}
    assert [name for name, each in subjects.items() if randomness_of(each).random] == RANDOM
    assert RANDOM == ["digits/mlp-noise-standard"]
    assert load_card(RANDOM[0]).notes.startswith("Random: ")


def test_the_card_of_a_random_model_has_expected_accuracies():
    test, card = load_dataset("digits"), load_card(RANDOM[0])
    found = attack_randomized(load_model(card.name), test, eps=0, draws=10)
    # 6,000 answers: the deviation of their mean is at most 0.003.
    assert found.expected_clean == pytest.approx(card.clean_accuracy, abs=0.012)
    assert found.expected_robust == found.expected_clean
    assert card.robustness is not None
    assert card.robustness.attack.startswith("attack_randomized, effort quick")


@pytest.mark.parametrize("name", REPEATABLE)
def test_clean_accuracy_is_what_the_card_says(name):
    test = load_dataset("digits")
    right = load_model(name)(test.images).argmax(1) == test.labels
    assert float(right.double().mean()) == pytest.approx(load_card(name).clean_accuracy, abs=1e-4)


@pytest.mark.parametrize("name", REPEATABLE)
def test_models_without_an_adversary_fall_where_those_with_one_stand(name):
    model, test = load_model(name), load_dataset("digits")
    adversarial = pgd(
        model,
        test.images,
        test.labels,
        eps=EPS,
        step=EPS / 8,
        steps=40,
        generator=torch.Generator().manual_seed(0),
    )
    robust = float((model(adversarial).argmax(1) == test.labels).double().mean())
    training = load_card(name).training
    assert training is not None
    if "steps" not in training.settings:
        assert robust <= 0.10
    else:
        assert robust >= 0.50


@pytest.mark.parametrize("architecture", ["cnn", "mlp"])
def test_a_pair_differs_in_nothing_but_the_recipe(architecture):
    standard, adversarial = (
        load_card(f"digits/{architecture}-{recipe}").training for recipe in ("standard", "pgd-at")
    )
    assert standard
    assert adversarial
    common = standard.settings
    assert common == {key: adversarial.settings[key] for key in common}
    assert standard.seed == adversarial.seed


def test_listing_the_zoo_does_not_import_torch():
    code = "import models_zoo, sys; models_zoo.list_models(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(
    notes=st.text(st.characters(exclude_categories=["Cs"])),
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    value=numbers | st.integers(-(2**53), 2**53) | st.booleans() | st.text("a\"\\\n\x7f'é"),
    mean=st.floats(-2, 2),  # beyond it is refused as a mean of images from 0 to 255
)
def test_a_written_card_reads_back_the_same(notes, key, value, mean):
    card = Card(
        name="digits/a",
        dataset="digits",
        architecture="mlp",
        input_shape=(1, 8, 8),
        mean=(mean,),
        std=(1.0,),
        notes=notes,
        training=Training(recipe="standard", settings={key: value}, seed=3, data="all of it"),
    )
    fields = tomllib.loads(card_to_toml(card))
    assert Card.model_validate({"name": "digits/a", "dataset": "digits", **fields}) == card


NAIVE_BAYES = 0.7955
"""Accuracy of naive Bayes on the test sentences of movies, with the same tokens."""


@pytest.mark.parametrize("name", list_models("movies/*"))
def test_models_of_texts_are_within_two_points_of_naive_bayes(name):
    card = load_card(name)
    assert card.clean_accuracy is not None
    assert card.clean_accuracy >= NAIVE_BAYES - 0.02
    assert card.inputs == load_card("movies/mean-linear-standard").inputs


def test_the_bundled_models_of_texts_are_small_together():
    folder = files("models_zoo") / "checkpoints" / "movies"
    assert sum(len(each.read_bytes()) for each in folder.iterdir()) < 10_000_000


def test_the_accuracy_of_models_of_texts_is_what_the_card_says(tmp_path, shared_data):
    prepare_texts("movies", shared_data / "text" / SENTENCES, tmp_path)
    test = load_dataset("movies", data_root=tmp_path)
    for name in ("movies/mean-linear-awp", "movies/encoder-2-standard"):
        model = load_model(name)
        assert model.card.inputs == test.inputs
        parts = torch.split(test.images, 500)
        right = torch.cat([model(part).argmax(1) for part in parts]) == test.labels
        assert float(right.double().mean()) == pytest.approx(model.card.clean_accuracy, abs=1e-3)
