"""Progress on the terminal, in a notebook and by callback."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from benchmark import attack_inputs, evaluate
from benchmark.datasets import load_dataset
from benchmark.progress_display import INTERVAL, showing


@pytest.fixture
def notebook(monkeypatch) -> list[dict[str, str]]:
    """A kernel as IPython presents it; returns what is displayed, in order."""
    shown: list[dict[str, str]] = []

    def display(content, *, raw, display_id):
        assert raw
        assert display_id
        shown.append(content)
        return SimpleNamespace(update=lambda content, raw: shown.append(content))

    core, getipython = ModuleType("IPython.core"), ModuleType("IPython.core.getipython")
    getipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    ipython = ModuleType("IPython")
    ipython.display = SimpleNamespace(display=display)  # type: ignore[attr-defined]
    for name, each in {
        "IPython": ipython,
        "IPython.core": core,
        "IPython.core.getipython": getipython,
    }.items():
        monkeypatch.setitem(sys.modules, name, each)
    return shown


def test_a_function_is_called_with_every_text():
    texts: list[str] = []
    with showing(texts.append, "attack") as display:
        display.say("one")
        display.at(0.5, 12.0)
        display.say("two")
    assert texts == ["one", "two"]


@pytest.mark.parametrize("progress", [False, None])
def test_nothing_is_shown_unless_asked_for(progress, capsys):
    with showing(progress, "attack") as display:
        display.say("one")
        display.at(0.5, 12.0)
    assert capsys.readouterr() == ("", "")


def test_the_terminal_shows_parts_and_the_last_text_verbatim(capsys):
    with showing(True, "digits-v1") as display:
        display.at(0.5, 12.0)
        display.say("[red]one[/red]")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "digits-v1" in printed.err
    assert "50%" in printed.err
    assert "12 s left" in printed.err
    assert "[red]one[/red]" in printed.err


def test_a_notebook_shows_one_line_that_is_updated_and_escaped(notebook, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("benchmark.progress_display.time.monotonic", lambda: next(clock))
    with showing(True, "<b>&") as display:
        display.say("<script>")
        display.at(0.5, 12.0)
    assert len(notebook) >= 4
    assert all("<script>" not in each["text/html"] for each in notebook)
    assert any("&lt;script&gt;" in each["text/html"] for each in notebook)
    assert "50%" in notebook[-1]["text/plain"]
    assert any("12 s left" in each["text/plain"] for each in notebook)
    assert "&lt;b&gt;&amp;" in notebook[-1]["text/html"]


def test_a_notebook_is_updated_at_most_five_times_a_second(notebook, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("benchmark.progress_display.time.monotonic", lambda: now[0])
    with showing(True, "attack") as display:
        for _ in range(1000):
            now[0] += 0.001
            display.say("step")
    assert len(notebook) <= 2 + 1 / INTERVAL


def test_evaluations_and_attacks_report_through_it(zoo, capsys, notebook):
    model, data = zoo("digits/mlp-standard"), load_dataset("digits").head(4)
    evaluate(model, data, probes=["clean"], progress=True)
    assert "100%" in notebook[-1]["text/plain"]
    before = len(notebook)
    attack_inputs(model, data, eps=0.1, effort="quick", progress=True)
    assert len(notebook) > before
    assert "linf 0.1" in notebook[-1]["text/plain"]
    texts: list[str] = []
    evaluate(model, data, probes=["clean"], progress=texts.append)
    assert texts


def test_a_bar_of_work_whose_share_is_unknown_states_none(capsys):
    with showing(True, "linf 0.1") as display:
        display.say("one")
    printed = capsys.readouterr().err
    assert "linf 0.1" in printed
    assert "%" not in printed
