"""Links that are given once, and trials that get no board."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.pages import render_site
from leaderboard.pages.site_options import SiteOptions, stored_options
from leaderboard.store import Store
from models_zoo.errors import InputError
from tests.leaderboard import conftest as made_up
from tests.leaderboard.rendered_pages import Page, pages

LINKS = {
    "repository": "https://git.example.org/robust",
    "docs": "http://docs.example.org/",
    "licence": "CC BY 4.0",
    "citation": "https://doi.example.org/10.1/2?a=1&b=<2>",
    "submissions": "models@example.org",
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "made-up.sqlite"
    store = Store.open(path)
    made_up.fill(store)
    made_up.fill(store, made_up.ZOO[:2], data_sha256="e" * 64, examples=made_up.N)
    store.engine.dispose()
    return path


def site_with(tmp_path, database, *options):
    arguments = ["site", "--out", str(tmp_path / "site"), "--database", str(database)]
    run = CliRunner().invoke(app, [*arguments, *options])
    assert run.exit_code == 0, run.output
    return tmp_path / "site"


def given(site):
    """Addresses and texts in the footer of every page."""
    found = {}
    for path, text in pages(site).items():
        footer = text[text.index("<footer>") : text.index("</footer>") + 9]
        links = [a["href"] for a in Page(footer).all("a") if ":" in a["href"]]
        found[path] = (links, "CC BY 4.0" in footer)
    return found


def test_links_are_given_once_and_are_on_every_page(tmp_path, database):
    assert all(found == ([], False) for found in given(site_with(tmp_path, database)).values())
    site = site_with(tmp_path, database, *(f"--{k}={v}" for k, v in LINKS.items()))
    expected = [LINKS["repository"], LINKS["docs"], LINKS["citation"], "mailto:models@example.org"]
    for again in (site, site_with(tmp_path, database)):
        for path, found in given(again).items():
            assert found == (expected, True), path
    assert "models@example.org" in Page((site / "submit.html").read_text("utf-8")).text
    without = site_with(tmp_path, database, "--licence=", "--docs=")
    expected.remove(LINKS["docs"])
    assert all(found == (expected, False) for found in given(without).values())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("repository", "javascript:alert(1)"),
        ("docs", "docs.example.org"),
        ("citation", "data:text/html,x"),
        ("submissions", "https:///"),
        ("submissions", "a@b"),
        ("submissions", "mailto:a@b.org?bcc=c@d.org"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(tmp_path, database, option, value):
    arguments = ["site", "--out", str(tmp_path / "site"), "--database", str(database)]
    run = CliRunner().invoke(app, [*arguments, f"--{option}={value}"])
    assert isinstance(run.exception, InputError)
    assert re.fullmatch(rf"--{option} is not an [^:]* address: [^\n]*", str(run.exception))
    assert not (tmp_path / "site").exists()


def test_hostile_texts_stay_texts(tmp_path, zoo_store):
    text = '"><script>alert(1)</script>{{ 7 * 7 }}'
    options = SiteOptions(licence=text, docs=f"https://example.org/{text}")
    site = render_site(zoo_store, tmp_path / "site", options=options).parent
    for path, page in pages(site).items():
        assert "<script>alert" not in page, path
        assert text in Page(page).text
        assert f"https://example.org/{text}" in [a["href"] for a in Page(page).all("a")]


def test_a_damaged_file_of_links_is_named(tmp_path):
    (tmp_path / "site.json").write_text("{")
    with pytest.raises(InputError, match=r"site\.json: remove it"):
        stored_options(tmp_path)


def boards(site):
    front = (site / "index.html").read_text("utf-8")
    return re.findall(r'data-board="([^"]+)"', front), front


def test_a_trial_on_few_examples_gets_no_board_unless_it_is_asked_for(tmp_path, database, made_up):
    copy = tmp_path / "trial.sqlite"
    copy.write_bytes(database.read_bytes())
    store = Store.open(copy)
    clean = made_up.results()["clean"]
    few = clean.model_copy(update={"outcomes": {"headline": clean.outcomes["headline"][:20]}})
    for name in ("digits/a", "digits/b", "digits/c", "digits/d", "digits/e"):
        where = made_up.provenance(
            made_up.Battery(), name[-1] * 64, examples=20, data_sha256="9" * 64
        )
        store.save(made_up.card(name), where, made_up.Battery(), few)
    store.engine.dispose()
    site = site_with(tmp_path, copy)
    names, front = boards(site)
    assert len(names) == 2
    assert names[0] == "digits-v1"  # although the trial has more models
    trials = front[front.index('id="trials"') :]
    assert "Scored on fewer than 100 examples" in trials
    assert "digits-v1 on 20 examples: 5 rows" in trials
    assert 'href="models/digits-e/index.html">digits/e</a>' in trials
    assert len(list((site / "boards").glob("*.csv"))) == 2
    for again in (site_with(tmp_path, copy, "--min-examples=20"), site_with(tmp_path, copy)):
        names, front = boards(again)
        assert len(names) == 3
        assert 'id="trials"' not in front


def test_trials_are_boards_where_there_is_nothing_else(tmp_path, zoo_store):
    site = render_site(zoo_store, tmp_path / "s", options=SiteOptions(min_examples=10_000)).parent
    assert len(boards(site)[0]) == 1


def test_every_page_links_to_what_to_cite(tmp_path, database):
    site = site_with(tmp_path, database, "--licence", "CC BY 4.0")
    text = (site / "citations.bib").read_text("utf-8")
    assert "@misc{nonsingular," in text
    assert "@inproceedings{croce2020reliable," in text
    assert "ozbulak2020regional" not in text  # a probe that no stored battery has
    for path, page in pages(site).items():
        (link,) = re.findall(r'href="([^"]*citations\.bib)"', page)
        assert (site / path).parent.joinpath(link).resolve() == (site / "citations.bib").resolve()


def test_the_licence_is_in_the_data_too(tmp_path, database):
    site = site_with(tmp_path, database, "--licence", "CC BY 4.0")
    assert json.loads((site / "results.json").read_text("utf-8"))["licence"] == "CC BY 4.0"
    site = site_with(tmp_path, database, "--licence", "")
    assert json.loads((site / "results.json").read_text("utf-8"))["licence"] == ""
