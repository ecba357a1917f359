"""What is left of submissions when a process is killed, or a backup is restored."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from leaderboard.store import Store
from leaderboard.store.jobs import Jobs
from leaderboard.store.submissions import Submissions
from tests.leaderboard.service.conftest import checkpoint, here, worker_here


class Killed(BaseException):
    """The end of a process: nothing after it is done."""


STEPS = [
    "leaderboard.service.checker.Checker._question",
    "leaderboard.service.checker.Checker._units",
    "leaderboard.service.quarantine.Quarantine.keep",
    "leaderboard.store.submissions.Submissions.accept",
    "leaderboard.service.quarantine.Quarantine.remove",
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_checker_that_is_killed_at_any_step_is_taken_up_once(
    make_service, content, monkeypatch, step, when
):
    service = make_service()
    number = service.submit(content)
    module, _, name = step.rpartition(".")
    package, _, owner = module.rpartition(".")
    cls = getattr(__import__(package, fromlist=[owner]), owner)
    original = getattr(cls, name)

    def killing(self, *arguments, **options):
        if when == "after":
            original(self, *arguments, **options)
        raise Killed

    monkeypatch.setattr(cls, name, killing)
    with pytest.raises(Killed):
        service.app.state.background.checker.work()
    monkeypatch.setattr(cls, name, original)
    jobs = Jobs(service.store.engine)
    for owner_name in jobs.owners():
        jobs.owner_died(owner_name, "the service was killed")

    service.app.state.background.checker.work()
    service.app.state.background.settle()
    service.app.state.intake.clean()
    status = service.status(number)
    assert status["state"] == "queued"
    states = [event["state"] for event in status["history"]]
    assert states == ["uploading", "checking", "queued"]
    units = [each for each in jobs.statuses() if each.kind == "unit"]
    assert len(units) == len(status["units"]) == 2
    assert list(service.app.state.intake.quarantine.folder.iterdir()) == []
    kept = list((service.settings.workspace / "checkpoints").iterdir())
    assert [path.read_bytes() for path in kept] == [content]


def backup(service, folder):
    """As ``docs/operating.md`` says: the database first, then the files."""
    folder.mkdir()
    with (
        closing(sqlite3.connect(service.settings.database)) as source,
        closing(sqlite3.connect(folder / "scores.sqlite")) as copy,
    ):
        source.backup(copy)
    yield
    shutil.copytree(service.settings.workspace, folder / ".nonsingular")


def test_a_backup_of_a_running_service_loses_nothing(make_service, tmp_path, content):
    """A unit runs while it is made, one file arrives and one is accepted in the middle of it."""
    (tmp_path / "live").mkdir()
    service = make_service(database=str(tmp_path / "live" / "scores.sqlite"))
    scored = service.submit(content)
    service.advance()
    half = service.create(content[:1000], name="half")
    service.ask("PUT", f"/submissions/{half}/file", content=content[:400])
    jobs = Jobs(service.store.engine)
    worker = worker_here(service.store)
    worker.work()
    running = jobs.claim("a worker of the lost machine")
    assert running is not None
    checked = service.submit(checkpoint(1), name="other")
    made = backup(service, tmp_path / "backup")
    next(made)
    service.advance()
    assert list(made) == []
    worker.close()
    service.store.engine.dispose()

    shutil.rmtree(tmp_path / "live")
    (tmp_path / "backup").rename(tmp_path / "live")
    restored = make_service(database=str(tmp_path / "live" / "scores.sqlite"))
    Jobs(restored.store.engine).owner_died("a worker of the lost machine", "it is gone")
    restored.advance()
    restored.score()
    restored.advance()
    submissions = Submissions(restored.store.engine)
    states = {each.id: each.state for each in submissions.listed()}
    assert states == {scored: "done", checked: "done", half: "uploading"}
    assert restored.app.state.intake.quarantine.size(half) == 400
    assert len(Store.open(restored.settings.database).entries()) == 2


def test_a_file_that_is_gone_is_asked_for_again(service, content):
    number = service.submit(content)
    service.app.state.intake.quarantine.remove(number)
    service.advance()
    status = service.status(number)
    assert (status["state"], status["reason"]) == ("refused", "the service has lost the file")


def test_a_file_that_was_changed_in_the_quarantine_is_not_kept(service, content):
    def changing(request, files):
        found = here(request, files)
        files["checkpoint"].write_bytes(checkpoint(2))
        return found

    service.app.state.background.checker.inspect = changing
    number = service.submit(content)
    service.advance()
    assert service.status(number)["state"] == "failed"
    assert not (service.settings.workspace / "checkpoints").exists() or not list(
        (service.settings.workspace / "checkpoints").iterdir()
    )


def test_images_that_the_operator_has_lost_are_no_fault_of_the_submitter(make_service, tmp_path):
    """It is the operator who can do something, and have the checks made again."""
    service = make_service(data={"digits": tmp_path / "gone.npz"})
    number = service.submit(checkpoint())
    service.advance()
    status = service.status(number)
    assert (status["state"], status["verdict"]) == ("failed", None)
    (job,) = Jobs(service.store.engine).statuses(state="failed")
    assert "gone.npz" in str(job.error)
    assert [path.name for path in service.app.state.intake.quarantine.folder.iterdir()] == [number]


def test_of_two_submitters_with_one_name_the_first_that_is_accepted_has_it(service, content):
    first = service.create(content)
    second = service.create(checkpoint(1), service.other)
    for number, sent, token in ((second, checkpoint(1), service.other), (first, content, None)):
        service.ask("PUT", f"/submissions/{number}/file", token, content=sent)
    service.advance()
    found = {service.status(number)["state"] for number in (first, second)}
    assert found == {"queued", "refused"}
    third = service.ask(
        "POST",
        "/submissions",
        service.maintainer,
        json={"description": {"name": "mine", "dataset": "digits"}, "file_name": "x", "size": 1},
    )
    assert (third.status_code, third.json()["id"]) == (422, "name-taken")


def test_a_site_that_could_not_be_rendered_is_tried_again(service):
    renderer = service.app.state.renderer
    render, renderer._render = renderer._render, lambda: 1 / 0
    assert not renderer.work()
    renderer._render = render
    assert renderer.work()
    assert not renderer.work()
