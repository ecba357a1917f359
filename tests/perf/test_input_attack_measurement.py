"""``python -m perf.input_attack``: what it measures, keeps and writes."""

import sys
from pathlib import Path

import pytest
import torch

import perf.fresh_models
import perf.input_attack
from benchmark.comparison import Comparison
from models_zoo.errors import InputError
from perf.cases import all_cases
from perf.fresh_definitions import FreshModel
from perf.page import marks
from perf.records import Conditions, Records, Row, sources_sha256
from perf.table import EFFORTS, FRESH_TOOL, TOOL, render, write_table

ROW = "digits/mlp-standard linf 0.2"
BEGIN, END = marks(TOOL)
FRESH_BEGIN, FRESH_END = marks(FRESH_TOOL)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """``command("--only", ...)``: exit code and stderr of the command, in ``tmp_path``."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\n{FRESH_BEGIN}\n{FRESH_END}\nafter\n")

    def run(*arguments):
        files = ["--out", tmp_path / "rows.jsonl", "--page", page, "--shared", tmp_path / "none"]
        words = map(str, [*files, "--threads", 1, *arguments])
        monkeypatch.setattr(sys, "argv", ["input_attack", *words])
        with pytest.raises(SystemExit) as caught:
            perf.input_attack.main()
        return caught.value.code, capsys.readouterr().err

    return run


def side(robust, seconds, **more):
    return {
        "n_robust": round(robust * 100),
        "robust_accuracy": robust,
        "seconds": seconds,
        "forwards": 2000,
        "backwards": 1000,
        "passes_per_robust_example": 3000 / (robust * 100) if robust else None,
        "model_share": 0.9,
    } | more


def ours(robust, seconds, speedup, missed=(), **more):
    found = {"only_autoattack": missed, "only_ours": (), "speedup": speedup, "fewer_passes": 2.0}
    return side(robust, seconds, **found | more)


def row(model="m", norm="linf", eps=0.1, parameters=10, reference=0.5, efforts=None, **conditions):
    """A made-up row on 100 examples."""
    usual = {
        "fingerprint": "f",
        "examples": 100,
        "data_sha256": "d",
        "device": "cpu",
        "threads": 2,
        "processor": "Made-up CPU",
        "cores": 4,
        "versions": {"torch": "9.9"},
        "sources": "0123456789abcdef",
    }
    compared = {
        "norm": norm,
        "eps": eps,
        "examples": 100,
        "clean_accuracy": 0.95,
        "seed": 0,
        "batch_size": 256,
        "device": "cpu",
        "threads": 2,
        "autoattack": side(reference, 100.0, claimed=50),
        "efforts": efforts
        or {"quick": ours(reference, 1.0, 100.0), "standard": ours(reference, 4.0, 25.0)},
    }
    return Row(
        conditions=Conditions(model=model, norm=norm, eps=eps, **usual | conditions),
        parameters=parameters,
        measured="2024-01-01T00:00:00+00:00",
        comparison=Comparison.model_validate(compared),
    )


def test_a_run_measures_keeps_and_writes_and_the_next_one_goes_on(command, tmp_path, monkeypatch):
    code, err = command("--only", ROW, "--examples", 6)
    assert code == 0, err
    assert f"{ROW}: measured" in err
    assert "its checkpoints are skipped" in err
    (found,) = Records(tmp_path / "rows.jsonl", Row).rows
    assert found.conditions.examples == found.comparison.examples == 6
    assert found.comparison.efforts["standard"].only_autoattack == ()
    assert found.parameters == 85002
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| digits/mlp-standard | linf 0.2 | 6 |" in text

    def must_not_be_called(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr(perf.input_attack, "compare_autoattack", must_not_be_called)
    before = (tmp_path / "rows.jsonl").read_bytes()
    assert f"{ROW}: kept" in command("--only", ROW, "--examples", 6)[1]
    assert (tmp_path / "rows.jsonl").read_bytes() == before
    with pytest.raises(AssertionError, match="measured again"):
        command("--only", ROW, "--examples", 7)
    monkeypatch.setattr(perf.input_attack, "_sources", lambda: "edited")
    with pytest.raises(AssertionError, match="measured again"):
        command("--only", ROW, "--examples", 6)


def test_an_interrupted_run_keeps_its_finished_rows(command, tmp_path, monkeypatch):
    calls = []

    def stopped_at_the_third(*_, norm, eps, **__):
        calls.append(eps)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return row(norm=norm, eps=eps).comparison

    monkeypatch.setattr(perf.input_attack, "compare_autoattack", stopped_at_the_third)
    code, _ = command("--only", "digits/mlp-standard linf *")
    assert code == 130
    assert [each.conditions.eps for each in Records(tmp_path / "rows.jsonl", Row).rows] == calls[:2]
    assert "old" in (tmp_path / "page.md").read_text()
    assert command("--only", "digits/mlp-standard linf *")[0] == 0
    assert sorted(each.conditions.eps for each in Records(tmp_path / "rows.jsonl", Row).rows) == [
        0.05,
        0.1,
        0.15,
        0.2,
    ]
    assert len(calls) == 5


def test_only_rendering_measures_nothing(command, tmp_path):
    Records(tmp_path / "rows.jsonl", Row).put(row("mine"))
    assert command("--render")[0] == 0
    assert "| mine | linf 0.1 | 100 |" in (tmp_path / "page.md").read_text()


def test_rows_of_fresh_models_have_tables_of_their_own_for_each_half(command, tmp_path):
    records = Records(tmp_path / "rows.jsonl", Row)
    for name in ("mine", "tuning/a", "held-out/b"):
        records.put(row(name))
    assert command("--render")[0] == 0
    text = (tmp_path / "page.md").read_text()
    ordinary = text[text.index(BEGIN) : text.index(END)]
    tuning, held_out = text[text.index(FRESH_BEGIN) : text.index(FRESH_END)].split("#### held-out")
    for section, name in ((ordinary, "mine"), (tuning, "tuning/a"), (held_out, "held-out/b")):
        lines = [line.split(" ")[1] for line in section.splitlines() if "linf 0.1 | 100 |" in line]
        assert lines == [name]
        assert "over all 1 rows" in section


def test_fresh_models_are_measured_from_the_folder_that_is_named(command, tmp_path, monkeypatch):
    small = FreshModel(
        "tuning", "small", "digits", "mlp:8", "standard", 5, {"epochs": 1}, {"linf": (0.1,)}, 100
    )
    monkeypatch.setattr(perf.fresh_models, "FRESH", (small,))
    (tmp_path / "fresh").mkdir()
    label = "tuning/small linf 0.1"
    assert f"{label}: skipped" in command("--fresh", tmp_path / "fresh", "--only", label)[1]
    perf.fresh_models.ensure_trained(small, tmp_path / "fresh", tmp_path)
    code, err = command("--fresh", tmp_path / "fresh", "--only", label, "--examples", 4)
    assert code == 0, err
    assert f"{label}: measured" in err
    assert "| tuning/small | linf 0.1 | 4 |" in (tmp_path / "page.md").read_text()


def test_a_broken_file_or_page_is_one_line(command, tmp_path):
    (tmp_path / "page.md").write_text("no marks")
    code, err = command("--render")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "lacks the lines" in err
    (tmp_path / "rows.jsonl").write_text('{"conditions": 1}\n')
    code, err = command("--render")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "line 1 is not a measurement" in err
    assert (tmp_path / "page.md").read_text() == "no marks"


def test_the_newest_row_of_a_case_replaces_the_older(tmp_path):
    records = Records(tmp_path / "rows.jsonl", Row)
    old, other, new = row(sources="old"), row(norm="l2"), row(sources="new")
    for each in (old, other, new):
        records.put(each)
    again = Records(tmp_path / "rows.jsonl", Row)
    assert again.rows == records.rows == [other, new]
    assert again.has(new.conditions)
    assert not again.has(old.conditions)


def test_the_table_and_what_follows_from_it():
    strong = {"quick": ours(0.52, 2.0, 50.0, (7, 8)), "standard": ours(0.5, 5.0, 20.0)}
    slow = {
        "quick": ours(0.2, 1.0, 200.0, only_ours=(1,)),
        "standard": ours(0.2, 10.0, 5.0, model_share=0.75),
    }
    weak = {"quick": ours(0, 1.0, 1.0), "standard": ours(0, 1.0, 1.0)}
    text = render(
        [
            row("a", efforts=strong),
            row("b", reference=0.2, efforts=slow, parameters=300_000),
            row("c", reference=0.0, efforts=weak, threads=1),
            row("d", norm="l2", eps=8 / 255),
        ]
    )
    lines = text.splitlines()
    (first,) = [line for line in lines if line.startswith("| a |")]
    assert [cell.strip() for cell in first.split("|")[1:-1]] == [
        *("a", "linf 0.1", "100", "95.00", "50.00", "52.00", "50.00", "2", "0"),
        *("100.00", "2.00", "5.00", "50.0", "20.0", "60", "58", "60", "90%", "90%"),
    ]
    table = [line.count("|") for line in lines if line.startswith("|")]
    assert table == [20] * 6 + [6] * 4  # and a table of searches for each effort, here empty
    assert "| d | l2 8/255 |" in text
    assert "- 3 rows: Made-up CPU, 4 cores, 2 threads, cpu; torch 9.9" in text
    assert "- 1 rows: Made-up CPU, 4 cores, 1 threads" in text
    # Only the two linf rows of more than 10% count: 50 and 200, 20 and 5.
    assert "`quick` is 100.0 times as fast" in text
    assert "and at least 50.0 times (a, linf 0.1)" in text
    assert "`standard` is 10.0 times as fast" in text
    assert "and at least 5.0 times (b, linf 0.1)" in text
    assert "+2.00 points (a, linf 0.1); only AutoAttack broke 2 examples, only `quick` 1." in text
    assert "    - a, linf 0.1: only AutoAttack broke 7, 8" in text
    assert "at least 75% of its time" in text


def test_what_each_search_found_and_cost_is_summed_over_the_rows():
    def search(name, attacked, broken, passes):
        return {"search": name, "attacked": attacked, "broken": broken, "passes": passes}

    first = [search("APGD", 90, 40, 900), search("Square attack", 50, 0, 100)]
    second = [search("APGD", 80, 0, 1000)]
    text = render(
        [
            row(name, efforts={e: ours(0.5, 1.0, 9.0, searches=found) for e in EFFORTS})
            for name, found in (("a", first), ("b", second))
        ]
    )
    assert text.count("| APGD | 170 | 40 | 1 | 95.0% |") == len(EFFORTS)
    assert text.count("| Square attack | 50 | 0 | 0 | 5.0% |") == len(EFFORTS)


def test_nothing_measured_is_said():
    assert render([]) == "Nothing has been measured yet.\n"


def test_the_cases_are_every_available_model_at_its_budgets(shared_data, tmp_path):
    with_shared = list(all_cases(shared_data.parent, slow=False))
    labels = [case.label for case in with_shared]
    assert len(labels) == len(set(labels))
    for name in ("resnet2b-adv", "cnn-a-adv", "resnet20-standard", "resnet56-standard"):
        budgets = [label.split(" ", 1)[1] for label in labels if f"cifar10-{name} " in label]
        assert budgets == ["linf 1/255", "linf 2/255", "linf 8/255", "l2 0.25", "l2 0.5"]
    assert {len(case.examples()) for case in with_shared if "cifar10-" in case.model} == {200}
    slow = list(all_cases(shared_data.parent, slow=True))[len(labels) :]
    assert [case.label for case in slow] == [
        "cifar10/resnet18-standard linf 8/255",
        "cifar10/resnet18-standard l2 0.5",
    ]
    alone = [case.label for case in all_cases(tmp_path, slow=True)]
    assert alone == [label for label in labels if label.startswith("digits/")]
    assert ROW in alone
    assert "digits/cnn-pgd-at l2 0.6" in alone


def test_the_hash_of_the_sources_changes_with_them(tmp_path, monkeypatch):
    before = sources_sha256()
    assert before == sources_sha256()
    (tmp_path / "a.py").write_text("x = 1\n")
    monkeypatch.setattr("perf.records.benchmark.__file__", str(tmp_path / "__init__.py"))
    first = sources_sha256()
    (tmp_path / "a.py").write_text("x = 2\n")
    assert len({before, first, sources_sha256()}) == 3


def test_the_project_s_page_can_be_written(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text((Path(__file__).parents[2] / "docs" / "performance.md").read_text("utf-8"))
    write_table(page, [row("made-up")])
    assert "| made-up |" in page.read_text("utf-8")
    with pytest.raises(InputError, match="lacks the lines"):
        write_table(tmp_path / "none.md", [])
