"""One line per model that is scored, in a terminal and in a log."""

import io

import pytest
from rich.console import Console

from benchmark.progress import Step, TimeLeft
from benchmark.results import Cost, ProbeResult
from leaderboard.terminal import model_lines
from leaderboard.terminal.model_lines import ModelLines, clock_time, time_left


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def lines(monkeypatch):
    """``lines(terminal, names, stored)``: the lines, what they print, and their clock."""
    clock = Clock()
    monkeypatch.setattr(model_lines, "TimeLeft", lambda: TimeLeft(clock))

    def make(terminal, names, stored):
        out = io.StringIO()
        monkeypatch.setattr(
            model_lines,
            "console",
            lambda **_: Console(file=out, force_terminal=terminal, width=100, color_system=None),
        )
        return ModelLines(names, stored), out, clock

    return make


def result(probe, seconds, **changes):
    return ProbeResult(probe=probe, scores={}, cost=Cost(seconds=seconds), **changes)


def test_a_log_has_a_line_per_finished_probe_with_the_time_left(lines):
    shown, out, clock = lines(False, ["some/net", "other"], [False, False])
    with shown:
        shown.progressed(0, Step("clean", 0.0))
        shown.answered(0, result("clean", 0.04))
        clock.now = 100.0
        shown.progressed(0, Step("input", 0.4))
        shown.answered(0, result("input", 99.96))
        shown.answered(0, result("weight", 0.0, left_out="no weights"))
        clock.now = 250.0
        shown.progressed(0, Step("joint", 1.0))
        shown.answered(0, result("joint", 150.0))
    assert out.getvalue().split("\n")[:4] == [
        "some/net: Clean took 0.0 s",
        "some/net: Input attack took 100.0 s, about 2 min left",
        "some/net: Weight attack is left out, about 2 min left",
        "some/net: Joint attack took 150.0 s",
    ]


def test_a_terminal_has_one_line_per_model_with_its_probe_and_its_times(lines):
    shown, out, clock = lines(True, ["some/net", "other", "third"], [False, True, False])
    with shown:
        shown.progressed(0, Step("clean", 0.0))
        clock.now = 65.0
        shown.progressed(0, Step("input", 0.25))
        shown.answered(0, result("input", 65.0))
        shown._bars.refresh()
    first, second, third = out.getvalue().removesuffix("\n\x1b[?25h").split("\n")[-3:]
    assert "took" not in out.getvalue()
    for text in ("some/net", "25%", "Input attack", "1:05, about 3 min left"):
        assert text in first
    for text in ("other", "100%", "stored"):
        assert text in second
    for text in ("third", "0%", "waiting"):
        assert text in third
    assert "left" not in second + third


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0, ""),
        (3.0, "a few seconds left"),
        (22.0, "about 20 s left"),
        (57.6, "about 1 min left"),
        (100.0, "about 2 min left"),
        (5399.0, "about 90 min left"),
        (9000.0, "about 2.5 h left"),
    ],
)
def test_a_time_left_is_as_precise_as_it_can_be(seconds, text):
    assert time_left(seconds) == text


def test_a_duration_is_that_of_a_clock():
    assert [clock_time(each) for each in (0, 65.9, 3600)] == ["0:00", "1:05", "1:00:00"]
