"""Jobs are taken once, in order, and never lost; who lost a job changes nothing any more."""

import threading

import pytest

from leaderboard.store import Store
from leaderboard.store.contact import Contact
from leaderboard.store.job import LeaseLostError, NewJob
from leaderboard.store.jobs import Jobs


@pytest.fixture
def jobs(store):
    return Jobs(store.engine)


def new(key, **options):
    return NewJob(key=key, title=f"job {key}", payload={"it": key}, **options)


def state(jobs, number):
    (status,) = jobs.statuses([number])
    return status


def test_jobs_are_taken_in_order_and_each_once(jobs):
    numbers = jobs.add([new("b", priority=2), new("a", priority=1), new("c", priority=2)])
    taken = [jobs.claim("me") for _ in range(4)]
    assert [lease and lease.key for lease in taken] == ["a", "b", "c", None]
    assert taken[0].payload == {"it": "a"}
    assert {state(jobs, number).state for number in numbers.values()} == {"running"}
    for lease in taken[:3]:
        jobs.finish(lease)
    assert not jobs.any_open()
    assert [each.progress for each in jobs.statuses()] == [1, 1, 1]


def test_a_worker_takes_the_jobs_of_its_model_first(jobs):
    jobs.add([new("a", model="m", priority=0), new("b", model="n", priority=1)])
    jobs.add([new("c", model="n", priority=2)])
    assert jobs.claim("me", model="n").key == "b"
    assert jobs.claim("me", model="n").key == "c"
    assert jobs.claim("me", model="n").key == "a"


def test_only_the_jobs_asked_for_are_taken(jobs):
    numbers = jobs.add([new(str(i)) for i in range(5)])
    assert jobs.claim("me", numbers=[numbers["3"]]).key == "3"
    assert jobs.claim("me", numbers=[numbers["3"]]) is None
    assert jobs.claim("me", numbers=[]) is None
    assert jobs.claim("me", kind="submission") is None
    assert jobs.claim("me").key == "0"


def test_a_job_with_the_same_key_is_joined_while_it_is_open_and_waits_again_after(jobs):
    (number,) = jobs.add([new("a"), new("a")]).values()
    lease = jobs.claim("me")
    assert jobs.add([new("a", priority=7)]) == {"a": number}
    assert jobs.claim("other") is None, "it runs already"
    jobs.finish(lease)
    assert jobs.add([new("a")]) == {"a": number}
    assert jobs.claim("me").attempt == 1


def test_a_worker_that_lost_its_job_changes_nothing(jobs):
    jobs.add([new("a")])
    hurried = Jobs(jobs._engine, lease_seconds=-1)
    lost = hurried.claim("slow")
    mine = hurried.claim("quick")
    assert lost is not None
    assert mine is not None
    assert mine.number == lost.number
    for write in (
        lambda: jobs.finish(lost),
        lambda: jobs.extend(lost, 0.5),
        lambda: jobs.fail(lost, "too late"),
    ):
        with pytest.raises(LeaseLostError):
            write()
    jobs.release(lost)
    assert (state(jobs, mine.number).state, state(jobs, mine.number).owner) == ("running", "quick")
    jobs.extend(mine, 0.5)
    assert state(jobs, mine.number).progress == 0.5
    jobs.finish(mine)
    assert state(jobs, mine.number).error is None


class Clock:
    """A clock that a test sets, in place of the one of a process."""

    now = 1000.0

    def __call__(self):
        return self.now


def test_leases_that_expired_while_the_database_was_away_are_no_deaths(jobs):
    (number,) = jobs.add([new("a")]).values()
    lease = Jobs(jobs._engine, lease_seconds=-1).claim("cannot extend")
    clock, others = Clock(), Jobs(jobs._engine, lease_seconds=20.0)
    others._contact = Contact(20.0, clock)
    others._contact.made()
    clock.now += 30.0  # in which no process reached the database
    assert others.claim("first to be back") is None
    assert state(jobs, number).deaths == 0
    jobs.extend(lease, 0.5)
    clock.now += 25.0
    others._contact.made()
    assert state(jobs, number).state == "running"


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_who_is_not_heard_of_for_a_lease_after_the_database_is_back_has_died(jobs):
    (number,) = jobs.add([new("a")]).values()
    Jobs(jobs._engine, lease_seconds=-1).claim("dead")
    clock, others = Clock(), Jobs(jobs._engine, lease_seconds=20.0)
    others._contact = Contact(20.0, clock)
    others._contact.made()
    for seconds, found in ((30.0, False), (8.0, False), (8.0, False), (8.0, True)):
        clock.now += seconds
        assert (others.claim("alive") is not None) is found
    assert state(jobs, number).deaths == 1


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_a_server_that_was_just_started_has_made_nobody_late(jobs):
    jobs.add([new("a")])
    Jobs(jobs._engine, lease_seconds=-1).claim("cannot extend")
    assert Jobs(jobs._engine, lease_seconds=1e6).claim("newcomer") is None
    assert Jobs(jobs._engine, lease_seconds=0.0).claim("newcomer, long after") is not None


def test_what_fails_three_times_has_failed_with_its_last_reason(jobs):
    (number,) = jobs.add([new("a")]).values()
    states = [jobs.fail(jobs.claim("me"), f"reason {i}") for i in range(3)]
    assert states == ["queued", "queued", "failed"]
    assert jobs.claim("me") is None
    assert (state(jobs, number).error, state(jobs, number).attempts) == ("reason 2", 3)
    assert jobs.retry([number]) == 1
    assert state(jobs, number).error is None
    assert jobs.claim("me").attempt == 1


def test_the_number_of_a_deleted_job_is_not_given_to_another(jobs):
    before = jobs.add([new("a"), new("b")])
    jobs.forget(before.values(), states=("queued",))
    assert not {*before.values()} & {*jobs.add([new("c"), new("d")]).values()}


def test_what_cannot_succeed_is_not_tried_again(jobs):
    jobs.add([new("a")])
    assert jobs.fail(jobs.claim("me"), "no such file", again=False) == "failed"


def test_a_job_that_kills_its_worker_twice_has_failed(jobs):
    (number,) = jobs.add([new("a")]).values()
    jobs.claim("first")
    jobs.owner_died("somebody else", "its worker was killed")
    assert state(jobs, number).state == "running"
    jobs.owner_died("first", "its worker was killed by SIGKILL")
    assert state(jobs, number).state == "queued"
    jobs.claim("second")
    jobs.owner_died("second", "its worker was killed by SIGKILL")
    assert (state(jobs, number).state, state(jobs, number).deaths) == ("failed", 2)
    assert state(jobs, number).error == "its worker was killed by SIGKILL"


def test_what_is_given_back_on_purpose_does_not_count(jobs):
    jobs.add([new("a")])
    for _ in range(5):
        jobs.release(jobs.claim("me"))
        jobs.claim("me")
        jobs.release_owner("me")
    assert jobs.claim("me").attempt == 1


def test_a_cancelled_job_is_lost_to_its_worker_and_can_be_retried(jobs):
    first, second = jobs.add([new("a"), new("b")]).values()
    lease = jobs.claim("me")
    assert jobs.cancel([first, second]) == 2
    with pytest.raises(LeaseLostError):
        jobs.extend(lease, 0.1)
    assert jobs.claim("me") is None
    assert jobs.retry([first, second]) == 2
    assert jobs.claim("me").key == "a"


def test_many_numbers_are_one_variable(jobs):
    numbers = jobs.add([new(str(i)) for i in range(1200)])
    assert len(jobs.statuses(range(100_000))) == 1200
    assert jobs.claim("me", numbers=range(1000, 2_000_000, 7)) is not None
    jobs.forget(numbers.values(), states=("queued",))
    assert [each.state for each in jobs.statuses()] == ["running"]


def test_several_workers_at_once_take_each_job_exactly_once(new_database):
    path, count = new_database(), 60
    Jobs(Store.open(path).engine).add([new(str(i)) for i in range(count)])
    taken, failures = [], []

    def work():
        try:
            jobs = Jobs(Store.open(path).engine)
            while (lease := jobs.claim(threading.current_thread().name)) is not None:
                taken.append(lease.key)
                jobs.finish(lease)
            jobs._engine.dispose()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(taken, key=int) == [str(i) for i in range(count)]
