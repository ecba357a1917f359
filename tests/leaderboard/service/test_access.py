"""Who may do what: without a token, with a wrong or revoked one, with another submitter's."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from leaderboard.store.tokens import Tokens

ROUTES = [
    ("POST", ""),
    ("GET", ""),
    ("GET", "/{}"),
    ("DELETE", "/{}"),
    ("HEAD", "/{}/file"),
    ("PUT", "/{}/file"),
    ("POST", "/{}/approve"),
    ("POST", "/{}/refuse"),
]


def wrong_tokens(service):
    """What is no token, by what is wrong with it."""
    prefix, number, secret = service.submitter.split("_", 2)
    revoked = Tokens(service.store.engine).create("revoked")
    Tokens(service.store.engine).revoke(revoked.split("_")[1])
    return {
        "empty": "",
        "unknown": f"{prefix}_{'0' * 16}_{secret}",
        "wrong secret": f"{prefix}_{number}_{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}",
        "of another": f"{prefix}_{service.other.split('_')[1]}_{secret}",
        "without secret": f"{prefix}_{number}_",
        "hash": f"{prefix}_{number}_{'a' * 64}",
        "not a token": "Robert'); DROP TABLE tokens;--",
        "long": "n" * 5000,
        "revoked": revoked,
    }


def test_nothing_is_done_without_a_token_that_is_accepted(service):
    number = service.create(b"x" * 10)
    before = service.status(number)
    answers = {}
    for method, path in ROUTES:
        for what, token in wrong_tokens(service).items():
            answer = service.ask(method, f"/submissions{path.format(number)}", token, json={})
            assert answer.status_code == 401, (method, path, what)
            assert answer.headers["www-authenticate"] == "Bearer"
            if method != "HEAD":
                body = answer.json()
                body.pop("request")
                answers[tuple(body.items())] = what
        bare = service.client.request(method, f"/api/v1/submissions{path.format(number)}", json={})
        assert bare.status_code == 401, (method, path)
    assert len(answers) == 1, "the answer tells what is wrong with a token"
    assert service.status(number) == before


def test_another_submitter_can_neither_see_nor_change_a_submission(service):
    number = service.create(b"x" * 10)
    before = service.status(number)
    for method, path in ROUTES[2:6]:
        asked = f"/submissions{path.format(number)}"
        assert service.ask(method, asked, service.other, content=b"y").status_code == 403
    assert service.ask("GET", "/submissions", service.other).json() == []
    assert service.status(number) == before
    assert [each["id"] for each in service.ask("GET", "/submissions").json()] == [number]
    assert len(service.ask("GET", "/submissions", service.maintainer).json()) == 1


@pytest.mark.parametrize("what", ["approve", "refuse"])
def test_only_a_maintainer_approves_and_refuses(service, what):
    number = service.create(b"x" * 10)
    body = {"reason": "no"}
    path = f"/submissions/{number}/{what}"
    assert service.ask("POST", path, json=body).status_code == 403
    assert service.ask("POST", path, service.maintainer, json=body).status_code == 409


def test_a_token_is_stored_as_a_hash_only(service):
    tokens = Tokens(service.store.engine)
    text = tokens.create("Ada", "maintainer")
    found = tokens.find(text)
    assert found is not None
    assert (found.name, found.is_maintainer, found.last_used) == ("Ada", True, None)
    tokens.used(found)
    (again,) = [each for each in tokens.listed() if each.id == found.id]
    assert again.last_used == pytest.approx(again.created, abs=60)
    tokens.revoke(found.id)
    assert tokens.find(text) is None


def test_an_unknown_token_takes_as_many_steps_as_a_wrong_secret(service, monkeypatch):
    """The time depends on the steps: the same query, one comparison of equal length."""
    compared = []

    def compare(one, two):
        compared.append((len(one), len(two)))
        return False

    monkeypatch.setattr("leaderboard.store.tokens.hmac.compare_digest", compare)
    queries = []
    event.listen(
        service.store.engine,
        "before_cursor_execute",
        lambda *given: queries.append(given[2]),
    )
    seen = {}
    for what, token in wrong_tokens(service).items():
        compared.clear()
        queries.clear()
        assert Tokens(service.store.engine).find(token) is None
        seen[what] = (list(compared), list(queries))
    assert len({str(each) for each in seen.values()}) == 1, seen
    assert seen["unknown"][0] == [(64, 64)]
