"""The corpus of hostile and broken submissions, sent to a service in this process.

``python tests/hostile_submissions`` sends all of it to a service of its own with the sandbox.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from leaderboard.service.settings import Bounds
from tests.hostile_files.case import OF_LIBRARIES
from tests.hostile_submissions.corpus import corpus
from tests.hostile_submissions.descriptions import MARKUP
from tests.hostile_submissions.entry import WITNESS, Entry, content
from tests.hostile_submissions.folders import listing
from tests.hostile_submissions.sending import Answer, Response, faults, send
from tests.leaderboard.service.conftest import (  # noqa: F401 - fixtures
    Service,
    checkpoint,
    make_service,
    tiny,
)

PROGRAMS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pty.spawn")
BOUNDS = replace(Bounds(), disk_reserve=0, requests=10**6, token_requests=10**6)
PART = 11
"""One in so many entries is sent; all of those whose file is a pickle with code."""


def asking(service: Service):
    """Sends requests to a service in this process."""

    def ask(method: str, path: str, data: bytes | None = None, headers=None) -> Response:
        found: Response = service.ask(method, path, content=data, headers=headers or {})
        return found

    return ask


def some() -> list[Entry]:
    """The entries that are sent here; what costs seconds is left to the script."""
    entries = [each for each in corpus(damaged=4) if not each.costly]
    code = [each for each in entries if each.kind == "pickles with code"]
    return [*code, *[each for each in entries if each not in code][::PART]]


@pytest.fixture
def deeds():
    """Programs that are started while the test runs."""
    found: list[str] = []
    active = True

    def hook(event: str, details: tuple[object, ...]) -> None:
        if active and event in PROGRAMS:
            found.append(f"{event} {str(details)[:200]}")

    sys.addaudithook(hook)
    yield found
    active = False


def test_every_entry_is_refused_and_the_next_model_is_scored(
    make_service,  # noqa: F811
    tmp_path,
    monkeypatch,
    deeds,
):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NONSINGULAR_CANARY", "canary-of-the-environment")
    monkeypatch.chdir(work)
    service = make_service(bounds=BOUNDS)
    ask, wrong = asking(service), []
    private = (str(tmp_path), "canary-of-the-environment", service.submitter)
    before = listing(tmp_path)
    for entry in some():
        path = tmp_path / "file"
        entry.write(path)
        answer = send(ask, entry, path, service.advance)
        path.unlink()
        wrong += [f"{entry.title}: {each}" for each in faults(entry, answer, private)]
    assert not wrong, "\n".join(wrong)
    assert not deeds
    database = {"scores.sqlite", "scores.sqlite-wal", "scores.sqlite-shm"}
    new = {name for name in listing(tmp_path) if name not in before} - {*database, *OF_LIBRARIES}
    assert {name.split("/")[0] for name in new} <= {"site", ".nonsingular"}
    assert not [name for name in new if WITNESS in name or "quarantine/" in name]

    number = service.submit(checkpoint(), name="honest", **texts())
    service.advance()
    service.score()
    service.advance()
    assert service.status(number)["state"] == "done"
    pages = [*(tmp_path / "site").rglob("*.html"), *(tmp_path / "site").rglob("*.json")]
    shown = "".join(path.read_text("utf-8") for path in pages)
    assert "honest" in shown
    assert "ada@example.org" not in shown
    for page in (tmp_path / "site").rglob("*.html"):
        assert "<script>alert(1)" not in page.read_text("utf-8"), page


def texts() -> dict[str, str]:
    """A description that is accepted, with every text that means something to another program."""
    fields = ("authors", "recipe", "extra_data_note", "licence", "notes")
    hostile = list(MARKUP.values())
    return {field: hostile[place % len(hostile)][:100] for place, field in enumerate(fields)} | {
        "notes": "\n".join(hostile)
    }


def test_there_are_enough_entries():
    entries = corpus()
    titles = [each.title for each in entries]
    assert len(titles) == len(set(titles))
    assert len(entries) >= 100
    assert all(each.expected or each.accepted for each in entries)


ENTRY = Entry("kind", "name", content(b""), frozenset({"damaged-file"}))
REFUSED = Answer(frozenset({"damaged-file"}), ("it is cut off",), "refused", "0", "{}")
WRONG = {
    "another finding": {"ids": frozenset({"file-type"})},
    "no finding": {"ids": frozenset()},
    "accepted": {"state": "queued"},
    "without a reason": {"state": None, "texts": ()},
    "escape": {"texts": ("\x1b[2J",)},
    "long": {"texts": ("a" * 5000,)},
    "traceback": {"texts": ("Traceback (most recent call last):",)},
    "private": {"raw": "in /srv/service"},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_an_answer_is_seen(change):
    assert faults(ENTRY, REFUSED, ("/srv/service",)) == []
    assert faults(ENTRY, replace(REFUSED, **change), ("/srv/service",))


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_what_is_written_elsewhere_is_seen(tmp_path: Path):
    before = listing(tmp_path)
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / WITNESS).touch()
    assert set(listing(tmp_path)) - set(before) == {"link", WITNESS}
