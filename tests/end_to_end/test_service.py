"""The service as its users meet it: a server, a worker and a client, each a process of its own."""

from __future__ import annotations

import hashlib
import json
import socket
import time

import pytest
import requests

from leaderboard.store import Store
from leaderboard.store.tokens import Tokens
from tests.leaderboard.service.conftest import BATTERY, DESCRIPTION, checkpoint

SECONDS = 120


def until(condition):
    """What a condition gives as soon as it gives anything."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come about")


@pytest.fixture
def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_a_checkpoint_sent_over_http_is_on_the_served_site(forks, tmp_path, free_port):
    from leaderboard.service.client import Client

    server = f"http://127.0.0.1:{free_port}"
    (tmp_path / "tiny.toml").write_text(BATTERY)
    (tmp_path / "mine.safetensors").write_bytes(checkpoint())
    store = Store.open(tmp_path / "nonsingular.sqlite")
    token = Tokens(store.engine).create("Ada")
    options = ("--battery", "tiny.toml", "--examples", "20")
    serving = forks.start("serve", "--port", str(free_port), *options, folder=tmp_path)
    working = forks.start("worker", folder=tmp_path)
    try:

        def answers():
            try:
                return requests.get(f"{server}/api/v1/health", timeout=5).json()
            except requests.ConnectionError:
                return None

        assert until(answers)["accepts"]
        client = Client(server, token)
        content = (tmp_path / "mine.safetensors").read_bytes()
        number = client.create(DESCRIPTION, "mine.safetensors", len(content), "0" * 63 + "1")
        client.withdraw(number)
        digest = hashlib.sha256(content).hexdigest()
        number = client.create(DESCRIPTION, "mine.safetensors", len(content), digest)
        assert client.create(DESCRIPTION, "mine.safetensors", len(content), digest) == number
        arrived = []
        client.upload(number, tmp_path / "mine.safetensors", lambda sent, of: arrived.append(sent))
        assert arrived[-1] == len(content)
        status = until(
            lambda: (s := client.status(number))["state"] in ("done", "failed", "refused") and s
        )
        assert status["state"] == "done", status
        assert status["isolation"] in ("bubblewrap", "landlock", "limits")

        def shown():
            return "mine" in requests.get(server, timeout=5).text

        until(shown)
    finally:
        serving.kill()
        working.kill()
    log = serving.err.read_text()
    for private in (token, token.rpartition("_")[2], DESCRIPTION["contact"]):
        assert private not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"started", "request", "rendered", "over"} <= {line["event"] for line in lines}
