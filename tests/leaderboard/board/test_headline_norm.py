"""Pages, exports and tables name the norm of a battery's headline."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from benchmark import load_battery
from benchmark.report import Report
from leaderboard.commands.score_table import print_scores
from leaderboard.documentation import scores_markdown
from leaderboard.exports.headlines import headlines
from leaderboard.formatting.texts import probe_text
from leaderboard.pages import render_site
from leaderboard.store import Store
from tests.leaderboard import conftest as made_up

NORMS = {"linf": "linf 8/255, l2 0.5", "l2": "l2 0.5, linf 8/255"}


@pytest.fixture(scope="module")
def store():
    """One model that was scored with both batteries of CIFAR-10."""
    store = Store.open(":memory:")
    card = made_up.make_card("cifar10/two", dataset="cifar10", input_shape=(3, 32, 32))
    for norm in NORMS:
        battery = load_battery(f"cifar10-{norm}-v1")
        for result in made_up.make_results().values():
            store.save(card, made_up.make_provenance(battery), battery, result)
    return store


@pytest.fixture(scope="module")
def site(store, tmp_path_factory):
    return render_site(store, tmp_path_factory.mktemp("rendered") / "site").parent


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.mark.parametrize("norm", NORMS)
def test_a_battery_s_page_names_the_norm_of_its_headline(site, norm):
    page = words((site / f"batteries/cifar10-{norm}-v1.html").read_text("utf-8"))
    assert NORMS[norm] in page
    assert f"headline_norm {norm}" in page
    assert f"Input {norm}" in page


def test_each_board_has_the_column_of_its_norm(site):
    text = (site / "index.html").read_text("utf-8")
    for norm, other in (("linf", "l2"), ("l2", "linf")):
        table = re.search(rf"<caption[^>]*>cifar10-{norm}-v1.*?</thead>", text, re.S)
        assert table
        assert f"Input {norm}" in words(table[0])
        assert f"Input {other}" not in words(table[0])
        assert f"headline {norm} ball" in table[0]
        assert NORMS[norm] in words(text)
    assert {f"input robust accuracy ({norm})" for norm in NORMS} <= set(
        re.findall(r"input robust accuracy \(\w+\)", text)
    )


def test_a_model_on_both_has_a_row_for_each_norm(site):
    (page,) = (site / "models").glob("*/index.html")
    text = words(page.read_text("utf-8"))
    assert "Input linf" in text
    assert "Input l2" in text
    found = re.search(r"\{.*\}", (site / "models/index.js").read_text("utf-8"))
    assert found is not None
    index = json.loads(found[0])
    texts = {board["battery"]: board["texts"] for board in index["boards"]}
    assert texts["cifar10-linf-v1"] == {}
    assert texts["cifar10-l2-v1"]["input.robust_accuracy"][0] == "Input l2"


@pytest.mark.parametrize("norm", NORMS)
def test_exports_and_the_terminal_name_the_norm(store, norm, capsys):
    battery = load_battery(f"cifar10-{norm}-v1")
    entries = [e for e in store.entries() if e.provenance.battery == battery.name]
    titles = {each.key: each.title for each in headlines(entries[0].answers, entries[0].battery)}
    assert titles["input.robust_accuracy"] == f"Input {norm} robust accuracy"
    report = Report(made_up.make_provenance(battery), made_up.make_results())
    print_scores(["two"], [report], battery)
    assert norm in capsys.readouterr().out


def test_scores_are_documented_for_both_norms():
    page = scores_markdown()
    assert "in batteries with the headline norm l2 (Input l2)" in page
    assert probe_text("input").spec("robust_accuracy").label == "Input linf"
    assert probe_text("gone", {}).title == "gone"
