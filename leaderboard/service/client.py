"""The client of a service: its answers and its refusals, as one line each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from models_zoo.display import cut, printable, shown
from models_zoo.errors import InputError

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for some of an answer."""

ATTEMPTS = 6
"""How often an upload goes on after the connection was lost."""

PAUSE = 2.0
"""Seconds before the next attempt; each waits twice as long as the one before."""

_MOST = 16 << 20
"""Maximum number of bytes of an answer."""

_BUSY = (408, 429)
"""Statuses of requests that succeed later."""

_LONGEST_WAIT = 60.0

_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Progress = Callable[[int, int], None]
"""Is told how many bytes have arrived, of how many."""


class Client:
    """Talks to a service.

    Args:
        server: its address, such as ``"https://leaderboard.example.org"``.
        token: the token that it gave.

    Raises:
        InputError: the address is none, or would send the token over a network in the clear.
    """

    def __init__(self, server: str, token: str) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                f"--server {shown(server)} is not an address such as https://leaderboard.example"
            )
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise InputError(f"--server {shown(server)} would get the token unencrypted; use https")
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise InputError("the token has characters that none has; copy it again")
        self.server = server.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token.strip()}"

    def create(self, description: Mapping[str, Any], file_name: str, size: int, sha256: str) -> str:
        """Begin a submission, or find one of the same file whose upload was not finished."""
        for each in self._list("/submissions?state=uploading"):
            if each.get("sha256") == sha256 and each.get("name") == description["name"]:
                return str(each["id"])
        body = {
            "description": dict(description),
            "file_name": file_name,
            "size": size,
            "sha256": sha256,
        }
        return str(self._ask("POST", "/submissions", json=body)["id"])

    def upload(self, number: str, file: Path, progress: Progress) -> None:
        """Send the file of a submission, and go on where it stopped if the connection is lost.

        Raises:
            InputError: it cannot be sent.
        """
        size = file.stat().st_size
        for attempt in range(ATTEMPTS):
            try:
                if self._send(number, file, size, progress):
                    return
            except _LostError as error:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(max(PAUSE * 2**attempt, error.wait))
        raise InputError(f"{shown(file)} did not arrive completely; run the same command again")

    def _send(self, number: str, file: Path, size: int, progress: Progress) -> bool:
        path = f"/submissions/{number}/file"
        offset = self._offset(path)
        with file.open("rb") as opened:
            opened.seek(offset)
            tail = _Tail(opened, size - offset, lambda sent: progress(offset + sent, size))
            headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
            return bool(self._ask("PUT", path, data=tail, headers=headers)["complete"])

    def _offset(self, path: str) -> int:
        response = self._request("HEAD", path)
        if response.status_code != 204:  # the answer to HEAD has no body that says why
            self._ask("GET", path.removesuffix("/file"))
        offset = response.headers.get("Upload-Offset", "")
        if not offset.isdecimal():
            raise self._strange(response.status_code)
        return int(offset)

    def status(self, number: str) -> dict[str, Any]:
        """Where a submission is."""
        return self._ask("GET", f"/submissions/{_id(number)}")

    def send_counterexample(
        self, file: Path, sha256: str, model: str, data: str, note: str
    ) -> dict[str, Any]:
        """Send the file of a counterexample; returns where it is.

        Args:
            file: the counterexample.
            sha256: of the file.
            model: fingerprint of the model.
            data: hash of the evaluation examples.
            note: for readers.
        """
        query = {"model": model, "data": data, "note": note}
        headers = {"Content-Type": "application/octet-stream"}
        content = file.read_bytes()
        path = f"/counterexamples/{sha256}/file"
        return self._ask("PUT", path, params=query, data=content, headers=headers)

    def counterexample(self, sha256: str, model: str, data: str) -> dict[str, Any]:
        """Where a counterexample is."""
        query = {"model": model, "data": data}
        return self._ask("GET", f"/counterexamples/{sha256}", params=query)

    def listed(self) -> list[dict[str, Any]]:
        """Own submissions; for a maintainer all."""
        return self._list("/submissions")

    def withdraw(self, number: str) -> dict[str, Any]:
        """Withdraw a submission; returns where it is now."""
        return self._ask("DELETE", f"/submissions/{_id(number)}")

    def approve(self, number: str) -> dict[str, Any]:
        """Approve a submission; returns where it is now."""
        return self._ask("POST", f"/submissions/{_id(number)}/approve")

    def refuse(self, number: str, reason: str) -> dict[str, Any]:
        """Refuse a submission; returns where it is now."""
        return self._ask("POST", f"/submissions/{_id(number)}/refuse", json={"reason": reason})

    def address(self, path: str) -> str:
        """The address of a page of the service."""
        return f"{self.server}{path}"

    def _list(self, path: str) -> list[dict[str, Any]]:
        found = self._answer("GET", path)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._strange(200)
        return found

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        found = self._answer(method, path, **options)
        if not isinstance(found, dict):
            raise self._strange(200)
        return found

    def _answer(self, method: str, path: str, **options: Any) -> object:
        response = self._request(method, path, **options)
        try:
            content = response.raw.read(_MOST + 1, decode_content=True)
        except HTTPError as error:
            raise _LostError(f"{self.server} broke off its answer; try again") from error
        finally:
            response.close()
        try:
            if len(content) > _MOST:
                raise ValueError("too long")
            body = json.loads(content)
        except (ValueError, RecursionError):
            raise self._strange(response.status_code) from None
        if response.status_code < 300:
            return body
        if not isinstance(body, dict) or "detail" not in body:
            raise self._strange(response.status_code)
        said = printable(cut(f"{body['detail']}; {body.get('fix', '')}", 1000))
        refusal = f"{self.server} refuses ({response.status_code}): {said}"
        if response.status_code in _BUSY:
            wait = response.headers.get("Retry-After", "")
            raise _LostError(refusal, min(float(wait), _LONGEST_WAIT) if wait.isdecimal() else 0.0)
        raise InputError(refusal)

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        address = f"{self.server}/api/v1{path}"
        try:
            return self._session.request(
                method, address, timeout=TIMEOUT, allow_redirects=False, stream=True, **options
            )
        except requests.exceptions.SSLError as error:
            raise InputError(
                f"cannot trust the certificate of {self.server}: {_reason(error)}; correct the "
                "address, or name the authority's file in REQUESTS_CA_BUNDLE"
            ) from error
        except requests.exceptions.Timeout as error:
            raise _LostError(f"{self.server} does not answer; try again later") from error
        except (requests.exceptions.ConnectionError, OSError) as error:
            raise _LostError(
                f"cannot reach {self.server}: {_reason(error)}; is it the right address, and does "
                "the service run?"
            ) from error

    def _strange(self, status: int) -> InputError:
        return InputError(
            f"{self.server} answers ({status}) unlike a service of nonsingular; check --server"
        )


class _LostError(InputError):
    """The connection was lost, or there was none, or the service asks to come again later.

    Attributes:
        wait: seconds after which to try again, at least.
    """

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class _Tail:
    """The rest of a file, as a body of known length.

    Args:
        file: open, where the body begins.
        size: number of bytes.
        sent: is told how many were read.
    """

    def __init__(self, file: IO[bytes], size: int, sent: Callable[[int], None]) -> None:
        self._file, self._size, self._sent = file, size, sent
        self._read = 0

    def __len__(self) -> int:
        return self._size - self._read

    def read(self, count: int = -1) -> bytes:
        """Some more bytes."""
        left = self._size - self._read
        content = self._file.read(left if count < 0 else min(count, left))
        self._read += len(content)
        self._sent(self._read)
        return content


def _id(number: str) -> str:
    if len(number) != 32 or not set(number) <= set("0123456789abcdef"):
        raise InputError(f"{shown(number)} is not the identifier of a submission")
    return number


def _reason(error: BaseException) -> str:
    """Why there is no connection, without the names of classes around it."""
    texts = {
        "ConnectionRefusedError": "the connection was refused",
        "NameResolutionError": "the name is not known",
        "CERTIFICATE_VERIFY_FAILED": "the certificate cannot be verified",
        "ConnectionResetError": "the connection was closed",
        "RemoteDisconnected": "the connection was closed",
        "Broken": "the connection was closed",
    }
    told = repr(error)
    refused = "Connection refused" in told
    if refused:
        return texts["ConnectionRefusedError"]
    return next((text for key, text in texts.items() if key in told), cut(printable(told), 200))
