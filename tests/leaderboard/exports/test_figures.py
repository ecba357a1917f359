"""``nonsingular figures``: charts in the size of a paper's column."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from leaderboard.charts.paper import PaperPainter, paper_spec, pdf_of
from leaderboard.cli import app
from leaderboard.store import Store
from models_zoo.errors import InputError

SPEC = {
    "width": 330,
    "height": 210,
    "data": {"values": [{"x": 0, "y": 1}, {"x": 1, "y": 0}]},
    "mark": {"type": "line", "color": "var(--series-1, #1f6fb2)", "strokeWidth": 2},
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
    },
}


@pytest.fixture
def database(tmp_path, made_up):
    path = tmp_path / "scores.sqlite"
    made_up.fill(Store.open(path))
    return path


def run(database, out, *words):
    found = CliRunner().invoke(
        app,
        ["figures", *map(str, words), "--out", str(out), "--database", str(database)],
        catch_exceptions=False,
    )
    assert found.exit_code == 0, found.output
    return sorted(out.iterdir())


@pytest.mark.parametrize("inches", [3.25, 5.5])
def test_a_chart_has_the_width_that_was_asked_for(inches):
    painter = PaperPainter(inches)
    _, name = painter.draw(SPEC, "a line")
    svg = ElementTree.fromstring(painter.drawings[name])  # noqa: S314
    assert svg.get("width") == f"{inches:g}in"
    assert float(svg.get("viewBox", "").split()[2]) == 72 * inches
    box = re.search(rb"/MediaBox \[\s*([^\]]+)\]", pdf_of(painter.drawings[name]))
    assert box is not None
    assert float(box[1].split()[2]) == pytest.approx(72 * inches, abs=0.5)


def test_colors_of_the_page_become_colors_and_texts_small():
    spec = paper_spec(SPEC, 3.25)
    assert spec["mark"]["color"] == "#1f6fb2"
    assert "var(" not in str(spec)
    assert spec["config"]["axis"]["labelFontSize"] == 7
    assert spec["mark"]["strokeWidth"] < 2
    assert SPEC["mark"]["strokeWidth"] == 2  # type: ignore[index]


def test_a_model_s_charts_are_written_in_both_formats(database, tmp_path):
    files = run(database, tmp_path / "figures", "digits/cnn-pgd-at")
    assert {file.suffix for file in files} == {".pdf", ".svg"}
    assert len({file.stem for file in files}) == len(files) / 2 >= 4
    assert all(file.name.startswith("digits-cnn-pgd-at-") for file in files)
    for file in files:
        content = file.read_bytes()
        assert content.startswith(b"%PDF" if file.suffix == ".pdf" else b"<svg")
        assert b"var(--" not in content


def test_without_a_model_the_board_is_drawn(database, tmp_path):
    (file,) = run(database, tmp_path / "figures", "--format", "svg")
    assert file.name == "digits-v1-models.svg"
    assert 'width="5.5in"' in file.read_text()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--width", "wide"], "is neither 'column', 'text' nor a number of inches"),
        (["--width", "0.1"], "from 2 to 12"),
        (["--format", "png"], "unknown format of figures 'png'"),
        (["digits/none"], "unknown stored model"),
        (["digits/cnn-pgd-at", "--limit", "3"], "no chart to draw"),
    ],
)
def test_a_mistake_is_said(database, tmp_path, words, reason):
    with pytest.raises(InputError, match=reason):
        run(database, tmp_path / "figures", *words)
