"""A fact about models that is declared once reaches board, filters, comparison, CSV and JSON."""

import csv
import json

import pytest

from leaderboard.board.card_columns import CARD_COLUMNS, CardColumn
from leaderboard.pages import render_site
from models_zoo import load_card
from tests.extending.conftest import MODELS, registered
from tests.extending.test_new_probe import data_of, page_of, text_of, words_of

LICENSE = CardColumn("licence", "Licence", lambda card: card.licence, is_filter=True)
SIDE = CardColumn("side", "Image side", lambda card: card.input_shape[-1], is_number=True)


@pytest.fixture(scope="module")
def site(published, tmp_path_factory):
    before = list(CARD_COLUMNS)
    CARD_COLUMNS.extend([LICENSE, SIDE])
    out = tmp_path_factory.mktemp("columns") / "site"
    with registered():
        render_site(published.store, out)
    CARD_COLUMNS[:] = before
    return out


def test_they_are_columns_and_filters_of_the_board(site):
    page = text_of(site / "index.html")
    assert (
        '<th scope="col" class="name extra" data-key="licence" data-kind="text">Licence</th>'
        in page
    )
    assert '<th scope="col" class="number extra" data-key="side" data-kind="number">' in page
    assert '<select name="licence">' in page
    assert f'<td class="name extra"><span>{load_card(MODELS[0]).licence}</span></td>' in page
    assert '<td class="number extra">8</td>' in page
    facts = {fact["key"]: fact for fact in data_of(site / "boards" / "light-v1.js")["facts"]}
    assert facts["licence"]["filter"]
    assert facts["side"]["values"] == [8, 8]


def test_they_are_in_the_csv(site):
    (table,) = (site / "boards").glob("*.csv")
    for line in csv.DictReader(table.read_text("utf-8").splitlines()):
        assert line["licence"] == load_card(line["model"]).licence
        assert line["side"] == "8"


def test_they_are_in_the_json(site):
    for row in json.loads((site / "results.json").read_text("utf-8"))["boards"][0]["models"]:
        facts = {"licence": load_card(row["model"]).licence, "side": 8}
        assert facts.items() <= row["facts"].items()


def test_they_are_compared(site):
    facts = data_of(page_of(site, MODELS[0]).parent / "compare.js")["facts"]
    assert ["Licence", load_card(MODELS[0]).licence] in facts
    assert ["Image side", "8"] in facts


def test_nothing_is_left_of_them_where_they_are_not_declared(published):
    assert "Image side" not in words_of(published.site / "index.html")
