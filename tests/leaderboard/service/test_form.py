"""The page's form, read as a stream: whole or in pieces, and refused where it is not that form."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard.service.form import read_form
from leaderboard.service.form_fields import description_of_fields
from leaderboard.service.problems import Problem
from tests.event_loop import run
from tests.leaderboard.service.conftest import DESCRIPTION

TYPE = "multipart/form-data; boundary=XyZ"
FIELDS = {
    "name": "mine",
    "dataset": "digits",
    "architecture": "mlp",
    "mean": "0.3054",
    "std": "0.3759",
    "contact": "ada@example.org",
}


def part(name, value, filename=None):
    more = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: any/thing'
    head = f'--XyZ\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"


def body(fields, content=b"abc", filename="x.pt", end=b"--XyZ--\r\n"):
    texts = b"".join(part(name, value) for name, value in fields.items())
    return texts + part("file", content, filename) + end


async def stream(*chunks):
    for chunk in chunks:
        yield chunk


def read(*chunks, kind=TYPE):
    async def all_of_it():
        form = await read_form(stream(*chunks), kind)
        return form.fields, form.file_name, b"".join([piece async for piece in form.content])

    return run(all_of_it)


@settings(max_examples=40)
@given(st.binary(max_size=300), st.lists(st.integers(0, 600), max_size=8))
def test_a_form_is_the_same_in_whatever_pieces_it_arrives(content, cuts):
    whole = body(FIELDS, content)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    chunks = [whole[start:end] for start, end in pairwise(places)]
    assert read(*chunks) == (FIELDS, "x.pt", content)


def test_a_file_may_contain_what_looks_like_a_boundary():
    content = b"\r\n--XyQ\r\n--Xy\r\n--\r\n"
    assert read(body(FIELDS, content))[2] == content


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ([body(FIELDS)], "application/x-www-form-urlencoded"),
        ([body(FIELDS)], "multipart/form-data"),
        ([body(FIELDS)], f"multipart/form-data; boundary={'b' * 300}"),
        ([part("name", "mine") + b"--XyZ--\r\n"], TYPE),
        ([body(FIELDS, end=b"")], TYPE),
        ([body(FIELDS, end=part("name", "late") + b"--XyZ--\r\n")], TYPE),
        ([body(FIELDS, end=part("file", "two", "y.pt") + b"--XyZ--\r\n")], TYPE),
        ([part("name", "one") + body(FIELDS)], TYPE),
        ([part("name", b"\xff") + body({})], TYPE),
        ([part("name", "x", "evil.pt") + body({})], TYPE),
        ([part("file", "x") + body({})], TYPE),
        ([b"--XyZ\r\nNothing: here\r\n\r\nx\r\n" + body({})], TYPE),
        ([b"--XyZ\r\n" + b"A: b\r\n" * 50 + b"\r\nx\r\n" + body({})], TYPE),
        ([b"--XyZ\r\nA: " + b"b" * 9000 + b"\r\n\r\nx\r\n" + body({})], TYPE),
        ([body({f"f{n}": "" for n in range(50)})], TYPE),
        ([b"no form at all"], TYPE),
        ([], TYPE),
    ],
)
def test_what_is_not_the_form_is_refused(chunks, kind):
    with pytest.raises(Problem) as told:
        read(*chunks, kind=kind)
    assert (told.value.status, told.value.id) == (400, "bad-form")


def test_long_fields_are_refused_before_they_are_all_there():
    with pytest.raises(Problem) as told:
        read(part("notes", "x" * 70_000)[:-10], b"y" * 10)
    assert told.value.status == 413


def test_fields_are_the_description_that_the_api_takes():
    expected = {key: value for key, value in DESCRIPTION.items() if key != "licence"}
    assert description_of_fields(FIELDS | {"notes": " ", "token": "nst_x"}) == expected
    more = {"extra_data": "yes", "clean_accuracy": "0.9", "eps": "8/255", "norm": "linf"}
    claims = {"clean_accuracy": 0.9, "eps": "8/255", "norm": "linf"}
    assert description_of_fields(more) == {"extra_data": True, "claims": claims}
    for wrong in ({"mean": "0.5,x"}, {"extra_data": "maybe"}, {"unknown": ""}):
        with pytest.raises(Problem):
            description_of_fields(wrong)


def sent(service, token, content, **fields):
    return service.client.post(
        "/upload",
        data=FIELDS | {"token": token} | fields,
        files={"file": ("mine.safetensors", content)},
        follow_redirects=False,
    )


def test_the_form_alone_is_a_submission(service, content):
    answer = sent(service, service.submitter, content)
    assert answer.status_code == 303
    number = answer.headers["location"].removeprefix("/submissions/")
    page = service.client.get(answer.headers["location"])
    assert "The file is being checked" in page.text
    assert 'http-equiv="refresh"' in page.text
    service.advance()
    service.score()
    service.advance()
    page = service.client.get(f"/submissions/{number}").text
    assert "On the leaderboard" in page
    assert "Intrinsic" in page
    assert 'http-equiv="refresh"' not in page
    assert "ada@example.org" not in page
    assert service.client.get(f"/submissions/{number[:-1]}0").status_code in (200, 404)
    assert service.client.get("/submissions/%00").status_code == 404


def test_a_form_that_is_refused_comes_back_with_what_was_typed(service):
    for token, fields, code in (
        ("nst_wrong", {}, 401),
        (service.submitter, {"mean": "a,b"}, 422),
        (service.submitter, {"name": "digits/mlp-standard"}, 422),
        (service.submitter, {"dataset": "imagenet"}, 422),
        (service.submitter, {"name": "<script>alert(1)</script>", "paper": "javascript:x"}, 422),
    ):
        answer = sent(service, token, b"x" * 100_000, notes="a <b>note</b>", **fields)
        assert answer.status_code == code, answer.text
        assert "a &lt;b&gt;note&lt;/b&gt;" in answer.text
        assert "To go on" in answer.text
        assert "<script>alert" not in answer.text
        assert token not in answer.text
    assert service.ask("GET", "/submissions", service.maintainer).json() == []


def test_a_form_whose_file_breaks_off_leaves_nothing(service):
    whole = body(FIELDS | {"token": service.submitter}, b"x" * 1000)
    headers = {"Content-Type": TYPE}
    answer = service.client.post("/upload", content=whole[:-500], headers=headers)
    assert answer.status_code == 400
    (found,) = service.ask("GET", "/submissions").json()
    assert found["state"] == "withdrawn"
    assert list(service.app.state.intake.quarantine.folder.iterdir()) == []


def test_a_page_of_a_closed_service_says_why(make_service):
    service = make_service(closed="this machine cannot isolate the checks")
    page = service.client.get("/upload").text
    assert "No files are accepted at present." in page
    assert "This machine cannot isolate the checks" in page
    answer = sent(service, service.submitter, b"x")
    assert answer.status_code == 503
