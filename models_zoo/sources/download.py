"""Downloading a file: verified by its hash, and resumed after an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models_zoo.checkpoint import sha256_file
from models_zoo.errors import InputError, reason_of

CHUNK = 1 << 16
"""Bytes written at once; data that is not yet written when a connection breaks is lost."""

TIMEOUT = 30
"""Seconds without an answer after which a download fails."""


def download(url: str, target: Path, *, sha256: str) -> Path:
    """A file at ``target``, downloaded if it does not exist.

    Data received before an interruption is kept next to the target and not requested again.

    Args:
        url: address of the file.
        target: path of the result; an existing file must have the hash.
        sha256: SHA-256 of the file, or the first digits of it.

    Raises:
        InputError: the file cannot be downloaded, or has another hash.
    """
    fetched = not target.exists()
    if fetched:
        _fetch(url, target)
    found = sha256_file(target)
    if not found.startswith(sha256):
        if fetched:
            target.rename(target.with_name(f"{target.name}.refused"))
        raise InputError(
            f"checkpoint {target} is not what {url} should give: its SHA-256 is {found[:12]}..., "
            f"expected {sha256[:12]}...; remove it and download it again"
        )
    return target


def _fetch(url: str, target: Path) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            url,
            known_hash=None,  # verified by the caller, which also verifies existing files
            fname=target.name,
            path=target.parent,
            downloader=Resuming(target.with_name(f"{target.name}.part")),
        )
    except (OSError, requests.RequestException, ValueError) as error:
        raise InputError(
            f"cannot download {url} ({reason_of(error)}); download it elsewhere and put "
            f"it at {target}"
        ) from error


class Resuming:
    """A downloader for pooch that resumes an interrupted download.

    Args:
        part: file with the data received so far.
    """

    def __init__(self, part: Path) -> None:
        self.part = part

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        """Write the content of ``url`` to ``output_file``."""
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        asked = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=asked, stream=True, timeout=TIMEOUT) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                answer.close()  # the file is complete, or a different one: the hash will tell
            else:
                answer.raise_for_status()
                resumed = answer.status_code == requests.codes.partial_content
                with self.part.open("ab" if resumed else "wb") as stream:
                    for chunk in answer.iter_content(CHUNK):
                        stream.write(chunk)
                self._require_whole(answer, have if resumed else 0)
        self.part.replace(output_file)

    def _require_whole(self, answer: Any, had: int) -> None:
        length = answer.headers.get("Content-Length")
        encoded = "Content-Encoding" in answer.headers
        if length is not None and not encoded and self.part.stat().st_size - had < int(length):
            raise OSError("the connection ended early; run again to resume")
