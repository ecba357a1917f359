"""The service's log: a line of JSON per event, on stderr.

It has no header, no body and no query of a request, and therefore no token, description or contact.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from leaderboard.terminal.output import say
from models_zoo.errors import printable


def log(event: str, **fields: object) -> None:
    """Write a line.

    Args:
        event: what happened, such as ``"request"``.
        fields: numbers and short texts about it.
    """
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    shown = {
        name: value if isinstance(value, int | float | bool | None) else printable(str(value))
        for name, value in fields.items()
    }
    say(json.dumps({"time": moment, "event": event, **shown}), err=True)
