"""``nonsingular compare-autoattack``, as a user runs it."""

import json

import pytest
import torch
import typer
from typer.testing import CliRunner

import benchmark.comparison
from benchmark.comparison import Comparison
from leaderboard.commands import compare_autoattack, models
from leaderboard.commands.comparison_table import print_comparison_table, remarks
from models_zoo import InputError
from models_zoo.catalog import load_card
from models_zoo.sources.bundled import bundled_file

MODEL = "digits/mlp-pgd-at"
SOON_BROKEN = "digits/mlp-standard"
"""Stands nowhere at the headline budget, so that AutoAttack is done at once."""

app = typer.Typer()
for command in (compare_autoattack, models):
    command.register(app)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def run(*arguments):
    return CliRunner().invoke(app, ["compare-autoattack", *map(str, arguments)])


def made_up(**ours):
    """A comparison in which the quick effort missed examples 3 and 5."""
    side = {
        "n_robust": 4,
        "robust_accuracy": 0.4,
        "seconds": 90.0,
        "forwards": 1234567,
        "backwards": 1000,
        "passes_per_robust_example": 308891.75,
        "model_share": 0.5,
    }
    efforts = {
        "quick": side
        | {"n_robust": 6, "robust_accuracy": 0.6, "seconds": 3.0}
        | {"only_autoattack": [3, 5], "only_ours": [], "speedup": 30.0, "fewer_passes": 12.5}
        | ours
    }
    return Comparison.model_validate(
        {
            "norm": "linf",
            "eps": 8 / 255,
            "examples": 10,
            "clean_accuracy": 0.9,
            "seed": 0,
            "batch_size": 256,
            "device": "cpu",
            "threads": 1,
            "autoattack": side | {"claimed": 3, "warnings": ["something is odd"]},
            "efforts": efforts,
        }
    )


def test_a_row_for_every_attack_and_a_file_with_everything(tmp_path):
    file = tmp_path / "comparison.json"
    result = run(SOON_BROKEN, "--examples", 8, "--effort", "quick", "--threads", 1, "--json", file)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[2][:4] == ["linf", "0.2", "clean", "(8)"]  # the battery's headline budget
    assert rows[3][0] == "AutoAttack"
    assert rows[4][0] == "quick"
    content = json.loads(file.read_text("utf-8"))
    assert content["model"] == SOON_BROKEN
    (stored,) = content["comparisons"]
    compared = Comparison.model_validate(stored)
    assert (compared.norm, compared.eps, compared.examples) == ("linf", 0.2, 8)
    assert rows[3][1] == f"{compared.autoattack.robust_accuracy:.2%}"
    assert rows[4][1] == f"{compared.efforts['quick'].robust_accuracy:.2%}"


def test_a_checkpoint_from_elsewhere_is_the_model_it_holds(monkeypatch):
    asked = []

    def remember(model, images, labels, **options):
        with torch.no_grad():
            asked.append((model(images), labels, options["norm"], options["eps"]))
        return made_up()

    monkeypatch.setattr(benchmark.comparison, "compare_autoattack", remember)
    card = load_card(MODEL)
    mean, std = (",".join(map(str, values)) for values in (card.mean, card.std))
    options = ["--examples", 4, "--eps", "1/10", "--norm", "l2"]
    with bundled_file(card) as path:
        elsewhere = ["--checkpoint", path, "--dataset", "digits", "--architecture", "mlp"]
        for source in ([MODEL], [*elsewhere, "--mean", mean, "--std", std]):
            result = run(*source, *options)
            assert result.exit_code == 0, result.output
    (logits, labels, norm, eps), again = asked
    assert (norm, eps) == ("l2", 0.1) == again[2:]
    assert torch.equal(labels, again[1])
    assert torch.equal(logits, again[0])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "either a model of the zoo"),
        (["digits/mlp-pgd"], "did you mean 'digits/mlp-pgd-at'"),
        ([MODEL, "--checkpoint", "a.pt"], "either a model of the zoo"),
        ([MODEL, "--dataset", "digits"], "--dataset goes with --checkpoint"),
        (["--checkpoint", "a.pt"], "--checkpoint needs --dataset"),
        (["--checkpoint", "a.pt", "--dataset", "digits"], "a.pt does not exist"),
        (["--checkpoint", "a.pt", "--dataset", "digit", "--eps", "1"], "did you mean 'digits'"),
        ([MODEL, "--eps", "eight"], "--eps 'eight'"),
        ([MODEL, "--eps", "1/0"], "--eps '1/0'"),
        ([MODEL, "--eps", "0"], "--eps must be above 0"),
        ([MODEL, "--norm", "l3"], "unknown norm 'l3'"),
        ([MODEL, "--effort", "standart"], "did you mean 'standard'"),
        ([MODEL, "--examples", "0"], "0 examples"),
        ([MODEL, "--device", "cuba"], "device 'cuba' cannot be used"),
        ([MODEL, "--json", "none/a.json"], "cannot write --json none/a.json"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert isinstance(result.exception, InputError), result.output
    assert reason in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.output == ""
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_stopped_shows_what_is_finished_and_writes_nothing(tmp_path, monkeypatch):
    calls = []

    def stopped_at_the_second(*_, eps, **__):
        calls.append(eps)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return made_up()

    monkeypatch.setattr(benchmark.comparison, "compare_autoattack", stopped_at_the_second)
    budgets = ["--eps", "0.1", "--eps", "0.2", "--eps", "0.3"]
    result = run(MODEL, "--examples", 4, *budgets, "--json", tmp_path / "a.json")
    assert result.exit_code == 130
    assert calls == [0.1, 0.2]
    assert "8/255" in result.stdout
    assert "stopped after 1 of 3 budgets" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_not_cut_and_says_which_examples_were_missed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_comparison_table([made_up(), made_up(only_autoattack=[])])
    lines = capsys.readouterr().out.splitlines()
    quick = [line.split() for line in lines if "quick  " in line]
    assert quick[0] == ["quick", "60.00%", "0", "2", "3.00", "30.0", "1,234,567", "1,000", "12.5",
                        "308,892", "50%"]  # fmt: skip
    assert quick[1][3] == "0"
    assert lines.count("linf 8/255: AutoAttack broke what quick did not, examples 3, 5") == 1


def test_remarks_tell_what_autoattack_says_of_itself():
    text = "\n".join(remarks(made_up()))
    assert "reports 3 robust examples" in text
    assert "4 are robust" in text
    assert "something is odd" in text
