"""Files arrive as a stream: counted, cut off, resumed, and never under a name of the submitter."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import replace

import pytest

from leaderboard.service.settings import Bounds

SMALL = replace(Bounds(), upload=1000, disk_reserve=0)


def put(service, number, content, offset=0, **options):
    headers = {"Upload-Offset": str(offset)} | options.pop("headers", {})
    path = f"/submissions/{number}/file"
    return service.ask("PUT", path, content=content, headers=headers, **options)


def offset_of(service, number):
    answer = service.ask("HEAD", f"/submissions/{number}/file")
    assert answer.status_code == 204
    return int(answer.headers["upload-offset"]), int(answer.headers["upload-length"])


def test_an_upload_goes_on_where_it_stopped(service):
    content = bytes(range(256)) * 8
    number = service.create(content)
    assert offset_of(service, number) == (0, 2048)
    assert put(service, number, content[:500]).json() == {"offset": 500, "complete": False}
    assert offset_of(service, number) == (500, 2048)
    wrong = put(service, number, content[600:], 600)
    assert (wrong.status_code, wrong.json()["id"]) == (409, "wrong-offset")
    assert wrong.headers["upload-offset"] == "500"
    assert put(service, number, content[400:1000], 400).json() == {
        "offset": 1000,
        "complete": False,
    }
    assert put(service, number, content[1000:], 1000).json() == {"offset": 2048, "complete": True}
    status = service.status(number)
    assert status["state"] == "checking"
    assert status["sha256"] == hashlib.sha256(content).hexdigest()
    again = put(service, number, content)
    assert (again.status_code, again.json()["id"]) == (409, "wrong-state")


def test_a_file_that_was_changed_on_its_way_is_sent_again(service):
    content = b"a" * 100
    number = service.create(content)
    wrong = put(service, number, b"b" * 100)
    assert (wrong.status_code, wrong.json()["id"]) == (422, "wrong-hash")
    assert service.status(number)["state"] == "uploading"
    assert offset_of(service, number) == (0, 100)
    assert put(service, number, content).json()["complete"]


def test_a_file_is_private_and_named_by_the_identifier_alone(service):
    name = "../../evil\x00.safetensors"
    body = {"description": {"name": "mine", "dataset": "digits"}, "file_name": name, "size": 5}
    number = service.ask("POST", "/submissions", json=body).json()["id"]
    put(service, number, b"abc")
    quarantine = service.app.state.intake.quarantine
    (file,) = quarantine.folder.iterdir()
    assert file.name == number
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(quarantine.folder.stat().st_mode) == 0o700
    assert service.status(number)["file_name"].isprintable()


@pytest.mark.parametrize("size", [1001, 10**15])
def test_a_file_that_is_too_large_is_refused_before_it_is_sent(make_service, size):
    service = make_service(bounds=SMALL)
    body = {"description": {"name": "mine", "dataset": "digits"}, "file_name": "x", "size": size}
    answer = service.ask("POST", "/submissions", json=body)
    assert (answer.status_code, answer.json()["id"]) == (413, "too-large")


def test_more_than_was_announced_is_cut_off(service):
    number = service.create(b"a" * 10)
    answer = put(service, number, b"a" * 11)
    assert (answer.status_code, answer.json()["id"]) == (413, "too-large")
    # A length that is a lie: the bytes are counted as they arrive.
    lying = {"Content-Length": "5"}
    answer = put(service, number, b"a" * 500, headers=lying)
    assert (answer.status_code, answer.json()["id"]) == (413, "too-large")
    assert offset_of(service, number) == (0, 10)


@pytest.mark.parametrize(
    ("headers", "status", "problem"),
    [
        ({"Transfer-Encoding": "chunked"}, 411, "length-required"),
        ({"Content-Length": "many"}, 400, "bad-length"),
        ({"Content-Length": "99999999999999999999999"}, 413, "too-large"),
    ],
)
def test_a_body_of_unknown_or_impossible_length_is_refused(service, headers, status, problem):
    for path in ("/submissions", f"/submissions/{'0' * 32}/approve"):
        answer = service.ask("POST", path, content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["id"]) == (status, problem)
        assert answer.headers["content-type"] == "application/problem+json"


def test_other_bodies_are_small(service):
    body = {"description": {"notes": "x" * 70_000}}
    answer = service.ask("POST", "/submissions", json=body)
    assert (answer.status_code, answer.json()["id"]) == (413, "too-large")


def test_a_full_disk_and_a_full_day_are_said(make_service):
    full = make_service(bounds=replace(SMALL, disk_reserve=10**18))
    body = {"description": {"name": "mine", "dataset": "digits"}, "file_name": "x", "size": 600}
    answer = full.ask("POST", "/submissions", json=body)
    assert (answer.status_code, answer.json()["id"]) == (507, "disk-full")
    daily = make_service(bounds=replace(SMALL, bytes_per_day=1000))
    assert daily.ask("POST", "/submissions", json=body).status_code == 201
    answer = daily.ask("POST", "/submissions", json=body)
    assert (answer.status_code, answer.json()["id"]) == (429, "too-many")
    assert int(answer.headers["retry-after"]) > 0
    assert daily.ask("POST", "/submissions", daily.other, json=body).status_code == 201


def test_requests_are_limited_by_address_and_by_token(make_service):
    service = make_service(bounds=replace(SMALL, token_requests=3))
    answers = [service.ask("GET", "/submissions").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert service.ask("GET", "/submissions", service.other).status_code == 200
    service = make_service(bounds=replace(SMALL, requests=3))
    answers = [service.client.get("/api/v1/health") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) <= 60


def test_an_upload_that_is_not_finished_is_given_up(make_service):
    service = make_service(bounds=replace(SMALL, unfinished=0.0))
    number = service.create(b"a" * 10)
    put(service, number, b"a")
    service.advance()
    status = service.status(number)
    assert (status["state"], status["reason"]) == ("withdrawn", "the upload was not finished")
    assert list(service.app.state.intake.quarantine.folder.iterdir()) == []
