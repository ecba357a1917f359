"""From an upload to a row on the served site, with everything in between."""

from __future__ import annotations

import sqlite3
from contextlib import closing


def test_an_upload_is_checked_scored_and_on_the_served_site(service, content):
    assert service.client.get("/").status_code == 404  # it is not rendered yet
    service.advance()
    assert "mine" not in service.client.get("/").text
    number = service.submit(content, notes="Sent over HTTP.")
    assert service.status(number)["state"] == "checking"
    assert [path.name for path in service.app.state.intake.quarantine.folder.iterdir()] == [number]

    service.advance()
    status = service.status(number)
    assert (status["state"], status["progress"], status["ahead"]) == ("queued", 0.0, 0)
    assert status["verdict"]["findings"] == []
    assert [unit["state"] for unit in status["units"]] == ["queued", "queued"]
    assert list(service.app.state.intake.quarantine.folder.iterdir()) == []

    service.score()
    service.advance()
    status = service.status(number)
    assert (status["state"], status["progress"]) == ("done", 1.0)
    states = [event["state"] for event in status["history"]]
    assert states == ["uploading", "checking", "queued", "done"]
    page = service.client.get("/")
    assert page.status_code == 200
    assert "mine" in page.text
    assert "submitted" in page.text
    model = service.client.get("/models/mine/")
    assert "Sent over HTTP." in model.text
    assert "MIT" in model.text


def test_a_refused_file_leaves_nothing_but_its_verdict(service):
    number = service.submit(b"\x80\x04not a checkpoint")
    service.advance()
    status = service.status(number)
    assert status["state"] == "refused"
    (finding, *_) = [
        each for each in status["verdict"]["findings"] if each["severity"] == "refused"
    ]
    assert finding["fix"]
    assert finding["saw"] in status["reason"]
    assert list(service.app.state.intake.quarantine.folder.iterdir()) == []
    assert not service.settings.workspace.joinpath("checkpoints").exists()
    assert service.store.names() == {}


def test_nothing_private_is_published(service, content, tmp_path):
    number = service.submit(content)
    service.advance()
    service.score()
    service.advance()
    assert service.status(number)["state"] == "done"
    secret = service.submitter.rpartition("_")[2]
    published = [path for path in service.settings.site.rglob("*") if path.is_file()]
    assert len(published) > 20
    for path in published:
        found = path.read_bytes()
        for private in (b"ada@example.org", secret.encode(), service.submitter.encode(), b"nst_"):
            assert private not in found, path
    with closing(sqlite3.connect(service.settings.site / "nonsingular.sqlite")) as copy:
        for table in ("tokens", "submissions", "submission_events", "jobs"):
            assert copy.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    stored = (tmp_path / "scores.sqlite").read_bytes()
    assert secret.encode() not in stored
