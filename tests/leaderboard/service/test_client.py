"""``nonsingular submit --server`` and ``nonsingular submissions``: what works, and what is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from leaderboard.cli import run
from leaderboard.service import client as module
from leaderboard.service.client import Client
from models_zoo import InputError
from tests.leaderboard.service.conftest import checkpoint, listening

OPTIONS = ("--dataset", "digits", "--architecture", "mlp", "--mean", "0.3054", "--std", "0.3759")


@pytest.fixture
def server(service, monkeypatch) -> Iterator[str]:
    monkeypatch.setattr("leaderboard.commands.submit_online.POLL_SECONDS", 0.05)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setenv("NONSINGULAR_TOKEN", service.submitter)
    with listening(service) as address:
        yield address


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(checkpoint())
    return path


@pytest.fixture
def working(service):
    """Checks and scores what arrives, until the test ends."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            service.advance()
            service.score()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_submit_waits_for_the_verdict_and_the_scores(server, file, working, capfd):
    code = run(["submit", str(file), "--name", "mine", *OPTIONS, "--server", server])
    out, err = capfd.readouterr()
    assert code == 0, err
    assert "acceptable" in out
    assert out.splitlines()[-1] == f"{server}/"
    assert "/submissions/" in err
    assert run(["submissions", "--server", server, "--json"]) == 0
    (listed,) = json.loads(capfd.readouterr().out)
    assert (listed["name"], listed["state"]) == ("mine", "done")


def test_a_refused_file_is_explained_and_ends_with_code_1(server, working, tmp_path, capfd):
    path = tmp_path / "evil.safetensors"
    path.write_bytes(b"\x80\x04not weights")
    code = run(["submit", str(path), "--name", "evil", *OPTIONS, "--server", server])
    out = capfd.readouterr().out
    assert code == 1
    assert "fix: " in out
    assert "is refused" in out


def test_maintainers_approve_and_submitters_withdraw(make_service, file, monkeypatch, capfd):
    service = make_service(require_approval=True)
    monkeypatch.setattr("leaderboard.commands.submit_online.POLL_SECONDS", 0.05)
    monkeypatch.setenv("NONSINGULAR_TOKEN", service.submitter)
    with listening(service) as server:
        submit = ["submit", str(file), "--name", "mine", *OPTIONS, "--server", server, "--no-wait"]
        assert run(submit) == 0
        number = capfd.readouterr().out.strip()
        service.advance()
        at = ["--server", server]
        assert run(["submissions", "show", number, *at]) == 0
        assert "waiting" in capfd.readouterr().out
        assert run(["submissions", "approve", number, *at]) == 2
        assert "only a maintainer" in capfd.readouterr().err
        as_maintainer = [*at, "--token", service.maintainer]
        assert run(["submissions", "approve", number, *as_maintainer]) == 0
        assert "queued" in capfd.readouterr().out
        assert run(["submissions", "withdraw", number, *at]) == 0
        assert run(["submissions", "withdraw", number, *at]) == 2
        assert "is withdrawn" in capfd.readouterr().err
    local = ["submissions", "show", number, "--database", service.settings.database]
    assert run(local) == 0
    assert "withdrawn" in capfd.readouterr().out


def test_an_upload_goes_on_after_the_connection_was_lost(server, service, file, monkeypatch):
    """The first requests end in the middle of the file, as if the network had."""
    client = Client(server, service.submitter)
    read, cut = module._Tail.read, [0]

    def broken(self, count=-1):
        if cut[0] < 2 and self._read > 50_000:
            cut[0] += 1
            raise ConnectionResetError("lost")
        return read(self, count)

    monkeypatch.setattr(module._Tail, "read", broken)
    content = file.read_bytes()
    description = {"name": "mine", "dataset": "digits"}
    number = client.create(description, file.name, len(content), "0" * 64)
    seen = []
    with pytest.raises(InputError, match="SHA-256"):  # it arrived whole, and is not as announced
        client.upload(number, file, lambda sent, of: seen.append(sent))
    assert cut == [2]
    assert seen[-1] == len(content)
    starts = [event for event in seen if event > 50_000]
    assert len(seen) < 2 * len(content) / 8192 + 20, starts


class Odd(BaseHTTPRequestHandler):
    """A server that is no service of ours."""

    answers: tuple[int, bytes] = (200, b"<html>hello</html>")

    def do_GET(self) -> None:
        code, body = self.answers
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "http://elsewhere.invalid/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (200, b"<html>", "unlike a service"),
        (200, b'{"a": 1}', "unlike a service"),
        (302, b"", "unlike a service"),
        (500, b"{}", "unlike a service"),
        (200, b"[" * 100_000, "unlike a service"),
        (401, b'{"detail": "no \\u001b[31mtoken", "fix": "get one"}', r"no \\x1b\[31mtoken"),
    ],
)
def test_an_answer_that_is_none_is_one_line(code, body, said):
    odd = HTTPServer(("127.0.0.1", 0), type("Odd", (Odd,), {"answers": (code, body)}))
    threading.Thread(target=odd.handle_request, daemon=True).start()
    with pytest.raises(InputError, match=said) as told:
        Client(f"http://127.0.0.1:{odd.server_port}", "nst_a_b").listed()
    odd.server_close()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("server", "token", "said"),
    [
        ("http://127.0.0.1:9", "nst_a_b", "the connection was refused"),
        ("https://127.0.0.1:9", "nst_a_b", "the connection was refused"),
        ("http://leaderboard.example.org", "nst_a_b", "use https"),
        ("ftp://127.0.0.1", "nst_a_b", "is not an address"),
        ("leaderboard.example.org", "nst_a_b", "is not an address"),
        ("http://127.0.0.1:9", "nst\n", "copy it again"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(server, token, said):
    with pytest.raises(InputError, match=said):
        Client(server, token).listed()


def test_a_connection_without_tls_where_tls_is_expected_is_said(server):
    with pytest.raises(InputError, match=r"cannot trust the certificate|cannot reach"):
        Client(server.replace("http:", "https:"), "nst_a_b").listed()


def test_options_that_do_not_go_together_are_refused(file, capfd, monkeypatch):
    monkeypatch.delenv("NONSINGULAR_TOKEN", raising=False)
    submit = ["submit", str(file), "--name", "mine", *OPTIONS]
    for more, said in (
        (["--server", "http://127.0.0.1:9"], "needs a token"),
        (["--server", "http://127.0.0.1:9", "--token", "x", "--examples", "5"], "--examples goes"),
        (["--no-wait"], "go with --server"),
    ):
        assert run([*submit, *more]) == 2
        assert said in capfd.readouterr().err
