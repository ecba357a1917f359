"""Messages between parent and child: lines of JSON. The parent reads them as hostile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from leaderboard.sandbox.errors import TooMuchOutput
from leaderboard.sandbox.limits import Limits

LINE, ANSWER, REFUSED, FAILED, MEMORY = "line", "answer", "refused", "failed", "memory"
"""What a message of the child is: a line, an answer, unusable input, an exception, and an exception
because of memory. Each is an object with one of these names."""

TEXT = 20_000
"""Maximum number of characters of a text of the child, such as a traceback."""

NUMBER = 1000
"""Maximum number of digits of a number."""

DEPTH = 64
"""How deep objects and arrays may be inside each other."""

_KINDS = {LINE: dict, ANSWER: dict, REFUSED: str, FAILED: str, MEMORY: str}


def encode(message: dict[str, Any]) -> bytes:
    """A message as a line."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


class Reader:
    """Takes bytes of a child apart into messages, and refuses what is too long or none.

    Args:
        limits: of the child.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parts: list[bytes] = []
        self._waiting = 0
        self._total = 0

    def begin(self) -> None:
        """A request was sent: what comes now counts towards it."""
        self._total = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, Any]]:
        """The messages that a chunk completes, as their kind and content.

        Args:
            chunk: bytes that the child has sent.

        Raises:
            TooMuchOutput: a line or all of them are too long, or a line is not a message.
        """
        self._total += len(chunk)
        if self._total > 2 * self._limits.answer + self._limits.line:
            raise TooMuchOutput(
                f"the process in the sandbox sent more than {2 * self._limits.answer:,} bytes"
            )
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line = b"".join([*self._parts, end])
            self._parts, self._waiting = [], 0
            yield self._message(line)
        self._parts.append(rest)
        self._waiting += len(rest)
        if self._waiting > self._limits.answer:
            raise self._too_long(self._limits.answer)

    def _message(self, line: bytes) -> tuple[str, Any]:
        if len(line) > self._limits.answer:
            raise self._too_long(self._limits.answer)
        message = parse(line)
        (kind, content), *others = message.items() if isinstance(message, dict) else [("", None)]
        if others or kind not in _KINDS or not isinstance(content, _KINDS[kind]):
            raise TooMuchOutput("the process in the sandbox sent a line that is not a message")
        if kind == LINE and len(line) > self._limits.line:
            raise self._too_long(self._limits.line)
        return kind, content[:TEXT] if isinstance(content, str) else content

    @staticmethod
    def _too_long(limit: int) -> TooMuchOutput:
        return TooMuchOutput(f"the process in the sandbox sent a line of more than {limit:,} bytes")


def parse(line: bytes) -> Any:
    """A line of JSON, in which numbers may be infinite or NaN.

    Args:
        line: bytes of bounded length.

    Raises:
        TooMuchOutput: it is not JSON, deeper than :data:`DEPTH` or has too long a number.
    """
    try:
        content = json.loads(line.decode("utf-8"), parse_int=_whole)
        _require_shallow(content)
    except (ValueError, RecursionError) as error:
        raise TooMuchOutput("the process in the sandbox sent a line that is not JSON") from error
    return content


def _whole(text: str) -> int:
    if len(text) > NUMBER:
        raise ValueError("a number with too many digits")
    return int(text)


def _require_shallow(content: Any) -> None:
    """Check the depth, level by level: content is a tree, since it was read from text."""
    level = [content]
    for _ in range(DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level = [each for each in inner if isinstance(each, dict | list)]
        if not level:
            return
    raise ValueError("too deep")
