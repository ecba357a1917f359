"""Downloads from a server on this machine: checked by hash, resumed where they stopped."""

import hashlib
import http.server
import threading
from contextlib import contextmanager
from functools import partial

import pytest

from models_zoo import InputError, load_card
from models_zoo.sources.bundled import bundled_file
from models_zoo.sources.download import download
from models_zoo.sources.downloaded import downloaded_file
from models_zoo.sources.file import classifier_from_file

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one file; ends the first answer early where it is told to."""

    def __init__(self, *arguments, content, asked, stop_at):
        self.content, self.asked, self.stop_at = content, asked, stop_at
        super().__init__(*arguments)

    def do_GET(self):
        requested = self.headers.get("Range", "")
        self.asked.append(requested)
        start = int(requested.removeprefix("bytes=").removesuffix("-") or 0)
        if start >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        stop = self.stop_at if len(self.asked) == 1 else None
        self.wfile.write(self.content[start:stop])

    def log_message(self, *_):
        pass


@contextmanager
def serving(content=CONTENT, stop_at=None):
    """The address of a file, and the ranges that were asked for."""
    asked: list[str] = []
    handler = partial(Handler, content=content, asked=asked, stop_at=stop_at)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/a.bin", asked
        finally:
            server.shutdown()


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_file_is_downloaded_once(tmp_path):
    with serving() as (url, asked):
        for _ in range(2):
            path = download(url, tmp_path / "new" / "a.bin", sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert asked == [""]
    assert [each.name for each in path.parent.iterdir()] == ["a.bin"]


def test_an_interrupted_download_goes_on_where_it_stopped(tmp_path):
    with serving(stop_at=300_000) as (url, asked):
        with pytest.raises(InputError, match="cannot download") as refusal:
            download(url, tmp_path / "a.bin", sha256=SHA256)
        assert f"put it at {tmp_path / 'a.bin'}" in str(refusal.value)
        assert not (tmp_path / "a.bin").exists()
        had = (tmp_path / "a.bin.part").stat().st_size
        assert 200_000 < had <= 300_000
        assert download(url, tmp_path / "a.bin", sha256=SHA256).read_bytes() == CONTENT
    assert asked == ["", f"bytes={had}-"]


def test_another_file_than_was_meant_is_refused_and_not_kept_under_its_name(tmp_path):
    wrong = pytest.raises(InputError, match=r"a\.bin is not what .* should give")
    with serving(CONTENT[:-1] + b"!") as (url, _), wrong:
        download(url, tmp_path / "a.bin", sha256=SHA256)
    assert not (tmp_path / "a.bin").exists()


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    with serving() as (url, _):
        pass
    with pytest.raises(InputError, match="cannot download") as refusal:
        download(url, tmp_path / "a.bin", sha256=SHA256)
    assert "\n" not in str(refusal.value)


def test_a_card_with_an_address_is_a_model_of_the_zoo(tmp_path, monkeypatch):
    monkeypatch.setenv("NONSINGULAR_CACHE", str(tmp_path))
    card = load_card("digits/mlp-standard")
    with bundled_file(card) as path:
        content = path.read_bytes()
    with serving(content) as (url, asked):
        remote = card.model_copy(update={"source": "downloaded", "url": url})
        for _ in range(2):
            with downloaded_file(remote) as path:
                assert classifier_from_file(path, remote).card.sha256 == card.sha256
    assert len(asked) == 1
    kept = tmp_path / "digits" / str(card.checkpoint)
    kept.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match=r"mlp-standard\.safetensors is not what"):
        downloaded_file(remote).__enter__()
    with pytest.raises(InputError, match="needs url and sha256"):
        downloaded_file(card).__enter__()
