"""``nonsingular models``: filters, JSON and single cards."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from leaderboard.cli import app as whole
from leaderboard.commands import models
from models_zoo import InputError, list_models, load_card, load_model
from models_zoo.methods import list_methods, method_card

app = typer.Typer()
models.register(app)
app.command("other")(lambda: None)


def run(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def names(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [card["name"] for card in json.loads(result.stdout)]


def refused(*arguments):
    result = run(*arguments)
    assert isinstance(result.exception, InputError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_without_a_command_it_lists():
    assert names() == names("list") == list_models() + list_methods()
    known = list_models("digits/*") + list_methods("digits/*")
    assert names("digits/*") == names("list", "digits/*") == known


def test_filters_are_taken_together():
    cards = [load_card(n) for n in list_models()] + [method_card(n) for n in list_methods()]
    for option, value, field in (
        ("--dataset", "digits", "dataset"),
        ("--recipe", "pgd-at", "recipe"),
        ("--source", "installed", "source"),
    ):
        expected = [card.name for card in cards if getattr(card, field) == value]
        assert names(option, value) == expected
        assert 0 < len(expected) < len(cards)
    assert names("mlp", "--dataset", "digits", "--recipe", "pgd-at") == ["digits/mlp-pgd-at"]


def test_text_is_looked_for_in_names_architectures_recipes_and_notes():
    assert names("PGD") == list_models("*pgd-at*")
    assert names("Croce and Hein") == ["cifar10/resnet18-standard"]


def test_show_prints_the_whole_card():
    result = run("show", "digits/cnn-pgd-at")
    lines = dict(
        line.strip().split("  ", 1) for line in result.stdout.splitlines() if "  " in line.strip()
    )
    card = load_card("digits/cnn-pgd-at")
    found = {key.strip(): value.strip() for key, value in lines.items()}
    assert found["sha256"] == card.sha256
    assert found["input shape"] == "1x8x8"
    assert (found["recipe"], found["eps"]) == ("pgd-at", "0.22")
    shown = json.loads(run("show", "digits/cnn-pgd-at", "--json").stdout)
    assert shown == card.model_dump(mode="json", exclude_none=True)


def test_show_describes_foreign_models(exporting, tmp_path):
    card = json.loads(run("show", "torchvision:resnet18", "--json").stdout)
    assert (card["dataset"], card["input_shape"]) == ("imagenet", [3, 224, 224])
    path = exporting.onnx(load_model("digits/mlp-standard"), (1, 8, 8), tmp_path / "net.onnx")
    card = json.loads(run("show", path, "--json").stdout)
    assert (card["name"], card["classes"], card["parameters"]) == ("net", 10, 85002)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["show", "digits/cnn-pgdat"], "did you mean 'digits/cnn-pgd-at'"),
        (["show", "torchvision:resnet19"], "unknown model of torchvision"),
        (["show", "net.pt2"], "does not exist"),
        (["digits/cnn-pgdat"], "did you mean 'digits/cnn-pgd-at'"),
        (["zzz"], "nonsingular models lists all"),
        (["--dataset", "digit"], "did you mean 'digits'"),
        (["--recipe", "pgdat"], "did you mean 'pgd-at'"),
        (["--source", "bundle"], "did you mean 'bundled'"),
        (["imagenet/*"], "no model matches 'imagenet/*'"),
        (["cnn", "--dataset", "cifar10"], "no model matches 'cnn' with --dataset cifar10"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(arguments, reason):
    assert reason in refused(*arguments)


def test_commands_inside_have_help():
    commands = getattr(typer.main.get_command(whole), "commands")  # noqa: B009
    inside = commands["models"].commands
    assert set(inside) == {"list", "show"}
    for command in inside.values():
        assert command.help
        assert all(getattr(each, "help", "") for each in command.params)


def test_listing_imports_neither_torch_nor_the_libraries():
    code = (
        "import sys; sys.argv = ['nonsingular', 'models', '--json']\n"
        "from leaderboard.cli import app\n"
        "try: app()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'timm', 'onnx', 'torchvision', 'pooch'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "set()"
