"""Rows that are reported elsewhere: checked, kept once, and shown apart from measured ones."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from benchmark.batteries import load_battery
from benchmark.budgets import Budget
from benchmark.threats import InputThreat
from leaderboard.board.reported import reported_tables
from leaderboard.cli import app
from leaderboard.pages import render_site
from leaderboard.reported import import_reported, known_rows, read_reported, shipped_rows
from leaderboard.reported.robustbench_names import with_names
from leaderboard.store import Store
from leaderboard.store.schema import ReportedModelRow
from models_zoo.errors import InputError
from tests.leaderboard.rendered_pages import Page

ABOUT = {"source": "RobustBench", "date": "2026-01-02", "licence": "MIT"}

ROW = {
    "dataset": "cifar10",
    "threat": "Linf",
    "eps": "8/255",
    "model_id": "Wong2020Fast",
    "architecture": "PreActResNet-18",
    "venue": "ICLR<br>2020",
    "extra_data": "False",
    "clean": "83.340",
    "autoattack": "43.21",
    "external": "",
    "link": "https://arxiv.org/abs/2001.03994",
    "title": "Fast is better\nthan free",
}

LINF = InputThreat("linf", Budget.of("8/255"))
HALF = InputThreat("linf", Budget.of("4/255"))

ROWS = shipped_rows()


def tsv(*rows):
    quoted = [['"' + value.replace('"', '""') + '"' for value in row.values()] for row in rows]
    return "\n".join("\t".join(line) for line in ([*rows[0]], *quoted)).encode()


@pytest.fixture
def empty(new_database):
    """A store without rows on each kind of database."""
    return Store.open(new_database())


@pytest.fixture
def read(tmp_path):
    """``read(content, name, **about)``: the rows of a file."""

    def of(content, name="rows.tsv", **about):
        path = tmp_path / name
        path.write_bytes(content)
        return read_reported(path, **ABOUT | about)

    return of


def test_the_shipped_rows_are_under_norms_and_have_no_titles():
    rows = shipped_rows()
    assert len(rows) == len({row.key for row in rows}) == 188
    assert {row.norm for row in rows} == {"linf", "l2"}
    assert {row.dataset for row in rows} == {"cifar10", "cifar100", "imagenet"}
    (fast,) = (row for row in rows if row.model_id == "Wong2020Fast" and row.dataset == "cifar10")
    assert (fast.clean, fast.autoattack, fast.eps) == ("83.34", "43.21", "8/255")
    assert all(row.link.startswith("http") for row in rows)


def test_robustbench_can_load_the_shipped_rows_that_have_a_name_and_no_others():
    rows = [row.model_copy(update={"load": ""}) for row in shipped_rows()]
    assert with_names(rows) == list(shipped_rows())
    other = [row.model_copy(update={"source": "Elsewhere"}) for row in rows]
    assert with_names(other) == other


def test_numbers_are_kept_as_published_in_both_formats(read):
    found = read(tsv(ROW, ROW | {"threat": "corruptions", "model_id": "X"}))
    (row,) = found.rows
    assert (row.clean, row.norm, row.venue, row.extra_data) == (
        "83.340",
        "linf",
        "ICLR 2020",
        False,
    )
    assert dict(found.other_threats) == {"corruptions": 1}
    assert found.unread == ["title"]
    text = json.dumps([ROW | {"extra_data": False, "external": None}])
    text = text.replace('"83.340"', "83.340")
    assert read(text.encode(), "rows.json").rows == [row]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"autoattack": "101"}, "autoattack: '101' is not a percentage"),
        ({"autoattack": "-1"}, "not a percentage"),
        ({"autoattack": "NaN"}, "not a percentage"),
        ({"autoattack": "٤٣"}, "not a percentage"),
        ({"autoattack": ""}, "neither autoattack nor best_known"),
        ({"eps": "0"}, "not a budget"),
        ({"eps": "1e999999999"}, "not a budget"),
        ({"eps": ""}, "not a budget"),
        ({"threat": ""}, "is not a norm"),
        ({"model_id": ""}, "model_id"),
        ({"model_id": "a\x1b[31m"}, "does not print"),
        ({"model_id": "a\u202eb"}, "does not print"),
        ({"model_id": "a" * 201}, "at most 200 characters"),
        ({"link": "javascript:alert(1)"}, "not an address"),
        ({"link": "http://[x"}, "not an address"),
        ({"extra_data": "perhaps"}, "neither true nor false"),
        ({"load": "robustbench:x; rm -rf ~"}, "not a model's name"),
        ({"load": "digits/x"}, "not a model's name"),
    ],
)
def test_an_unusable_row_is_refused_by_its_number_in_one_line(read, changes, reason):
    good = ROW | {"load": "", "model_id": "good"}
    with pytest.raises(InputError) as refused:
        read(tsv(good, good | {"model_id": "bad"} | changes))
    assert "row 2: " in str(refused.value)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (tsv(ROW, ROW), "rows.tsv", "there are 2 rows of"),
        (tsv(ROW) + b"\tmore", "rows.tsv", "row 1: it does not have one value"),
        (b"dataset\tdataset\nx\ty", "rows.tsv", "is there twice"),
        (b"norm\tthreat\nlinf\tlinf", "rows.tsv", "the column 'norm' is given twice"),
        (tsv(ROW | {"threat": "corruptions"}), "rows.tsv", "no row is under"),
        (b"dataset\n", "rows.tsv", "no row is under"),
        (b"\xff\xfe", "rows.tsv", "can't decode"),
        (b"x" * 200_000, "rows.tsv", "field larger than field limit"),
        (tsv(ROW), "rows.csv", "ends neither in .tsv nor in .json"),
        (b"[" * 100_000, "rows.json", ""),
        (b"{}", "rows.json", "not a list of rows"),
        (b"[1]", "rows.json", "row 1: it does not have one value"),
        (b'[{"dataset": ["cifar10"]}]', "rows.json", "row 1: dataset"),
    ],
)
def test_an_unusable_file_is_refused_in_one_line(read, content, name, reason):
    with pytest.raises(InputError, match="not a usable file of reported rows") as refused:
        read(content, name)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"date": "31.3.2025"}, "date: "),
        ({"date": "2025-02-30"}, "date: "),
        ({"source": ""}, "source: "),
        ({"source": "a\nb"}, "source: "),
        ({"licence": "<b>"}, "licence: "),
    ],
)
def test_source_date_and_licence_are_checked(read, about, reason):
    with pytest.raises(InputError, match=f"^{reason}"):
        read(tsv(ROW), **about)


def test_importing_twice_changes_nothing_and_a_newer_date_replaces_a_source(read, empty):
    both = tsv(ROW, ROW | {"model_id": "Gone"})
    first = import_reported(empty, read(both))
    assert (first.added, first.present, first.removed) == (2, 0, 0)
    import_reported(empty, read(tsv(ROW), source="Elsewhere"))
    before = known_rows(empty)
    again = import_reported(empty, read(both))
    assert (again.added, again.present, again.removed) == (0, 2, 0)
    assert known_rows(empty) == before

    changed = tsv(ROW | {"autoattack": "43.20"})
    with pytest.raises(InputError, match="other figures of 'Wong2020Fast' under the same date"):
        import_reported(empty, read(changed))
    newer = import_reported(empty, read(changed, date="2026-02-03"))
    assert (newer.added, newer.removed) == (1, 2)
    with pytest.raises(InputError, match="are of 2026-02-03, later than 2026-01-02"):
        import_reported(empty, read(both))
    rows = {(row.source, row.model_id): row.autoattack for row in known_rows(empty)}
    assert rows == {
        ("RobustBench", "Wong2020Fast"): "43.20",
        ("Elsewhere", "Wong2020Fast"): "43.21",
    }


def test_older_rows_of_the_source_do_not_displace_the_shipped_ones(read, store):
    import_reported(store, read(tsv(ROW), date="2024-01-01"))
    assert known_rows(store) == list(shipped_rows())


def test_rows_that_were_damaged_are_left_out_with_a_warning(read, empty, capsys):
    import_reported(empty, read(tsv(ROW), source="Elsewhere"))
    with Session(empty.engine) as session, session.begin():
        session.execute(update(ReportedModelRow).values(link="javascript:alert(1)"))
    assert known_rows(empty) == list(shipped_rows())
    assert "cannot be read and are left out" in capsys.readouterr().err


def test_the_command_imports_and_says_what_it_left_out(tmp_path):
    path, database = tmp_path / "rows.tsv", tmp_path / "scores.sqlite"
    path.write_bytes(tsv(ROW, ROW | {"threat": "corruptions"}))
    named = ["--source", "RobustBench", "--date", "2026-01-02", "--licence", "MIT"]
    arguments = ["import", "--reported", str(path), "--database", str(database)]
    done = CliRunner().invoke(app, [*arguments, *named])
    assert done.exit_code == 0, done.output
    assert "1 reported rows of RobustBench added" in done.output
    assert "1 rows under corruptions, which is no norm, are left out" in done.output
    assert "columns that are not read: title" in done.output
    (row,) = known_rows(Store.open(database))
    assert row.load == "robustbench:cifar10/Linf/Wong2020Fast"
    for wrong, reason in (
        ([*arguments, *named[:4]], "--reported needs --licence"),
        ([*arguments, *named, str(path)], "not both"),
        (["import", *named], "is for --reported FILE"),
        (["import"], "give an archive"),
    ):
        refused = CliRunner().invoke(app, wrong)
        assert reason in str(refused.exception), wrong


@pytest.fixture
def robustbench_store(store, made_up):
    """A model of RobustBench and one of the zoo, under linf 8/255."""
    battery = load_battery("cifar10-linf-v1")
    result = made_up.results(0.3)["input"]
    kinds = result.outcome_kinds | {"headline": made_up.about("headline", LINF)}
    result = result.model_copy(update={"outcome_kinds": kinds, "headline_threats": [LINF]})
    for number, (name, source) in enumerate(
        [("robustbench:cifar10/Linf/Wong2020Fast", "robustbench"), ("cifar10/cnn", "bundled")]
    ):
        card = made_up.card(name, dataset="cifar10", input_shape=(3, 32, 32), source=source)
        where = made_up.provenance(battery, f"{number:064x}")
        store.save(card, where, battery, result)
    return store


def test_a_board_shows_reported_and_measured_accuracy_side_by_side(
    robustbench_store, tmp_path, read
):
    hostile = tsv(ROW | {"model_id": "<script>alert(1)</script>", "link": 'http://x/?a="><b>'})
    import_reported(robustbench_store, read(hostile, source="Somebody <b>else</b>"))
    page = render_site(robustbench_store, tmp_path / "site").read_text("utf-8")
    Page(page)  # well formed
    section = page[page.index('<details class="reported"') :].partition("</details>")[0]
    rows = [row for row in shipped_rows() if row.dataset == "cifar10" and row.norm == "linf"]
    assert f"Reported elsewhere: {len(rows)} models (RobustBench, 2025-03-31)" in section
    assert section.count('<span class="label">reported</span>') == len(rows)
    (line,) = (each for each in section.splitlines() if ">Wong2020Fast<" in each)
    (entry, _) = robustbench_store.entries()
    measured = 100 * entry.results["input"].scores["robust_accuracy"].value
    assert f'<td class="number">43.21</td><td class="number beside" title="{measured:.1f}%' in line
    assert f"+{measured - 43.21:.1f}</td>" in line
    assert 'href="models/robustbench-cifar10-linf-wong2020fast/index.html"' in line
    command = "nonsingular bench robustbench:cifar10/Linf/Wong2020Fast --battery cifar10-linf-v1"
    assert f"<code>{command}</code>" in line
    assert section.count('class="number beside"') == 2  # its accuracy and the difference alone
    assert "1 of these models is measured here" in section
    assert "at linf 0.031" in next(e for e in section.splitlines() if "Zhang2019Theo" in e)
    (first, *_) = (each for each in section.splitlines() if each.startswith("<tr>"))
    assert first == line
    assert page.count('<details class="reported"') == 2
    assert "Reported elsewhere: 1 model (Somebody &lt;b&gt;else&lt;/b&gt;, 2026-01-02)" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</a>" in page
    assert "<script>alert" not in page
    assert "None of these models is measured here." in page
    # They are in no rank: neither in the table nor in its data.
    table = page[page.index('<table class="models">') :].partition("</table>")[0]
    assert "Zhang2019Theoretically" not in table
    assert "Zhang2019" not in (tmp_path / "site" / "boards" / "cifar10-linf-v1.js").read_text()


def test_a_board_has_the_rows_of_its_data_set_norm_and_budget_only(robustbench_store):
    summaries = robustbench_store.summaries([("input", "robust_accuracy")], ["input"])
    (summary,) = (each for each in summaries if each.card.source == "bundled")

    def ids(dataset="cifar10", threat=LINF, among=ROWS):
        tables = reported_tables(
            among, dataset, {"input": [threat]}, [summary], {summary.fingerprint: ""}
        )
        return [line.row.model_id for table in tables for line in table.lines]

    expected = [row for row in ROWS if (row.dataset, row.norm) == ("cifar10", "linf")]
    assert ids() == [
        row.model_id for row in sorted(expected, key=lambda r: (-r.robust, r.model_id))
    ]
    assert len(ids(threat=InputThreat("l2", Budget(0.5)))) == 21
    assert ids(threat=InputThreat("l2", Budget(0.6))) == ids(threat=HALF) == []
    assert len(ids("imagenet", HALF)) == 30
    assert ids("digits") == ids(threat=replace(LINF, norm="l1")) == []
    other = [row.model_copy(update={"source": "Elsewhere"}) for row in shipped_rows()]
    assert len(ids(among=[*shipped_rows(), *other])) == 2 * len(expected)
