"""A report as text, as HTML, as a data frame and as a row of a database."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from benchmark.batteries import load_battery
from benchmark.report import Report as PlainReport
from benchmark.results import Cost
from leaderboard.store import Store
from models_zoo.errors import InputError
from nonsingular.report import Report
from tests.leaderboard import conftest as made_up


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_its_text_is_one_short_line_with_the_headline_first(report):
    text = repr(report)
    assert "\n" not in text
    assert len(text) < 300
    assert text.startswith("Report('digits/cnn-pgd-at' on 'digits-v1', 200 examples, nonsingular.")
    assert "clean.accuracy=97.0%" in text


def test_reports_are_equal_if_they_say_the_same(report):
    where, results = report.provenance, report.results
    later = where.model_copy(update={"created": "2030-01-01T00:00:00+00:00", "threads": 9})
    slower = {
        name: result.model_copy(update={"cost": Cost(seconds=9.0)})
        for name, result in results.items()
    }
    assert replace(report, provenance=later, results=slower) == report
    assert len({report, replace(report, provenance=later)}) == 1
    clean = results["clean"]
    nan = clean.scores["accuracy"].model_copy(update={"value": math.nan})
    bits = ~clean.outcomes["headline"]
    for other in (
        {"provenance": where.model_copy(update={"seed": 5})},
        {"card": report.card.model_copy(update={"name": "other"})},
        {"results": {"clean": clean}},
        {"results": results | {"clean": clean.model_copy(update={"scores": {"accuracy": nan}})}},
        {"results": results | {"clean": clean.model_copy(update={"outcomes": {"headline": bits}})}},
    ):
        assert replace(report, **other) != report
        assert replace(report, **other) == replace(report, **other)
    assert report != "report"
    assert report != PlainReport(where, results)


def test_its_html_has_every_score_with_its_interval(report):
    page = report._repr_html_()
    for key, (score, _) in report.documented.items():
        assert f"<code>{key}</code>" in page
        assert score.n == 0 or f">{score.n:,}<" in page
    assert page.index("nonsingular.robust_accuracy") < page.index("clean.accuracy")
    assert "97.0%" in page
    assert report.provenance.fingerprint in page


def test_hostile_texts_are_escaped_and_short(hostile_reports):
    harmless = {
        *("div", "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td"),
        *("details", "summary", "small"),
    }
    for report in hostile_reports:
        found = Tags(report._repr_html_())
        assert found.tags <= harmless
        assert found.attributes <= {"style"}
        assert "\n" not in repr(report)
        assert len(repr(report)) < 600


def test_its_frame_has_a_row_per_score(report):
    frame = report.to_frame()
    assert list(frame.index) == list(report.documented)
    assert frame.loc["input.robust_accuracy", "value"] == report.scores["input.robust_accuracy"]
    low, high = report.intervals["input.robust_accuracy"]
    assert tuple(frame.loc["input.robust_accuracy", ["low", "high"]]) == (low, high)
    assert frame.loc["clean.accuracy", "headline"]
    assert frame.loc["clean.accuracy", "unit"] == "share"


def test_without_pandas_a_frame_says_what_to_install(report, without):
    without("pandas")
    with pytest.raises(InputError, match=r"pip install 'nonsingular\[notebook\]'"):
        report.to_frame()


def test_it_is_stored_with_the_provenance_of_each_result(report, tmp_path):
    battery = load_battery("digits-v1")
    where = made_up.make_provenance(battery)
    earlier = where.model_copy(update={"created": "2026-01-01T00:00:00+00:00", "threads": 7})
    results = made_up.make_results()
    whole = Report(
        where,
        {name: results[name] for name in ("clean", "input")},
        card=made_up.make_card("mine"),
        battery=battery.model_dump(mode="json"),
        reused={"input": earlier},
    )
    whole.store(tmp_path / "a.sqlite")
    (entry,) = Store.open(tmp_path / "a.sqlite").entries()
    assert entry.card.name == "mine"
    assert entry.provenances == {"clean": where, "input": earlier}
    assert entry.results["input"].scores == whole.results["input"].scores


@pytest.mark.parametrize("change", [{"battery_sha256": "0" * 64}, {}])
def test_results_of_another_battery_are_not_stored(report, tmp_path, change):
    battery = load_battery("digits-v1")
    content = battery.model_dump(mode="json")
    if not change:
        content["probes"]["clean"]["unknown"] = 1
    where = made_up.make_provenance(battery, **change)
    whole = Report(where, report.results, card=report.card, battery=content)
    with pytest.raises(InputError, match="cannot be stored"):
        whole.store(tmp_path / "a.sqlite")
    assert not (tmp_path / "a.sqlite").exists()


def test_its_tables_have_its_row(report):
    battery = load_battery("digits-v1")
    where = made_up.make_provenance(battery)
    whole = Report(where, report.results, card=report.card, battery=battery.model_dump(mode="json"))
    table = whole.to_latex()
    assert r"\toprule" in table
    assert "cnn-pgd-at" in table
    assert "97.0" in table
    assert "cnn-pgd-at" in whole.to_markdown()
    assert "scriptsize" not in whole.to_latex(intervals=False)
    one = whole.to_latex(["weight.random_accuracy"])
    assert one.count("&") < table.count("&")
    with pytest.raises(InputError, match="unknown score of the report"):
        whole.to_latex(["weight.random"])


def test_names_are_shown_once_in_plain_text(report):
    assert re.fullmatch(r"[ -~]+", repr(report))
