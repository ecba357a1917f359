"""Landscape pages are shown with the models they are about, and stay."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.pages import render_site
from leaderboard.pages.landscape_files import find_landscapes
from leaderboard.store import Store
from models_zoo.errors import InputError

ONE, TWO = "1" * 64, "2" * 64


def write_landscape(folder, name, fingerprint, body="loss"):
    folder.mkdir(exist_ok=True)
    page = folder / f"{name}.html"
    page.write_text(f"<p>{body}</p><dd>{fingerprint}</dd>", "utf-8")
    origin = {"model": name, "fingerprint": fingerprint, "landscape": {}}
    page.with_suffix(".json").write_text(json.dumps(origin), "utf-8")


@pytest.fixture
def two_models(tmp_path, made_up, battery):
    store = Store.open(tmp_path / "scores.sqlite")
    for name, fingerprint in (("one", ONE), ("two", TWO)):
        where = made_up.provenance(battery, fingerprint)
        store.save(made_up.card(name), where, battery, made_up.results()["clean"])
    return store


def test_a_landscape_goes_to_its_model_and_is_linked_there(tmp_path, two_models):
    write_landscape(tmp_path / "maps", "any-name", TWO)
    found = find_landscapes(tmp_path / "maps")
    models = render_site(two_models, tmp_path / "site", landscapes=found).parent / "models"
    assert "loss" in (models / "two/landscape.html").read_text("utf-8")
    assert 'href="landscape.html"' in (models / "two/index.html").read_text("utf-8")
    assert not (models / "one/landscape.html").exists()
    assert "landscape.html" not in (models / "one/index.html").read_text("utf-8")


def test_it_stays_when_the_site_is_rendered_again_without_it(
    tmp_path, two_models, made_up, battery
):
    write_landscape(tmp_path / "maps", "two", TWO)
    out = tmp_path / "site"
    render_site(two_models, out, landscapes=find_landscapes(tmp_path / "maps"))
    where = made_up.provenance(battery, TWO)
    two_models.save(made_up.card("two"), where, battery, made_up.results()["weight"])
    render_site(two_models, out)
    page = (out / "models/two/index.html").read_text("utf-8")
    assert "weight-1" in page
    assert 'href="landscape.html"' in page
    assert "loss" in (out / "models/two/landscape.html").read_text("utf-8")


def test_a_new_landscape_replaces_the_old_one(tmp_path, two_models):
    out = tmp_path / "site"
    for body in ("first", "second"):
        write_landscape(tmp_path / "maps", "two", TWO, body)
        render_site(two_models, out, landscapes=find_landscapes(tmp_path / "maps"))
        assert body in (out / "models/two/landscape.html").read_text("utf-8")


def test_the_page_of_another_model_is_not_kept_with_a_folder_of_the_same_name(
    tmp_path, two_models, made_up, battery
):
    write_landscape(tmp_path / "maps", "two", TWO)
    out = tmp_path / "site"
    render_site(two_models, out, landscapes=find_landscapes(tmp_path / "maps"))
    other = Store.open(":memory:")
    clean = made_up.results()["clean"]
    other.save(made_up.card("two"), made_up.provenance(battery, ONE), battery, clean)
    render_site(other, out)
    assert not (out / "models/two/landscape.html").exists()


def test_other_files_in_the_folder_are_no_landscapes(tmp_path):
    folder = tmp_path / "maps"
    write_landscape(folder, "one", ONE)
    (folder / "results.json").write_text("[]")
    (folder / "notes.json").write_text('{"a": 1}')
    (folder / "notes.html").write_text("hello")
    assert set(find_landscapes(folder)) == {ONE}


def test_a_folder_that_is_missing_or_cannot_be_read_is_an_error_of_the_user(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.*--landscapes"):
        find_landscapes(tmp_path / "nowhere")
    write_landscape(tmp_path, "one", ONE)
    (tmp_path / "one.json").write_text("{")
    with pytest.raises(InputError, match=r"one\.json"):
        find_landscapes(tmp_path)


def test_the_command_says_which_landscape_has_no_scores(tmp_path, two_models):
    write_landscape(tmp_path / "maps", "stray", "3" * 64)
    write_landscape(tmp_path / "maps", "two", TWO)
    options = ["--database", str(tmp_path / "scores.sqlite"), "--out", str(tmp_path / "site")]
    done = CliRunner().invoke(app, ["site", *options, "--landscapes", str(tmp_path / "maps")])
    assert done.exit_code == 0, done.output
    assert "no scores of 'stray' are stored" in done.stderr
    assert "'two'" not in done.stderr
    assert (tmp_path / "site/models/two/landscape.html").is_file()
