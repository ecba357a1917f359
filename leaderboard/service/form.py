"""The page's form as it arrives: short fields first, then one file, read as a stream.

Nothing is kept in memory but the fields and what has just arrived, and no temporary files are made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from leaderboard.service.problems import Problem, too_large

MOST_FIELDS = 40
"""Maximum number of fields."""

_MOST_BYTES = 64 << 10
"""Maximum number of bytes of all fields together."""

_HEADER_BYTES = 4096

FILE = "file"
"""Name of the field with the file, the last one."""

_BAD = "the form cannot be read: {}"
_FIX = "send it again, with a browser or as the page has it"


@dataclass
class Form:
    """A form that is read until its file begins.

    Attributes:
        fields: by name, as typed.
        file_name: of the file.
        content: the file, once; it has to be read to its end.
    """

    fields: dict[str, str]
    file_name: str
    content: AsyncIterator[bytes]


async def read_form(stream: AsyncIterator[bytes], content_type: str) -> Form:
    """Read the fields of a form, up to its file.

    Args:
        stream: the body of the request.
        content_type: its type, with the boundary.

    Raises:
        Problem: it is not a form as the page sends it.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise _bad("it is not multipart/form-data")
    parts = _Parts(boundary)
    async for chunk in stream:
        parts.read(chunk)
        if parts.file_name is not None:
            return Form(parts.fields, parts.file_name, _content(parts, stream))
        if parts.ended:
            break
    raise _bad("it has no file")


async def _content(parts: _Parts, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes of the file, up to the end of the form."""
    for piece in parts.taken():
        yield piece
    async for chunk in stream:
        parts.read(chunk)
        for piece in parts.taken():
            yield piece
    if not parts.ended:
        raise _bad("it ends in the middle")


@dataclass
class _Parts:
    """The parts of a form as far as they have arrived.

    Attributes:
        boundary: between the parts.
        fields: that are complete.
        file_name: once the file has begun.
        ended: whether the end of the form has arrived.
    """

    boundary: bytes
    fields: dict[str, str] = field(default_factory=dict)
    file_name: str | None = None
    ended: bool = False

    def __post_init__(self) -> None:
        self._name, self._value, self._bytes = "", bytearray(), 0
        self._header, self._headers = [bytearray(), bytearray()], dict[bytes, bytes]()
        self._pieces: list[bytes] = []
        try:
            self._parser = MultipartParser(
                self.boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": lambda data, start, end: self._heads(0, data[start:end]),
                    "on_header_value": lambda data, start, end: self._heads(1, data[start:end]),
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": lambda data, start, end: self._data(data[start:end]),
                    "on_part_end": self._part_ends,
                    "on_end": self._ends,
                },
                max_header_count=8,
                max_header_size=_HEADER_BYTES,
            )
        except FormParserError as error:
            raise _bad("its boundary is too long") from error

    def read(self, chunk: bytes) -> None:
        """Go on with what has arrived.

        Raises:
            Problem: it is not a form as the page sends it.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _bad("a part is malformed") from error

    def taken(self) -> list[bytes]:
        """What has arrived of the file since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def _part_begins(self) -> None:
        if self.file_name is not None:
            raise _bad("something follows the file")
        self._headers, self._value = {}, bytearray()
        self._header = [bytearray(), bytearray()]

    def _heads(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _header_ends(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = [bytearray(), bytearray()]

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise _bad("a part has no name")
        self._name = options[b"name"].decode("utf-8", "replace")
        if (self._name == FILE) != (b"filename" in options):
            raise _bad("its file is not in the field for it")
        if self._name == FILE:
            self.file_name = options[b"filename"].decode("utf-8", "replace")
        elif self._name in self.fields or len(self.fields) == MOST_FIELDS:
            raise _bad("a field is there twice, or there are too many")

    def _data(self, data: bytes) -> None:
        if self.file_name is not None:
            self._pieces.append(bytes(data))
            return
        self._bytes += len(data)
        if self._bytes > _MOST_BYTES:
            raise too_large(_MOST_BYTES, "the text of the form")
        self._value += data

    def _part_ends(self) -> None:
        if self.file_name is None:
            try:
                self.fields[self._name] = self._value.decode("utf-8")
            except UnicodeDecodeError:
                raise _bad("a field is not UTF-8") from None

    def _ends(self) -> None:
        self.ended = True


def _bad(reason: str) -> Problem:
    return Problem(400, "bad-form", _BAD.format(reason), _FIX)
