"""A service in this process: its checks, its workers and its site without threads and servers."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
import uvicorn
from fastapi import FastAPI
from safetensors.torch import load_file, save
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.check import check_and_plan
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.worker import Worker
from leaderboard.pages import render_site
from leaderboard.service import counterexample_check
from leaderboard.service.application import create_app
from leaderboard.service.settings import Bounds, Settings
from leaderboard.store import Store
from leaderboard.store.schema import JobRow
from leaderboard.store.tokens import Tokens

BATTERY = """
name = "tiny"
dataset = "digits"
description = "Next to no effort."
default = ["clean", "intrinsic"]
[probes.clean]
[probes.intrinsic]
linf = [0.1]
headline = 0.1
steps = 2
restarts = 1
"""

BUNDLED = files("models_zoo") / "checkpoints" / "digits" / "mlp-standard.safetensors"

DESCRIPTION = {
    "name": "mine",
    "dataset": "digits",
    "architecture": "mlp",
    "mean": [0.3054],
    "std": [0.3759],
    "contact": "ada@example.org",
    "licence": "MIT",
}


def checkpoint(seed: int = 0) -> bytes:
    """A checkpoint that is not of the zoo and computes another function: noise is added."""
    generator = torch.Generator().manual_seed(seed)
    weights = load_file(str(BUNDLED))
    return save(
        {
            name: each + 0.3 * each.std() * torch.randn(each.shape, generator=generator)
            for name, each in weights.items()
        }
    )


_ANSWERS: dict[str, Any] = {}


def here(request: Any, paths: Any) -> Any:
    """The checks, in this process; made once per question and file, since they take a second."""
    digest = hashlib.sha256(paths["checkpoint"].read_bytes()).hexdigest()
    others = {name: str(path) for name, path in paths.items() if name != "checkpoint"}
    question = json.dumps([digest, request, others], sort_keys=True)
    if question not in _ANSWERS:
        _ANSWERS[question] = check_and_plan(request, paths, lambda line: None)
    return copy.deepcopy(_ANSWERS[question])


def verify_here(request: Any, paths: Any) -> Any:
    """The verification of counterexamples, in this process."""
    return counterexample_check.check(request, paths, lambda line: None)


@dataclass
class Service:
    """A service and what its users hold.

    Attributes:
        submitter: a token; ``other`` that of another submitter, ``maintainer`` a maintainer's.
    """

    app: FastAPI
    client: TestClient
    store: Store
    settings: Settings
    submitter: str
    other: str
    maintainer: str

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> Any:
        """A request to the API; with the submitter's token by default."""
        headers = {"Authorization": f"Bearer {self.submitter if token is None else token}"}
        headers |= options.pop("headers", {})
        return self.client.request(method, f"/api/v1{path}", headers=headers, **options)

    def create(self, content: bytes, token: str | None = None, **description: Any) -> str:
        """Begin a submission of a file."""
        body = {
            "description": DESCRIPTION | description,
            "file_name": "mine.safetensors",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        answer = self.ask("POST", "/submissions", token, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def submit(self, content: bytes, **description: Any) -> str:
        """Send a file."""
        number = self.create(content, **description)
        answer = self.ask("PUT", f"/submissions/{number}/file", content=content)
        assert answer.json() == {"offset": len(content), "complete": True}
        return number

    def status(self, number: str) -> dict[str, Any]:
        """Where a submission is."""
        answer = self.ask("GET", f"/submissions/{number}", self.maintainer)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def advance(self) -> None:
        """Do what the threads of the service do until there is nothing to do."""
        while self.app.state.background.advance():
            pass

    def score(self) -> None:
        """Do what a worker does, until no unit waits."""
        worker = worker_here(self.store)
        while worker.work():
            pass
        worker.close()


def worker_here(store: Store) -> Worker:
    """A worker that has all models loaded already: in the sandbox PyTorch is imported again."""
    query = select(JobRow.payload).where(JobRow.kind == "unit", JobRow.state == "queued")
    with Session(store.engine) as session:
        tasks = [Assignment.model_validate(payload) for payload in session.scalars(query)]
    models = {task.fingerprint: task.model for task in tasks if task.model is not None}
    materials = Materials([source.load() for source in models.values()])
    return Worker(store, materials, choosy=True)


@contextmanager
def listening(service: Service) -> Iterator[str]:
    """The address at which a service answers, from a thread of this process."""
    config = uvicorn.Config(service.app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a battery that takes next to no time."""
    path = tmp_path_factory.mktemp("battery") / "tiny.toml"
    path.write_text(BATTERY)
    return path


@pytest.fixture
def make_service(tmp_path: Path, tiny: Path) -> Iterator[Callable[..., Service]]:
    """``make_service(**settings)``; limits of rates and times are those of ``bounds``."""
    opened = []

    def make(
        *,
        bounds: Bounds | None = None,
        inspect: Any = here,
        closed: str | None = None,
        database: str | None = None,
        threads: bool = False,
        **given: Any,
    ) -> Service:
        settings = Settings(
            database or str(tmp_path / "scores.sqlite"),
            site=tmp_path / "site",
            batteries={"digits": str(tiny)},
            examples=20,
            bounds=bounds or replace(Bounds(), disk_reserve=0),
        )
        settings = replace(settings, **given)
        store = Store.open(settings.database)
        app = create_app(
            settings,
            store,
            inspect=inspect,
            verify=verify_here,
            isolation="none",
            closed=closed,
            render=lambda: render_site(store, settings.site),
            threads=threads,
        )
        tokens = Tokens(store.engine)
        client = TestClient(app, raise_server_exceptions=False)
        opened.append(client)
        made = [tokens.create(*each) for each in (("a",), ("b",), ("c", "maintainer"))]
        return Service(app, client, store, settings, *made)

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """A service with the usual settings."""
    return make_service()


@pytest.fixture(scope="session")
def content() -> bytes:
    """A checkpoint that can be scored."""
    return checkpoint()
