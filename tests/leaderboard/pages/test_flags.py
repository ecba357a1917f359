"""Flags are stored with their figures and shown where a reader decides what to believe."""

from __future__ import annotations

import json
import math
import re
import sqlite3

import pytest

from benchmark.report import Report
from benchmark.results import Flag, ProbeResult
from benchmark.statistics import exact
from leaderboard.commands.score_table import print_scores
from leaderboard.pages import render_site
from leaderboard.store import Store


def make_flag(name, *, raised, figure=0.25, saw="3 of 12 examples.", **changes) -> Flag:
    fields = {"title": f"Title of {name}", "advice": f"Advice on {name}."} | changes
    return Flag(name=name, raised=raised, figure=figure, saw=saw, **fields)


def checks(*flags) -> ProbeResult:
    count = exact(float(sum(flag.raised for flag in flags)), 12)
    return ProbeResult(probe="checks", scores={"raised": count}, flags=list(flags))


@pytest.fixture
def save(store, made_up, battery):
    """``save(name, *results)``: a made-up model with these answers."""

    def add(name, *results):
        where = made_up.provenance(battery, f"{len(store.entries()):064x}")
        for result in results:
            store.save(made_up.card(name), where, battery, result)

    return add


def page_of(store, folder, name):
    site = render_site(store, folder / "site").parent
    model, front = site / f"models/{name}/index.html", site / "index.html"
    return model.read_text("utf-8"), front.read_text("utf-8")


def test_flags_come_back_from_the_store_with_every_figure(tmp_path, made_up, battery):
    store = Store.open(tmp_path / "scores.sqlite")
    flags = [
        make_flag("a", raised=True, figure=1 / 3),
        make_flag("b", raised=False, figure=None),
        make_flag("c", raised=True, figure=math.inf),
    ]
    where = made_up.provenance(battery)
    store.save(made_up.card(), where, battery, checks(*flags))
    back = store.results(where.fingerprint, where.battery_sha256, where.data_sha256, 0)
    assert back["checks"].flags == flags


def test_a_result_stored_before_there_were_flags_is_still_read(tmp_path, made_up, battery):
    path = tmp_path / "scores.sqlite"
    store = Store.open(path)
    where = made_up.provenance(battery)
    store.save(made_up.card(), where, battery, made_up.results()["clean"])
    with sqlite3.connect(path) as plain:
        plain.execute("update results set payload = json_remove(payload, '$.flags')")
        (payload,) = plain.execute("select payload from results").fetchone()
    assert "flags" not in json.loads(payload)
    (entry,) = store.entries()
    assert entry.results["clean"].flags == []
    page, board = page_of(store, tmp_path, "digits-cnn-standard")
    assert 'id="flags-' not in page
    assert ">Flags<" not in board


def test_a_raised_flag_stands_above_the_scores_with_what_it_saw_and_what_to_do(
    tmp_path, store, save, made_up
):
    quiet = make_flag("quiet", raised=False, figure=None, saw="Nothing of 12.")
    loud = make_flag("loud", raised=True, figure=0.123456, saw="7 of 12 & more.")
    other = make_flag("other", raised=True, figure=2.0)
    inputs = made_up.results()["input"].model_copy(update={"flags": [other]})
    save("m", checks(quiet, loud), inputs)
    page, board = page_of(store, tmp_path, "m")
    section = page[page.index('id="flags-1"') : page.index('id="input-1"')]
    assert "2 of 3 checks" in section
    assert "<strong>Title of loud.</strong> 7 of 12 &amp; more." in section
    assert "Advice on loud." in section
    assert "Advice on quiet." not in section
    rows = re.findall(r'<th scope="row"><code>(\w+)</code>', section)
    assert rows == ["other", "loud", "quiet"]
    figures = re.findall(r'<td class="number">([^<]*)</td><td class="words">', section)
    assert sorted(figures) == ["0.123", "2", "\N{EN DASH}"]
    assert "Nothing of 12." in section
    assert "Input attack" in section
    assert '<span class="mark">2</span>' in board


def test_the_board_counts_flags_and_tells_none_raised_from_none_made(
    tmp_path, store, save, made_up
):
    clean = made_up.results()["clean"]
    save("asked", clean, checks(make_flag("a", raised=False)))
    save("unasked", clean)
    page, board = page_of(store, tmp_path, "asked")
    assert "None of 1 checks" in page
    flags = r'<td class="number extra">([^<]*)</td>'
    cells = dict(re.findall(rf'<a href="models/(\w+)/index\.html">.*?{flags}', board, re.DOTALL))
    assert cells == {"asked": "0", "unasked": "\N{EN DASH}"}


def test_flags_are_in_the_json_for_programs(tmp_path, store, save):
    flag = make_flag("a", raised=True, figure=math.inf)
    save("m", checks(flag))
    render_site(store, tmp_path / "site")
    record = json.loads((tmp_path / "site" / "models" / "m" / "record.json").read_text("utf-8"))
    (entry,) = record["evaluations"]
    assert entry["results"]["checks"]["flags"] == [flag.model_dump() | {"figure": None}]
    assert entry["results"]["checks"]["scores"]["raised"]["value"] == 1


def test_hostile_text_in_a_flag_stays_text(tmp_path, store, save):
    text = "<script>alert(1)</script>"
    save("m", checks(make_flag(text, raised=True, saw=text, title=text, advice=text)))
    page, _ = page_of(store, tmp_path, "m")
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 5


def test_raised_flags_stand_below_the_summary_on_the_terminal(made_up, battery, capsys):
    raised = make_flag("a", raised=True, saw="3 of 12 [examples].")
    result = checks(raised, make_flag("b", raised=False))
    report = Report(made_up.provenance(battery), {"checks": result})
    print_scores(["one", "two"], [report, Report(made_up.provenance(battery))])
    printed = " ".join(capsys.readouterr().out.split())
    assert "one: Title of a. 3 of 12 [examples]. Advice on a." in printed
    assert "Title of b" not in printed
