"""Every change of a submission happens once, with the jobs that follow, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from leaderboard.store.job import LeaseLostError, NewJob
from leaderboard.store.jobs import Jobs
from leaderboard.store.submission import UnitStatus, state_of_units
from leaderboard.store.submissions import NewSubmission, Submissions, WrongStateError
from leaderboard.store.tokens import Tokens

VERDICT = {"findings": [], "facts": {"format": "safetensors"}}


@pytest.fixture
def submissions(store):
    return Submissions(store.engine)


@pytest.fixture
def jobs(store):
    return Jobs(store.engine)


def arrived(submissions, **given):
    number = submissions.create(NewSubmission({"name": "mine"}, "mine.pt", **given))
    submissions.complete(number, 10, "a" * 64)
    return number


def units(*keys):
    return [NewJob(key, f"unit {key}", {"key": key}, model="f" * 64, cost=1.0) for key in keys]


def accepted(submissions, jobs, number, *keys, waits=False):
    lease = jobs.claim("checker", kind="check")
    assert lease.payload == {"submission": number}
    submissions.accept(
        number, units(*keys), "f" * 64, lease, VERDICT, isolation="none", waits=waits
    )


def end(jobs, count=1, error=None):
    for _ in range(count):
        lease = jobs.claim("worker")
        if error is None:
            jobs.finish(lease)
        else:
            jobs.fail(lease, error, again=False)


def states(submissions, number):
    return [event.state for event in submissions.history(number)]


def test_a_submission_is_done_when_all_its_units_are(submissions, jobs):
    number = arrived(submissions)
    accepted(submissions, jobs, number, "one", "two")
    assert submissions.settle() == []
    assert submissions.get(number).state == "queued"
    end(jobs)
    assert submissions.settle() == []
    assert submissions.get(number).state == "running"
    jobs.forget([each.number for each in jobs.statuses(state="done")])
    end(jobs)
    assert submissions.settle() == [number]
    assert submissions.settle() == []
    assert submissions.get(number).state == "done"
    expected = ["uploading", "checking", "queued", "running", "done"]
    assert states(submissions, number) == expected


def test_a_submission_fails_with_a_unit_when_none_is_open_and_goes_on_with_it(submissions, jobs):
    number = arrived(submissions)
    accepted(submissions, jobs, number, "one", "two")
    end(jobs, error="ZeroDivisionError: in a file of ours")
    submissions.settle()
    assert submissions.get(number).state == "queued"
    end(jobs)
    assert submissions.settle() == [number]
    found = submissions.get(number)
    assert (found.state, found.reason) == ("failed", "unit one failed")
    jobs.retry([each.number for each in jobs.statuses(state="failed")])
    submissions.settle()
    assert submissions.get(number).state == "running"
    end(jobs)
    assert submissions.settle() == [number]
    assert submissions.get(number).reason is None


def test_a_submission_whose_units_are_all_stored_is_done_at_once(submissions, jobs):
    number = arrived(submissions)
    accepted(submissions, jobs, number)
    assert submissions.settle() == [number]
    assert submissions.get(number).state == "done"


def test_nothing_is_scored_before_a_maintainer_approves(submissions, jobs, store):
    token = Tokens(store.engine).create("M", "maintainer").split("_")[1]
    number = arrived(submissions)
    accepted(submissions, jobs, number, "one", waits=True)
    submissions.settle()
    assert submissions.get(number).state == "waiting"
    assert jobs.claim("worker") is None
    submissions.approve(number, token)
    with pytest.raises(WrongStateError, match="is queued"):
        submissions.approve(number, token)
    end(jobs)
    assert submissions.settle() == [number]
    assert [event.token for event in submissions.history(number)][3] == token


def test_a_maintainer_can_refuse_what_waits_and_nothing_else(submissions, jobs):
    number = arrived(submissions)
    with pytest.raises(WrongStateError, match="is checking"):
        submissions.refuse(number, "no")
    accepted(submissions, jobs, number, "one", waits=True)
    submissions.refuse(number, "not a classifier")
    assert submissions.get(number).reason == "not a classifier"
    assert jobs.claim("worker") is None


def test_what_is_withdrawn_is_not_scored_unless_another_needs_it(submissions, jobs):
    first = arrived(submissions)
    accepted(submissions, jobs, first, "shared", "own")
    second = arrived(submissions)
    accepted(submissions, jobs, second, "shared")
    submissions.withdraw(first)
    found = {each.key: each.state for each in jobs.statuses() if each.kind == "unit"}
    assert found == {"shared": "queued", "own": "cancelled"}
    end(jobs)
    assert submissions.settle() == [second]
    assert submissions.get(first).state == "withdrawn"
    with pytest.raises(WrongStateError, match="is withdrawn"):
        submissions.withdraw(first)


def test_a_verdict_that_comes_too_late_changes_nothing(submissions, jobs):
    number = arrived(submissions)
    lease = jobs.claim("checker", kind="check")
    submissions.withdraw(number)
    with pytest.raises(LeaseLostError):
        submissions.refuse(number, "no", lease=lease, verdict=VERDICT)
    assert submissions.get(number).state == "withdrawn"
    assert submissions.get(number).verdict is None
    submissions.settle()
    assert states(submissions, number) == ["uploading", "checking", "withdrawn"]


def test_a_checker_that_dies_leaves_the_file_to_the_next(submissions, jobs):
    number = arrived(submissions)
    for _ in range(5):
        jobs.claim("checker", kind="check")
        jobs.owner_died("checker", "the service was killed")
        submissions.settle()
    assert submissions.get(number).state == "checking"
    accepted(submissions, jobs, number, "one")


def test_deaths_of_workers_do_not_fail_what_runs_in_the_sandbox(jobs, monkeypatch):
    """The child ends instead, if it needs too much; but a machine that cannot run it gives up."""
    jobs.add([NewJob("isolated", "one", {"sandboxed": True}), NewJob("plain", "two", {})])
    monkeypatch.setattr("leaderboard.store.jobs.MAX_ISOLATED_DEATHS", 5)
    for death in range(1, 6):
        while jobs.claim("worker") is not None:
            pass
        jobs.owner_died("worker", "its worker was killed")
        found = {each.key: (each.state, each.attempts) for each in jobs.statuses()}
        assert found["isolated"] == ("queued" if death < 5 else "failed", 0)
        assert found["plain"][0] == ("queued" if death < 2 else "failed")


def test_a_check_that_fails_for_good_fails_the_submission(submissions, jobs):
    number = arrived(submissions)
    jobs.fail(jobs.claim("checker", kind="check"), "Traceback", again=False)
    assert submissions.settle() == [number]
    assert submissions.get(number).reason == "the checks could not be made"
    jobs.retry([each.number for each in jobs.statuses(state="failed")])
    submissions.settle()
    assert submissions.get(number).state == "checking"
    accepted(submissions, jobs, number, "one")
    assert submissions.get(number).reason is None


def test_two_maintainers_at_once_approve_once(submissions, jobs):
    number = arrived(submissions)
    accepted(submissions, jobs, number, "one", waits=True)

    def approve(_):
        try:
            submissions.approve(number)
        except WrongStateError:
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(approve, range(4))) == 1
    assert states(submissions, number).count("queued") == 1


def test_the_place_in_the_queue_counts_what_is_taken_first(submissions, jobs):
    first, second = arrived(submissions), arrived(submissions)
    assert submissions.ahead(submissions.get(second)) == 1
    accepted(submissions, jobs, first, "one", "two")
    accepted(submissions, jobs, second, "three")
    assert submissions.ahead(submissions.get(first)) == 0
    assert submissions.ahead(submissions.get(second)) == 2
    end(jobs, 2)
    assert submissions.ahead(submissions.get(second)) == 0


def test_only_an_identifier_finds_a_submission(submissions):
    number = arrived(submissions)
    assert submissions.get(number).id == number
    for text in ("", number[:-1], number.upper(), "\x00" * 32, "%" * 32, number + "'"):
        assert submissions.get(text) is None or text == number


def test_bytes_of_the_last_day_are_counted_per_token(submissions, store):
    tokens = [Tokens(store.engine).create(name).split("_")[1] for name in "ab"]
    for size in (5, 7):
        submissions.create(NewSubmission({}, "x", tokens[0], expected_bytes=size))
    submissions.create(NewSubmission({}, "x", tokens[1], expected_bytes=100))
    assert submissions.bytes_since(tokens[0], 60) == 12
    assert submissions.bytes_since(tokens[0], -60) == 0
    assert len(submissions.listed(token=tokens[0])) == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "done"),
        (["queued", "queued"], "queued"),
        (["queued", "done"], "running"),
        (["running", "failed"], "running"),
        (["queued", "failed"], "queued"),
        (["done", "cancelled"], "failed"),
        (["done", "done"], "done"),
    ],
)
def test_the_state_follows_from_the_units(given, expected):
    assert state_of_units([UnitStatus("k", "t", state, 0, 1) for state in given]) == expected
