"""``nonsingular zoo`` and the plans it follows."""

import tomllib
from dataclasses import replace

import pytest
import torch
import typer
from typer.testing import CliRunner

from leaderboard.commands import zoo
from leaderboard.jobs import training
from leaderboard.jobs.training import load_material
from models_zoo import InputError, list_models, load_card, sha256_file
from models_zoo.architectures import is_architecture
from models_zoo.text_sets import TEXT_SETS
from models_zoo.training import RECIPES, list_recipes, load_recipe
from models_zoo.training import plan as plans
from models_zoo.training.plan import Plan, list_plans, load_plan

app = typer.Typer()
zoo.register(app)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)


def refused(result):
    assert isinstance(result.exception, InputError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


@pytest.mark.parametrize("dataset", list_plans())
def test_every_plan_is_sound_and_its_rows_share_their_schedule(dataset):
    plan = load_plan(dataset)
    rows = plan.rows()
    names = [row.name for row in rows]
    assert len(names) == len(set(names))
    robust = "awp" if dataset in TEXT_SETS else "pgd-at"
    assert {"standard", robust} <= {row.recipe for row in rows} <= set(list_recipes())
    assert all(is_architecture(row.architecture) for row in rows)
    assert set(plan.keep) <= set(names)
    shared = ("epochs", "batch_size", "optimizer", "learning_rate", "schedule", "eps", "holdout")
    alike = [
        row for row in rows if not plan.networks[row.name.removesuffix(f"-{row.recipe}")].settings
    ]
    for row in alike:
        assert [getattr(row.settings, name) for name in shared] == [
            getattr(alike[0].settings, name) for name in shared
        ]
    for row in rows:
        assert all(1 <= epoch < row.settings.epochs for epoch in row.keep)


def test_a_network_may_have_settings_and_images_of_its_own():
    plan = load_plan("digits")
    few = plan.networks["mlp"].model_copy(
        update={"recipes": ("pgd-at",), "settings": {"epochs": 7}, "examples": 40}
    )
    changed = plan.model_copy(update={"networks": plan.networks | {"few": few}})
    rows = {row.name: row for row in changed.rows()}
    assert rows["few-pgd-at"].settings.epochs == 7
    assert rows["few-pgd-at"].examples == 40
    assert rows["mlp-pgd-at"].settings.epochs != 7
    material = load_material("digits", (), None, None)
    part = material.first(40)
    assert len(part.train) == 40
    assert torch.equal(part.train.images, material.train.images[:40])
    assert part.words == "the first 40 images of digits training split"
    assert material.first(None) is material


def test_digits_has_every_recipe():
    rows = load_plan("digits").rows()
    modules = {module.__name__ for module in RECIPES}
    built_in = {name for name in list_recipes() if load_recipe(name).loss.__module__ in modules}
    alone = {"awp"}  # of texts: images have it together with their own adversary, as at-awp
    assert {row.recipe for row in rows if row.architecture == "mlp"} == built_in - alone


@pytest.mark.parametrize("dataset", list_plans())
def test_the_bundled_models_are_what_their_plan_trains(dataset):
    plan = load_plan(dataset)
    bundled = set(list_models(f"{dataset}/*"))
    for row in plan.rows():
        if f"{dataset}/{row.name}" not in bundled:
            continue
        card = load_card(f"{dataset}/{row.name}")
        assert card.architecture == row.architecture
        assert card.licence == plan.licence
        assert card.training is not None
        assert (card.notes, card.paper) == (row.notes, row.paper)
        assert (card.training.recipe, card.training.seed) == (row.recipe, plan.seed)
        assert card.training.settings == row.settings.model_dump()
        assert (card.robustness and card.robustness.eps) == (plan.measured and plan.measured.eps)


@pytest.fixture
def quick(monkeypatch):
    """The plan of digits, with two epochs."""
    plan = load_plan("digits")
    assert plan.measured is not None
    short = plan.model_copy(
        update={
            "settings": {**plan.settings, "epochs": 2},
            "measured": plan.measured.model_copy(update={"examples": 50}),
            "keep": {"mlp-standard": (1,)},
        }
    )
    monkeypatch.setattr(plans, "load_plan", lambda _: short)


def test_it_writes_cards_and_weights_that_belong_together(quick, tmp_path):
    result = run("digits", "--only", "mlp-standard", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    names = {str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file()}
    assert names == {
        f"{kind}/digits/mlp-standard{epoch}.{end}"
        for kind, end in (("catalog", "toml"), ("checkpoints", "safetensors"))
        for epoch in ("", "-epoch1")
    }
    for epoch, number in (("", None), ("-epoch1", 1)):
        card = tomllib.loads(
            (tmp_path / f"catalog/digits/mlp-standard{epoch}.toml").read_text("utf-8")
        )
        weights = tmp_path / "checkpoints/digits" / card["checkpoint"]
        assert card["sha256"] == sha256_file(weights)
        assert card["training"].get("epoch") == number
        assert card["robustness"]["examples"] == 50
        assert 0 <= card["robustness"]["accuracy"] <= 1
    assert "digits/mlp-standard: clean" in result.stdout


def test_bad_input_is_one_line(tmp_path):
    assert "did you mean 'mnist'" in refused(run("minst", "--out", tmp_path))
    assert "known: cnn-standard" in refused(run("digits", "--only", "vit-*", "--out", tmp_path))
    (tmp_path / "file").write_text("in the way")
    assert "cannot write to" in refused(run("digits", "--out", tmp_path / "file"))


def test_a_plan_with_an_unknown_setting_is_refused():
    plan = load_plan("digits").model_dump()
    broken = Plan.model_validate(plan | {"settings": {"epoch": 3}})
    with pytest.raises(InputError, match="did you mean 'epochs'"):
        broken.rows()


def test_the_card_of_a_random_model_has_expectations_and_says_that_it_is_random(
    quick, tmp_path, monkeypatch
):
    whole = training.load_material
    monkeypatch.setattr(
        training, "load_material", lambda *few: replace(m := whole(*few), test=m.test.head(40))
    )
    result = run("digits", "--only", "mlp-noise-standard", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "catalog/digits"
    card = tomllib.loads((folder / "mlp-noise-standard.toml").read_text("utf-8"))
    assert card["notes"] == load_card("digits/mlp-noise-standard").notes
    assert card["robustness"]["attack"].endswith("the mean over 100 draws")
    # Means of 4,000 answers, and not shares of 40 examples.
    assert card["clean_accuracy"] * 40 % 1
    assert card["robustness"]["accuracy"] < card["clean_accuracy"]
