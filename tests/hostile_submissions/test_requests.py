"""Requests that no client sends: each gets a problem with an id, and the service goes on."""

from __future__ import annotations

from tests.leaderboard.service.conftest import (  # noqa: F401 - fixtures
    make_service,
    service,
    tiny,
)

REST = b'"file_name":"a","size":1}'
BODIES: dict[str, tuple[bytes, str]] = {
    "nested": (b'{"description":' + b'{"a":' * 9000 + b"1" + b"}" * 9000 + b"," + REST, "not-json"),
    "too large": (b"[" * 100_000, "too-large"),
    "nothing": (b"", "invalid"),
    "null": (b"null", "invalid"),
    "a list": (b"[1, 2]", "invalid"),
    "a form": (b"name=x&dataset=digits", "not-json"),
    "cut off": (b'{"description": {"name": "x"', "not-json"),
    "not UTF-8": (b'{"description": {"name": "\xff"}}', "not-json"),
    "a number of 5000 digits": (b'{"size":' + b"9" * 5000 + b"," + REST[1:], "not-json"),
    "half of a pair": (b'{"description": {}, "file_name": "\\udfff", "size": 1}', "invalid"),
    "negative size": (b'{"description": {}, "file_name": "a", "size": -1}', "invalid"),
    "no number": (
        b'{"description": {"name": "x", "dataset": "digits", "mean": [NaN]},' + REST,
        "invalid",
    ),
    "field of a class": (b'{"__class__": 1, "description": {},' + REST, "invalid"),
}
"""Bodies in place of a description, and the id of the problem."""

HEADERS: dict[str, tuple[dict[str, str], str]] = {
    "behind the end": ({"Upload-Offset": "3"}, "wrong-offset"),
    "before the start": ({"Upload-Offset": "-5"}, "invalid"),
    "beyond every file": ({"Upload-Offset": "9" * 30}, "invalid"),
    "no offset": ({"Upload-Offset": "x"}, "invalid"),
    "negative length": ({"Content-Length": "-5"}, "bad-length"),
    "no length": ({"Content-Length": "x"}, "bad-length"),
    "length of 40 digits": ({"Content-Length": "9" * 40}, "too-large"),
}
"""Headers of one byte of a file, and the id of the problem."""


def test_bodies_and_headers_that_no_client_sends(service):  # noqa: F811
    wrong = []
    for name, (body, expected) in BODIES.items():
        headers = {"Content-Type": "application/json"}
        answer = service.ask("POST", "/submissions", content=body, headers=headers)
        wrong += _faults(name, answer, expected)
    number = service.create(b"hello")
    for name, (headers, expected) in HEADERS.items():
        path = f"/submissions/{number}/file"
        wrong += _faults(name, service.ask("PUT", path, content=b"x", headers=headers), expected)
    assert not wrong, "\n".join(wrong)
    assert service.ask("PUT", f"/submissions/{number}/file", content=b"hello").status_code == 200


def _faults(name: str, answer, expected: str) -> list[str]:
    problem = answer.json()
    right = 400 <= answer.status_code < 500 and problem["id"] == expected
    return [] if right else [f"{name}: {answer.status_code} {problem}"]


def test_the_folder_of_the_operator_s_battery_is_not_told(service, tiny):  # noqa: F811
    description = {"name": "x", "dataset": "digits", "battery": "other"}
    body = {"description": description, "file_name": "a", "size": 1}
    answer = service.ask("POST", "/submissions", json=body)
    assert tiny.name in answer.json()["fix"]
    assert str(tiny.parent) not in answer.text
