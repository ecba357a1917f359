"""Every chart of the site is an altair chart of a report or of a board."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import altair as alt
import pytest

from leaderboard.charts.svg import Painter
from leaderboard.pages.model import make_evaluation
from models_zoo.errors import InputError
from nonsingular.board import load_board
from tests.leaderboard import conftest as made_up
from tests.nonsingular.test_report import Tags


def test_every_chart_of_the_model_s_page_is_there(report):
    page = make_evaluation(report.entry, "", Painter())
    shown: list[str] = []
    for section in page.sections:
        shown += [each.title for each in (*section.pictures.leading, *section.pictures.further)]
        shown += [each.map.title for each in section.heat_maps]
        shown += [each.title for each in section.strips]
    assert len(shown) >= 6
    assert len(report.plots()) == len(shown)
    titles = {name.partition(".")[2].replace("_", " ") for name in report.plots()}
    assert titles == {title.lower() for title in shown}


def test_each_is_a_valid_chart_in_fixed_colors(report):
    for name, chart in report.plots().items():
        assert isinstance(chart, alt.TopLevelMixin), name
        spec = chart.to_dict(validate=True)
        assert "var(--" not in json.dumps(spec)
        assert spec["background"] == "white"


def test_charts_are_written_to_files(report, tmp_path):
    for name, chart in report.plots().items():
        path = tmp_path / f"{name}.svg"
        chart.save(path)
        assert ElementTree.parse(path).getroot().tag.endswith("svg")  # noqa: S314


def test_charts_can_be_chosen_by_probe(report):
    assert {name.partition(".")[0] for name in report.plots("weight", "joint")} == {
        "weight",
        "joint",
    }
    with pytest.raises(InputError, match="did you mean 'weight'"):
        report.plots("weights")
    with pytest.raises(KeyError, match=r"input\.robust_accuracy_linf"):
        report.plots()["nothing"]


def test_a_notebook_shows_all_without_scripts(report):
    page = report.plots()._repr_html_()
    found = Tags(page)
    assert page.count("<svg") + page.count("image-rendering") >= len(report.plots())
    assert "script" not in found.tags
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page.replace("http://www.w3.org/", "")


def test_hostile_texts_are_texts_in_charts(hostile_reports):
    for report in (hostile_reports[0], hostile_reports[4]):
        plots = report.plots("clean", "joint")
        assert len(plots) > 1
        found = Tags(plots._repr_html_())
        assert found.tags <= {
            *("div", "figure", "figcaption", "code", "small", "img"),
            *("svg", "g", "path", "line", "rect", "text", "tspan", "defs", "clippath", "circle"),
        }
        assert not any(name.startswith("on") for name in found.attributes)
        for chart in plots.values():
            chart.to_dict()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    from leaderboard.store import Store

    path = tmp_path_factory.mktemp("board") / "a.sqlite"
    made_up.fill(Store.open(path))
    return path


def test_a_board_is_a_table_and_a_chart(database):
    board = load_board(database)
    assert len(board) == 4
    assert repr(board).startswith("Board('digits-v1', 4 rows, first 'digits/")
    assert "digits/cnn-pgd-at" in board._repr_html_()
    frame = board.to_frame()
    best = frame.iloc[0]
    assert best["rank"] == 1
    for row in board.content.rows:
        assert row.rank is not None
        own = frame.loc[row.summary.card.name]
        assert (own["rank"], own["last rank"]) == (row.rank.number, row.rank.last)
        assert f">{row.rank.text}</td>" in board._repr_html_()
    low, value, high = (best[f"nonsingular.robust_accuracy{end}"] for end in (" low", "", " high"))
    assert low < value < high
    assert "nonsingular.robust_accuracy" in board.to_csv()
    assert "var(--" not in json.dumps(board.plot().to_dict(validate=True))


def test_a_board_leads_to_the_reports_of_its_models(database):
    board = load_board(database)
    report = board.report("digits/mlp-standard")
    assert report.card.name == "digits/mlp-standard"
    assert board.report(report.provenance.fingerprint[:10]).scores == report.scores
    with pytest.raises(InputError, match="unknown model on the board"):
        board.report("none")


def test_a_board_can_be_of_chosen_models_and_scores(database):
    board = load_board(database, "digits/mlp-*", columns=["weight.random_accuracy"])
    assert {row.summary.card.name for row in board.content.rows} == {
        "digits/mlp-standard",
        "digits/mlp-pgd-at",
    }
    assert [name for name in board.to_frame() if "." in name] == [
        f"weight.random_accuracy{end}" for end in ("", " low", " high")
    ]


def test_its_tables_are_those_of_the_command(database, capfdbinary):
    from leaderboard.cli import app
    from leaderboard.commands.export import DATA_LICENCE

    for format_, text in (
        ("latex", load_board(database).to_latex(licence=DATA_LICENCE)),
        ("markdown", load_board(database).to_markdown(licence=DATA_LICENCE)),
    ):
        app(["export", "--format", format_, "--database", str(database)], standalone_mode=False)
        assert capfdbinary.readouterr().out.decode() == text


def test_missing_boards_are_named(database, tmp_path):
    with pytest.raises(InputError, match="did you mean 'digits-v1'"):
        load_board(database, battery="digits-v2")
    with pytest.raises(InputError):
        load_board(tmp_path / "none.sqlite")


def test_hostile_names_are_escaped_on_a_board(tmp_path):
    from leaderboard.store import Store
    from tests.leaderboard import hostile

    for place, text in enumerate(hostile.TEXTS):
        store = Store.open(tmp_path / f"{place}.sqlite")
        hostile.fill(store, [text])
        found = Tags(load_board(tmp_path / f"{place}.sqlite")._repr_html_())
        assert found.tags <= {
            *("div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "small", "br"),
        }
        assert found.attributes <= {"style", "title"}
