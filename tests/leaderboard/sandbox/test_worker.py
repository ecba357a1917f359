"""Requests and answers: one after another to one child, which is replaced after a failure."""

from __future__ import annotations

import pytest

from leaderboard.sandbox import Crashed, Failed, Level, SandboxedWorker
from models_zoo.errors import InputError
from tests.leaderboard.sandbox.conftest import SMALL


@pytest.fixture
def worker():
    """A worker whose child has isolated itself least, which is quickest."""
    with SandboxedWorker(
        files={}, limits=SMALL, level=Level.LIMITS, packages=("sandbox_programs",)
    ) as opened:
        yield opened


def test_a_function_is_given_its_request_and_files_and_sends_lines(level, run):
    lines: list[dict] = []
    found = run("echo", level, on_line=lines.append, lines=3, text="\u2028\udc80 ü", number=0.1)
    assert found["request"] == {"lines": 3, "text": "\u2028\udc80 ü", "number": 0.1}
    assert found["texts"] == {"file": "content"}
    assert found["names"] == {"file": "a file's name.txt"}
    assert lines == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_numbers_that_json_does_not_have_come_back_as_they_were(run):
    given = {"inf": float("inf"), "tiny": 5e-324, "third": 1 / 3}
    assert run("echo", Level.LIMITS, **given)["request"] == given


def test_unusable_input_is_refused_with_the_same_text_made_printable(level, run):
    with pytest.raises(InputError) as told:
        run("refuse", level, text="the file has \x1b[31m; give another")
    assert str(told.value) == "the file has \\x1b[31m; give another"


def test_another_exception_is_told_in_a_line_and_with_its_traceback(level, run):
    with pytest.raises(Failed) as told:
        run("fail", level)
    assert str(told.value) == "KeyError: 'a \\x1b[31m name'"
    assert "in fail" in told.value.traceback


def test_a_file_that_is_missing_is_refused_before_anything_is_started(tmp_path):
    with (
        SandboxedWorker(files={"file": tmp_path / "none"}, limits=SMALL) as worker,
        pytest.raises(InputError, match=r"cannot read .*none: No such file"),
    ):
        worker.call("sandbox_programs:echo", {})


def test_requests_go_to_one_child_which_keeps_its_state(worker):
    answers = [worker.call("sandbox_programs:count", {}) for _ in range(2)]
    with pytest.raises(InputError):
        worker.call("sandbox_programs:refuse", {"text": "no"})
    answers.append(worker.call("sandbox_programs:count", {}))
    assert [answer["calls"] for answer in answers] == [1, 2, 3]
    assert len({answer["pid"] for answer in answers}) == 1


def test_after_a_crash_the_next_request_starts_another_child(worker):
    first = worker.call("sandbox_programs:count", {})
    with pytest.raises(Crashed):
        worker.call("sandbox_programs:crash", {"exit": 1})
    second = worker.call("sandbox_programs:count", {})
    assert (first["calls"], second["calls"]) == (1, 1)
    assert first["pid"] != second["pid"]


@pytest.mark.parametrize("where", ["on_line", "on_wait"])
def test_what_the_caller_raises_ends_the_child(worker, where):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker.call("sandbox_programs:announce", {}, **{where: stop})
    assert worker._conversation is None


def test_a_level_that_the_machine_lacks_is_refused(monkeypatch):
    from leaderboard.sandbox import level

    monkeypatch.setattr(level, "_found", {Level.BUBBLEWRAP: "it is not installed"})
    with pytest.raises(InputError, match="'bubblewrap' cannot be used here: it is not installed"):
        SandboxedWorker(files={}, limits=SMALL, level=Level.BUBBLEWRAP)
