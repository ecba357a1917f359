"""Sending a counterexample to a service."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands.submit_online import POLL_SECONDS
from leaderboard.terminal.output import note, say
from models_zoo.display import printable
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from benchmark.counterexamples import Counterexample
    from leaderboard.service.client import Client

_OVER = ("done", "refused")


def send(client: Client, file: Path, example: Counterexample, about: str) -> int:
    """Send a counterexample to a service, and wait until it is verified.

    Args:
        client: of the service.
        file: the counterexample.
        example: what the file says.
        about: a note for readers.

    Returns:
        The exit code: 1 if it was refused.

    Raises:
        InputError: the file does not state its model and examples, or cannot be sent.
    """
    from models_zoo.checkpoint import sha256_file

    model, data, sha256 = example.fingerprint, example.data_sha256, sha256_file(file)
    if not model or not data:
        raise InputError(
            "a service needs the model and the examples in the file: write it with fingerprint and "
            "data_sha256"
        )
    status = client.send_counterexample(file, sha256, model, data, about)
    told = ""
    while status["state"] not in _OVER:
        if status["state"] != told:
            told = str(status["state"])
            note(told)
        time.sleep(POLL_SECONDS)
        status = client.counterexample(sha256, model, data)
    if status["state"] == "refused":
        say(printable(f"the counterexample is refused: {status.get('reason')}"))
        return 1
    lowered = ", ".join(map(str, status.get("lowered") or ())) or "no result"
    say(
        printable(
            f"verified: {status.get('broken')} examples are broken within {status.get('threat')}; "
            f"lowered: {lowered}"
        )
    )
    return 0
