"""Whatever a model, a layer or a series is called, its chart is drawn, whatever the fonts."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import vl_convert
from rich.cells import cell_len

from benchmark.results import Bars, Curve, Score
from leaderboard.board.overview import input_weight_scatter
from leaderboard.charts.bars import bars_pictures
from leaderboard.charts.contours import decision_chart, loss_chart
from leaderboard.charts.curves import curves_pictures, titled
from leaderboard.charts.labels import chart_text, distinct, short
from leaderboard.charts.svg import NOT_DRAWN, Painter
from leaderboard.findings.figures import dots, lines, scatter
from leaderboard.findings.page import write_findings
from leaderboard.pages import render_site

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
TEXTS = {
    "empty": "",
    "blank": "   ",
    "emoji": "\U0001f514" * 60,
    "emoji at every offset": "".join(f"{'x' * (n % 3)}\U0001f600" for n in range(60)),
    "families": FAMILY * 40,
    "combining": "e\u0301a\u0308" * 60,
    "piled marks": "Z" + "\u0335\u0301" * 5_000,
    "marks alone": "\u0301" * 50,
    "right to left": "\u202e" + "\u05e9\u05dc\u05d5\u05dd " * 40,
    "wide": "\u6f22\u5b57" * 60,
    "beyond the basic plane": "\U0001d54f\U00020000" * 60,
    "lone surrogates": "\ud83d" * 60 + "\udd14" * 60,
    "halves the wrong way": "\udd14\ud83d" * 60,
    "control": "a\x00\x07\x1b[31m\x7f\x85\r\n\t\u2028\u2029\ufffe\uffff" * 9,
    "long": "W" * 10_000,
    "markup": "</text><script>alert(1)</script>&amp;]]>" * 3,
    "expression": "'\"]}; datum.value \\u{1f514} \\ud83d" * 4,
    "variation selectors": "\u2764\ufe0f" * 60,
    "flags": "\U0001f1e9\U0001f1ea" * 60,
    "joiners alone": "\u200d\ufe0f" * 60,
}


def score(value: float) -> Score:
    return Score(value=value, n=9, low=value - 0.1, high=value + 0.1)


def checkpoint(name: str) -> Any:
    return SimpleNamespace(name=name, recipe=name)


def summary(text: str) -> Any:
    scores = {"input.robust_accuracy": score(0.4), "weight.robust_accuracy": score(0.5)}
    card = SimpleNamespace(name=text, recipe=text)
    return SimpleNamespace(card=card, scores=scores, fingerprint="a" * 64)


def bars(series: str, names: list[str]) -> Bars:
    scores = [score(0.3)] * len(names)
    title = names[0]
    axes = {"x_label": title, "y_label": title}
    return Bars(picture=title, series=series, **axes, names=names, y=scores, unit="share")


def curve(series: str, title: str) -> Curve:
    return Curve(
        picture=title,
        series=series,
        x_label=title,
        y_label=title,
        x=[0.0, 1.0],
        x_text=[f"{series}0", f"{series}1"],
        y=[score(0.3)] * 2,
        unit="share",
    )


class Specifications(Painter):
    """Keeps what it is given to draw."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[dict] = []

    def draw(self, chart, description):
        self.given.append(chart if isinstance(chart, dict) else chart.to_dict())
        return NOT_DRAWN, ""


def every_chart(texts: list[str]) -> dict[str, dict]:
    """The charts of the site and of the findings, with the texts in all of their places."""
    painter, first = Specifications(), texts[0]
    curves_pictures([curve(text, first) for text in texts], painter, first)
    bars_pictures([bars(text, texts) for text in texts[:2]], painter, first)
    summaries = [summary(text) for text in texts[:12]]
    input_weight_scatter(summaries, painter, {}, {"a" * 64: "index.html"})
    rows = [(checkpoint(text), score(0.3)) for text in texts]
    painter.draw(dots(rows, first, share=True), first)
    painter.draw(scatter([(c, s, s) for c, s in rows], first, first, (True, False)), first)
    painter.draw(lines({text: [(0.1, score(0.2))] for text in texts}, "x", "y", share=True), first)
    painter.draw(decision_chart([-1.0, 0.0, 1.0], [[0.1, -0.2, 0.3]] * 3, 0.1), first)
    painter.draw(loss_chart([-1.0, 0.0, 1.0], [[0.1, 0.2, 0.3]] * 3), first)
    kinds = ("curves", "bars", "overview", "dots", "scatter", "lines", "decisions", "losses")
    return dict(zip(kinds, painter.given, strict=True))


def widened(spec: dict) -> Any:
    """The same chart where every letter is as wide as on a machine of the widest fonts."""
    text = json.dumps(spec)
    for key in ("labelFontSize", "titleFontSize", "fontSize"):
        text = text.replace(f'"{key}": 1', f'"{key}": 9')
    return json.loads(text)


HALVES = (list(TEXTS.values())[::2], list(TEXTS.values())[1::2])


@pytest.mark.parametrize("texts", HALVES, ids=["even", "odd"])
@pytest.mark.parametrize("kind", ["curves", "bars", "overview", "dots", "scatter", "lines"])
def test_every_chart_is_drawn_where_letters_are_wide(texts, kind, capfd):
    drawn, _ = Painter().draw(widened(every_chart(texts)[kind]), texts[0])
    assert drawn != NOT_DRAWN
    found = list(ElementTree.fromstring(str(drawn)).itertext())  # noqa: S314
    assert not [text for text in found if text.endswith("\u2026")], "Vega cut a label"
    assert capfd.readouterr().err == ""


def limits(value: object) -> list[float]:
    """Every limit of a label's or title's length in a specification."""
    if isinstance(value, list):
        return [found for item in value for found in limits(item)]
    if not isinstance(value, dict):
        return []
    own = [item for key, item in value.items() if key in ("labelLimit", "titleLimit", "limit")]
    return own + [found for item in value.values() for found in limits(item)]


def test_no_chart_asks_vega_to_cut_a_label(monkeypatch):
    taken: list[dict] = []

    def take(spec: dict, **_named: object) -> str:
        taken.append(spec)
        return "<svg xmlns='http://www.w3.org/2000/svg'/>"

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", take)
    cutting = {"mark": {"type": "text", "limit": 40}, "config": {"axis": {"labelLimit": 10}}}
    for spec in [*every_chart(["name"]).values(), cutting]:
        Painter().draw(spec, "a chart")
    assert len(taken) == 9
    for spec in taken:
        assert set(limits(spec)) == {0}
        for part, own in {
            "axis": ("labelLimit", "titleLimit"),
            "legend": ("labelLimit", "titleLimit"),
            "header": ("labelLimit", "titleLimit"),
            "title": ("limit",),
            "text": ("limit",),
        }.items():
            assert all(spec["config"][part][key] == 0 for key in own), part


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_label_is_short_printable_and_of_whole_characters(text):
    for most in (1, 2, 7, 30, 97):
        whole_characters(text, most, short(text, most))


def whole_characters(text: str, most: int, label: str) -> None:
    label.encode()
    assert chart_text(label) == label
    assert cell_len(label) <= max(most, 2)
    assert len(label) <= 8 * (most + 2)
    for part in label.split("\u2026"):
        shown = chart_text(text)
        assert part in shown or shown.startswith(part[:8])
        if text == TEXTS["families"] and part:
            assert part.replace(FAMILY, "") == ""
        if text == TEXTS["combining"] and part:
            assert part.replace("e\u0301", "").replace("a\u0308", "") == ""


def test_texts_that_begin_and_end_alike_stay_apart():
    names = [f"{'layer.' * 30}{n}{'.weight' * 30}" for n in range(30)] + ["layer"]
    labels = distinct([*names, *names], 25)
    assert list(labels) == names
    assert len(set(labels.values())) == len(names)
    assert labels["layer"] == "layer"
    assert max(map(cell_len, labels.values())) <= 25


class Panic(BaseException):
    """As a panic of Rust arrives: no Exception."""


Panic.__name__ = "PanicException"


@pytest.mark.parametrize("error", [ValueError("cannot\n draw \x1b[31m"), Panic("panicked")])
def test_a_chart_that_fails_is_left_out_with_a_line_and_the_site_goes_on(
    error, filled, tmp_path, monkeypatch, capfd
):
    def fail(*_args, **_named):
        raise error

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", fail)
    front = render_site(filled, tmp_path / "site")
    page = next((tmp_path / "site" / "models").glob("*/index.html")).read_text("utf-8")
    for text in (page, front.read_text("utf-8")):
        assert str(NOT_DRAWN) in text
        assert "<summary>Numbers</summary>" in text
        assert "Picture as SVG" not in text
    errors = capfd.readouterr().err
    assert "\x1b" not in errors
    lines_of = errors.splitlines()
    assert lines_of
    assert all("could not be drawn and is left out" in line for line in lines_of)


def test_an_interruption_is_no_failed_chart(monkeypatch):
    def stop(*_args, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", stop)
    with pytest.raises(KeyboardInterrupt):
        Painter().draw({"mark": "bar"}, "a chart")


def test_findings_leave_out_a_figure_that_cannot_be_drawn(make_findings_with_figures, tmp_path):
    findings, panels = make_findings_with_figures
    path = write_findings(findings, panels, tmp_path)
    assert "this picture could not be drawn" in path.read_text("utf-8")
    assert list((tmp_path / "findings").glob("*.svg")) == []


@pytest.fixture
def make_findings_with_figures(filled, monkeypatch):
    from leaderboard.findings.finding import Figure, Finding, Part

    def fail(*_args, **_named):
        raise ValueError("cannot draw")

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", fail)
    figure = Figure("A figure", dots([(checkpoint("a"), score(0.3))], "x", share=True), "words")
    finding = Finding("key", "Title", "Claim.", [], "Rule.", [Part("digits", figures=[figure])])
    return [finding], []


def test_captions_are_the_names_of_pictures_with_abbreviations_as_they_are_written():
    assert titled("detection_gain_by_mi") == "Detection gain by MI"
    assert titled("mistakes") == "Mistakes"
