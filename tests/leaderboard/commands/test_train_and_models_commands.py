"""``nonsingular train`` and ``nonsingular models``, as a user runs them."""

import json
import tomllib

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from leaderboard.commands import models, train
from models_zoo import InputError, list_models, load_card, load_file, sha256_file
from models_zoo.methods import list_methods

QUICK = ["--dataset", "digits", "--architecture", "mlp", "--epochs", "1"]

app = typer.Typer()
for command in (models, train):
    command.register(app)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)


def refused(result):
    """The message of the error, which the command line turns into exit code 2."""
    assert isinstance(result.exception, InputError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_train_reproduces_a_bundled_model_s_clean_accuracy(tmp_path):
    out = tmp_path / "mlp.safetensors"
    result = run("train", "standard", *QUICK[:4], "--out", out)
    assert result.exit_code == 0, result.output
    accuracy = tomllib.loads(result.stdout)["clean_accuracy"]
    assert accuracy == pytest.approx(load_card("digits/mlp-standard").clean_accuracy, abs=0.01)


def test_train_writes_weights_and_a_card_that_belong_together(tmp_path):
    out, card = tmp_path / "a.safetensors", tmp_path / "a.toml"
    result = run("train", "pgd-at", *QUICK, "--set", "steps=2", "--set", "eps=1/10", "--seed", 3,
                 "--licence", "MIT", "--out", out, "--card", card)  # fmt: skip
    assert result.exit_code == 0, result.output
    fields = tomllib.loads(card.read_text("utf-8"))
    assert tomllib.loads(result.stdout) == fields
    assert fields["sha256"] == sha256_file(out)
    assert fields["training"]["settings"]["steps"] == 2
    assert fields["training"]["settings"]["eps"] == 0.1
    assert (fields["training"]["seed"], fields["licence"]) == (3, "MIT")
    model = load_file(
        out,
        architecture=fields["architecture"],
        dataset="digits",
        input_shape=tuple(fields["input_shape"]),
        mean=fields["mean"],
        std=fields["std"],
    )
    assert sum(p.numel() for p in model.parameters()) == fields["parameters"]


def test_the_same_command_writes_the_same_file(tmp_path):
    for name in ("a", "b"):
        run(
            "train", "pgd-at", *QUICK, "--set", "steps=1", "--out", tmp_path / f"{name}.safetensors"
        )
    first, second = (sha256_file(tmp_path / f"{name}.safetensors") for name in ("a", "b"))
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["pgdat", *QUICK], "did you mean 'pgd-at'"),
        (["standard", "--dataset", "digit", *QUICK[2:]], "did you mean 'digits'"),
        (["standard", *QUICK[:2], "--architecture", "mpl"], "did you mean 'mlp'"),
        (["standard", *QUICK, "--set", "eps"], "not KEY=VALUE"),
        (["standard", *QUICK, "--set", "epoch=3"], "did you mean 'epochs'"),
        (["standard", *QUICK[:4], "--epochs", "0"], "epochs=0"),
        (["standard", *QUICK, "--keep-epochs", "1"], "cannot keep epoch 1 of 1"),
        (["standard", *QUICK, "--keep-epochs", "a"], "not a list of epochs such as 10,30"),
        (["standard", *QUICK, "--data", "none.npz"], "none.npz does not exist"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, arguments, reason):
    message = refused(run("train", *arguments, "--out", tmp_path / "a.safetensors"))
    assert reason in message
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_before_training(tmp_path):
    for out in (tmp_path / "none" / "a.safetensors", tmp_path / "a.pt"):
        assert "cannot write" in refused(run("train", "standard", *QUICK, "--out", out))
    result = run("train", "standard", *QUICK, "--out", tmp_path / "a.safetensors", "--card",
                 tmp_path / "none" / "a.toml")  # fmt: skip
    assert "cannot write" in refused(result)
    assert list(tmp_path.iterdir()) == []


def archive(path, n, edge=8):
    numbers = np.random.default_rng(n)
    x = numbers.integers(0, 256, (n, 1, edge, edge), dtype=np.uint8)
    np.savez(path, x=x, y=numbers.integers(0, 10, n))
    return path


def test_archives_replace_both_splits_and_the_card_names_them(tmp_path):
    one, two, test = (archive(tmp_path / f"{n}.npz", n) for n in (60, 40, 30))
    result = run("train", "standard", *QUICK, "--out", tmp_path / "a.safetensors",
                 "--data", one, "--data", two, "--test-data", test)  # fmt: skip
    assert result.exit_code == 0, result.output
    card = tomllib.loads(result.stdout)
    assert card["training"]["data"] == "digits: 60.npz and 40.npz, 10% of it held out"
    right = card["clean_accuracy"] * 30
    assert right == pytest.approx(round(right), abs=0.01)
    both = np.concatenate([np.load(path)["x"] for path in (one, two)]) / 255
    assert card["mean"] == [pytest.approx(both.mean(), abs=1e-4)]


def test_archives_of_different_shapes_are_refused(tmp_path):
    one, two = archive(tmp_path / "1.npz", 60), archive(tmp_path / "2.npz", 40, edge=9)
    out = tmp_path / "a.safetensors"
    message = refused(run("train", "standard", *QUICK, "--out", out, "--data", one, "--data", two))
    assert "different shapes: [(1, 8, 8), (1, 9, 9)]" in message


def test_models_lists_the_zoo():
    result = run("models")
    assert result.exit_code == 0
    for name in list_models("digits/*"):
        assert name in result.stdout


def test_models_as_json_gives_whole_cards():
    cards = json.loads(run("models", "digits/*", "--json").stdout)
    networks, methods = list_models("digits/*"), list_methods("digits/*")
    assert [card["name"] for card in cards] == networks + methods
    accuracies = {card["name"]: card["clean_accuracy"] for card in cards}
    assert all(accuracies[name] > 0.9 for name in networks)
    assert all(accuracies[name] is None for name in methods)


def test_a_pattern_that_matches_nothing_is_refused():
    assert "no model matches 'imagenet/*'" in refused(run("models", "imagenet/*"))
