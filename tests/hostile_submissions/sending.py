"""Sending an entry to a service, and what is wrong with the answer."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.hostile_submissions.entry import Entry

LONGEST = 2100
"""Characters of a text of a finding."""

WAITING = 600.0
"""Seconds until a verdict has to be there."""

OVER = frozenset({"refused", "failed", "queued", "running", "done", "waiting", "withdrawn"})
"""States of a submission that is checked."""


class Response(Protocol):
    """What both clients answer with."""

    status_code: int

    @property
    def text(self) -> str:
        """The body as text."""

    def json(self) -> Any:
        """The body."""


Ask = Callable[..., Response]
"""``ask(method, path, content, headers)`` sends a request with a submitter's token."""


@dataclass(frozen=True)
class Answer:
    """What the service said about an entry.

    Attributes:
        ids: of the findings, or of the problem.
        texts: of the findings: what was seen and how to fix it.
        state: of the submission; ``None`` if none was made.
        number: of the submission.
        raw: the last response.
        seconds: until the verdict was there.
    """

    ids: frozenset[str]
    texts: tuple[str, ...]
    state: str | None
    number: str | None
    raw: str
    seconds: float = 0.0


def send(ask: Ask, entry: Entry, path: Path, work: Callable[[], object] = lambda: None) -> Answer:
    """Send an entry, and wait for the verdict.

    Args:
        ask: to the service.
        entry: what is sent.
        path: where its file is.
        work: called while it is waited for.
    """
    start = time.monotonic()
    size = path.stat().st_size
    named = hashlib.sha256(entry.title.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    body = {
        "description": {"name": f"hostile-{named}", "dataset": "digits"} | dict(entry.said),
        "file_name": entry.file_name,
        "size": size,
    }
    made = ask(
        "POST", "/submissions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    if made.status_code != 201:
        return _refused(made, None, start)
    number = str(made.json()["id"])
    sent = ask("PUT", f"/submissions/{number}/file", path.read_bytes())
    if sent.status_code != 200:
        return _refused(sent, number, start)
    while time.monotonic() < start + WAITING:
        work()
        response = ask("GET", f"/submissions/{number}")
        status = response.json()
        if status["state"] in OVER:
            break
        time.sleep(0.1)
    findings = (status["verdict"] or {}).get("findings", [])
    return Answer(
        ids=frozenset(each["id"] for each in findings),
        texts=tuple(f"{each['saw']} {each['fix']}" for each in findings),
        state=status["state"],
        number=number,
        raw=response.text,
        seconds=time.monotonic() - start,
    )


def _refused(response: Response, number: str | None, start: float) -> Answer:
    try:
        problem = response.json()
        ids, texts = frozenset({problem["id"]}), (f"{problem['detail']} {problem['fix']}",)
    except (ValueError, KeyError):
        ids, texts = frozenset({f"status {response.status_code}"}), (response.text,)
    return Answer(ids, texts, None, number, response.text, time.monotonic() - start)


def faults(entry: Entry, answer: Answer, private: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with an answer, each in a line; nothing where it is as it should be.

    Args:
        entry: what was sent.
        answer: what came back.
        private: texts that no answer may have, such as paths and secrets of the server.
    """
    found = []
    if entry.expected and not entry.expected & answer.ids:
        found.append(f"{sorted(answer.ids)} in place of {sorted(entry.expected)}: {answer.texts}")
    if answer.state not in (None, "refused") and not (entry.accepted or _warned(entry)):
        found.append(f"it is {answer.state}")
    if answer.state is None and not answer.texts:
        found.append("it is refused without a reason")
    for text in answer.texts:
        odd = {each for each in text if not each.isprintable()}
        if odd:
            found.append(f"characters that do not print: {sorted(odd)[:5]!a}")
        if len(text) > LONGEST:
            found.append(f"a text of {len(text)} characters")
        if "Traceback" in text or "fault" in answer.ids:
            found.append(f"a fault is shown: {text[:300]!a}")
    found += [f"{each!a} is in the answer" for each in private if each in answer.raw]
    return found


def _warned(entry: Entry) -> bool:
    """Whether what is expected is a warning, with which a model may be scored."""
    from leaderboard.submissions.checks.model_checks import MODEL_CHECKS

    warnings = {each.id for each in MODEL_CHECKS if each.severity != "refused"}
    return entry.expected <= warnings
