"""Tables for papers: the board's numbers, marks and budgets, and no text that is interpreted."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmark import load_battery
from benchmark.results import ProbeResult, Score
from leaderboard.board.cell_texts import NEAR
from leaderboard.cli import app
from leaderboard.exports.latex_table import latex_table
from leaderboard.exports.markdown_table import escaped, markdown_table
from leaderboard.exports.paper_table import paper_table
from leaderboard.exports.selection import select_board
from leaderboard.store import Store
from models_zoo.errors import InputError

EVIL = (r"a_b&50%#1$x$", r"\input{/etc/passwd}", "x^2~y<z>|", "Müller中é", "=1+1", "a\n| b", "}{")


@pytest.fixture
def database(tmp_path, made_up):
    path = tmp_path / "scores.sqlite"
    made_up.fill(Store.open(path))
    return path


def run(database, *words):
    found = CliRunner().invoke(
        app, ["export", *map(str, words), "--database", str(database)], catch_exceptions=False
    )
    assert found.exit_code == 0, found.output
    return found.stdout


def test_a_table_has_the_board_s_scores_intervals_and_marks(zoo_store):
    board = select_board(zoo_store)
    table = paper_table(board)
    assert [row.name for row in table.rows] == [
        row.summary.card.name.removeprefix("digits/") for row in board.rows
    ]
    for row, shown in zip(board.rows, table.rows, strict=True):
        for cell, written in zip(row.cells, shown.cells, strict=True):
            assert written.value == cell.text.removesuffix("%")
            assert written.interval == cell.interval
            assert (written.best, written.near) == (cell.mark == "best", cell.mark == "near")
    caption = " ".join(table.caption)
    assert board.battery_sha256[:12] in caption
    assert "200 test images" in caption
    near = any(cell.mark == "near" for row in board.rows for cell in row.cells)
    assert (NEAR.removeprefix(", ") in caption) == near
    assert paper_table(board, intervals=False).intervals is False
    latex, markdown = latex_table(table), markdown_table(table)
    for each in (each for row in table.rows for each in row.cells):
        assert each.value in latex
        assert each.interval.replace("\N{EN DASH}", "--") in latex
        assert f"({each.interval})" in markdown or not each.interval
    assert latex.count(r"\textbf{") == sum(c.best for row in table.rows for c in row.cells)
    assert markdown.count("**") == 2 * latex.count(r"\textbf{")


def test_the_budgets_are_those_of_the_shown_columns(zoo_store):
    one = paper_table(select_board(zoo_store, columns=["input.robust_accuracy_l2"])).caption
    assert not [each for each in one if "Weight" in each]


def test_a_board_without_the_headline_gives_the_scores_of_the_front_page(made_up):
    battery, store = load_battery("digits-detection-v1"), Store.open(":memory:")
    for name, success in (("cnn-standard", 0.9), ("mlp-standard", 0.4)):
        provenance = made_up.provenance(battery, fingerprint=name[0] * 64)
        of_model = made_up.card(f"digits/{name}"), provenance, battery
        score = Score(value=success, n=200, low=success - 0.05, high=success + 0.05)
        scores = dict.fromkeys(("magnet_detection", "mi_gain", "adaptive_success"), score)
        store.save(*of_model, ProbeResult(probe="clean", scores={"accuracy": score}))
        store.save(*of_model, ProbeResult(probe="detection", scores=scores))
    board = select_board(store)
    assert board.columns[0].key == "detection.adaptive_success"
    assert len(board.columns) == 4
    assert [row.summary.card.name for row in board.rows] == [
        "digits/mlp-standard",
        "digits/cnn-standard",
    ]
    assert "Adaptive success" in markdown_table(paper_table(board))


def test_models_and_columns_are_chosen_by_name_pattern_and_fingerprint(database):
    fingerprint = next(e.provenance.fingerprint for e in Store.open(database).entries())
    for words, rows in (
        (["digits/mlp-*"], 2),
        (["digits/cnn-pgd-at", "digits/mlp-*"], 3),
        ([fingerprint[:10]], 1),
        ([], 4),
    ):
        text = run(database, *words, "--format", "csv", "--column", "clean.accuracy")
        (head, *lines) = csv.reader(io.StringIO(text))
        assert len(lines) == rows
        assert head[-4:] == [f"clean.accuracy{end}" for end in ("", " low", " high", " n")]
        assert "input.robust_accuracy" not in head


def test_scores_that_no_board_shows_can_be_chosen(database):
    text = run(database, "--format", "markdown", "--column", "clean.cross_entropy")
    assert "Cross-entropy" in text
    assert "0.100 (0.0800\N{EN DASH}0.120)" in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["digits/none"], "unknown stored model 'digits/none'"),
        (["--column", "input.robust"], "did you mean 'input.robust"),
        (["--battery", "digits-v9"], "unknown stored battery 'digits-v9'"),
        (["--examples", "7"], "no results on 7 images are stored; there are some on 200"),
    ],
)
def test_a_mistake_is_said(database, words, reason):
    with pytest.raises(InputError, match=reason):
        run(database, *words, "--format", "latex")


def test_formats_of_one_model_take_one_and_no_column(database):
    for words, reason in (
        (["--format", "record"], "needs one model"),
        (["a", "b"], "needs one model"),
        (["digits/cnn-pgd-at", "--column", "clean.accuracy"], "--column goes with"),
    ):
        with pytest.raises(InputError, match=reason):
            run(database, *words)


def test_results_of_two_boards_are_not_mixed(database, made_up):
    other = made_up.Battery(name="other-v1")
    made_up.fill(Store.open(database), battery=other)
    made_up.fill(Store.open(database), battery=other, data_sha256="e" * 64, examples=100)
    with pytest.raises(InputError, match=r"3 boards, whose scores are not comparable.*--battery"):
        run(database, "--format", "latex")
    with pytest.raises(InputError, match="2 boards"):
        run(database, "--format", "latex", "--battery", "other-v1")
    text = run(database, "--format", "latex", "--battery", other.sha256[:10], "--examples", "200")
    assert "Battery other-v1 (SHA-256" in text


def test_the_licence_is_stated_unless_there_is_none(database):
    assert "% Licence of the results: CC-BY-4.0\n" in run(database, "--format", "latex")
    assert "Licence" not in run(database, "--format", "latex", "--data-licence", "")
    assert "CC0" in run(database, "--format", "markdown", "--data-licence", "CC0-1.0")


def test_no_name_is_interpreted(tmp_path, made_up):
    database = tmp_path / "evil.sqlite"
    made_up.fill(Store.open(database), zoo=[(name, "standard", 0.1) for name in EVIL])
    latex = run(database, "--format", "latex")
    assert latex.isascii()
    body = latex.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    assert r"\input{" not in body
    assert len(re.findall(r"\\\\", body)) == 2 * len(EVIL)
    assert all(len(re.findall(r"(?<!\\)&", line)) == 6 for line in body.strip().splitlines())
    markdown = run(database, "--format", "markdown").splitlines()
    table = [line for line in markdown if line.startswith("|")]
    assert len(table) == len(EVIL) + 2
    assert len({line.count("|") for line in table}) == 1
    assert "<z>" not in "".join(markdown)
    cells = [
        cell for row in csv.reader(io.StringIO(run(database, "--format", "csv"))) for cell in row
    ]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a*b _c_`d", r"a\*b \_c\_\`d"),
        ("[x](javascript:1)", r"\[x\](javascript:1)"),
        ("<img src=x>", r"&lt;img src=x&gt;"),
        ("a|b\nc", "a&#124;b c"),
        ("@someone", "&#64;someone"),
        ("https://a.b www.a.b", "https&#58;//a.b www&#46;a.b"),
        ("&amp;", "&amp;amp;"),
        ("# 1. ~~x~~", r"\# 1. \~\~x\~\~"),
        ("1. #12 $x$", r"1\. \#12 \$x\$"),
        ("accuracy (%), my_net = a+b!", "accuracy (%), my_net = a+b!"),
    ],
)
def test_nothing_of_a_text_is_markdown(text, written):
    assert escaped(text) == written


@given(st.text())
def test_a_text_stays_in_its_cell(text):
    written = escaped(text)
    assert "\n" not in written
    assert "|" not in written
    assert "<" not in written


def test_a_table_compiles(tmp_path, made_up):
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")
    database = tmp_path / "evil.sqlite"
    made_up.fill(Store.open(database), zoo=[(name, "standard", 0.1) for name in EVIL])
    (tmp_path / "table.tex").write_text(run(database, "--format", "latex"))
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{table}\end{document}"
    )
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")
