"""Printing that works with any text, any encoding and closed pipes.

Names are user input, so printed text is never interpreted as markup. A terminal with another
encoding gets the closest characters it has. If the pipe is closed, as by ``| head``, the command
continues without output.
"""

from __future__ import annotations

import codecs
import os
import sys
from typing import IO, Any, TextIO

from rich.console import Console
from rich.table import Table

from leaderboard.terminal.verbosity import is_quiet, is_verbose
from models_zoo.display import printable

ERRORS = "nonsingular.nearest"
"""Name of the error handler that replaces characters an encoding lacks."""

_NEAREST = {
    "\N{HORIZONTAL ELLIPSIS}": "~",  # of one column, as in a table
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{NO-BREAK SPACE}": " ",
    "\N{BULLET}": "*",
    "\N{MIDDLE DOT}": ".",
    "\N{INFINITY}": "inf",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{PLUS-MINUS SIGN}": "+-",
}
_WIDEST = 10_000
_LINES, _BLOCKS, _BRAILLE = range(0x2500, 0x2580), range(0x2580, 0x2600), range(0x2800, 0x2900)


def prepare_streams() -> None:
    """Make stdout and stderr accept every text, and survive closed pipes."""
    codecs.register_error(ERRORS, _nearest)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the parent process
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
            continue
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)
        if stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _PipeSafeStream(stream))


def console(*, stderr: bool = False, **options: Any) -> Console:
    """A console that prints text verbatim: without markup, emoji codes or highlighting.

    On stderr, where progress is shown, it prints nothing under ``--quiet`` unless ``quiet=False``.

    Args:
        stderr: whether it writes there.
        options: of :class:`rich.console.Console`.
    """
    plain = {"markup": False, "emoji": False, "highlight": False, "quiet": stderr and is_quiet()}
    return Console(stderr=stderr, **plain | options)


def print_full_width(table: Table) -> None:
    """Print a table at its full width, whatever the width of the terminal."""
    output = console()
    output.width = max(output.width, console(width=_WIDEST).measure(table).maximum)
    output.print(table)


def print_to_fit(table: Table) -> None:
    """Print a table in the width of the terminal; at its full width where there is none."""
    output = console()
    if output.is_terminal:
        output.print(table)
    else:
        print_full_width(table)


def say(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print a text.

    Args:
        text: the text.
        err: print on stderr.
        end: printed after it.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if getattr(stream, "errors", None) != ERRORS:
        codecs.register_error(ERRORS, _nearest)
        text = text.encode(encoding, ERRORS).decode(encoding)
    print(text, file=stream, end=end, flush=True)


def note(text: str) -> None:
    """Print a line on stderr that ``--quiet`` leaves out.

    Args:
        text: line breaks, control characters and what the encoding lacks are escaped.
    """
    if not is_quiet():
        say(printable(text), err=True)


def detail(text: str) -> None:
    """Print a line on stderr that only ``--verbose`` shows.

    Args:
        text: as for :func:`note`.
    """
    if is_verbose():
        say(printable(text), err=True)


def write_binary(content: bytes) -> None:
    """Write bytes to stdout."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _discard_rest(sys.stdout)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_replaced, error.object[error.start : error.end])), error.end


def _replaced(character: str) -> str:
    if character in _NEAREST:
        return _NEAREST[character]
    code = ord(character)
    if code in _LINES:
        return "-"
    if code in _BLOCKS or code in _BRAILLE:
        return "*"
    return ascii(character)[1:-1]


def _discard_rest(stream: IO[Any]) -> None:
    """Redirect a stream to the null device: its reader is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _PipeSafeStream:
    """A stream that discards its output once its reader is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            _discard_rest(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            _discard_rest(self._stream)
