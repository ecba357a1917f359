"""The directory of a zip archive as PyTorch writes it: parts stored one after the other, unpacked.

The archive is read in place, without copying a part. Parts may not be compressed, encrypted,
duplicated or overlapping, so that reading needs no more than the size of the file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from models_zoo.checkpoint.content import Readable
from models_zoo.checkpoint.stored import DamagedError

PARTS = 200_000
"""Maximum number of parts of an archive; a checkpoint has one per tensor."""

_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_LONGEST_COMMENT = 1 << 16
_ASIDE, _ASIDE_SHORT = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class Part:
    """One file inside an archive.

    Attributes:
        name: as stored in the archive.
        start: offset in the archive, in bytes.
        length: in bytes.
        crc: its checksum, as stated in the directory.
    """

    name: str
    start: int
    length: int
    crc: int

    def read(self, source: Readable) -> bytes:
        """Its bytes.

        Raises:
            DamagedError: the checksum does not match.
        """
        content = source.read(self.start, self.length)
        self.check(content)
        return content

    def check(self, content: bytes | memoryview) -> None:
        """Verify the checksum of its bytes.

        Raises:
            DamagedError: the checksum does not match.
        """
        if len(content) != self.length or zlib.crc32(content) != self.crc:
            raise DamagedError(f"the checksum of its part {self.name!r} is wrong")


def directory(source: Readable) -> dict[str, Part]:
    """The parts of an archive by name.

    Raises:
        DamagedError: this is not an archive as PyTorch writes it.
        struct.error: it ends early.
    """
    count, start, size = end_of_directory(source)
    if count > PARTS:
        raise DamagedError(f"its directory lists {count:,} parts, more than the {PARTS:,} possible")
    if size > count * 1024:
        raise DamagedError("its directory is larger than its parts can need")
    parts: dict[str, Part] = {}
    taken: list[tuple[int, int]] = []
    for name, head, length, crc in _entries(source.read(start, size), count):
        first = _data_start(source, name, head)
        if name in parts:
            raise DamagedError(f"its part {name!r} is there twice")
        parts[name] = Part(name, first, length, crc)
        taken.append((head, first + length))
    taken.sort()
    ends = [*(head for head, _ in taken[1:]), start]
    if any(end > following for (_, end), following in zip(taken, ends, strict=True)):
        raise DamagedError("its parts overlap")
    return parts


def end_of_directory(source: Readable) -> tuple[int, int, int]:
    """Number of entries, start and size of a zip archive's directory, as its end states them.

    Raises:
        DamagedError: there is none, or it does not lie before its end.
        struct.error: it ends early.
    """
    tail_start = max(0, source.size - _LONGEST_COMMENT - 22)
    tail = source.read(tail_start, source.size - tail_start)
    found = tail.rfind(_END)
    if found < 0:
        raise DamagedError("its directory is missing")
    disk, home, here, count, size, start, comment = struct.unpack_from("<4H2IH", tail, found + 4)
    if found + 22 + comment != len(tail):
        raise DamagedError("something follows its directory")
    end = tail_start + found
    if source.read(max(0, end - 20), 4) == _LOCATOR:  # PyTorch always writes the longer form too
        disk, home, here, count, size, start, end = _end64(source, end)
    if (disk, home) != (0, 0) or here != count or start + size != end:
        raise DamagedError("its directory does not lie where it says")
    return count, start, size


def _end64(source: Readable, end: int) -> tuple[int, ...]:
    mark, _, place, disks = struct.unpack("<4sIQI", source.read(max(0, end - 20), 20))
    if mark != _LOCATOR or disks > 1:
        raise DamagedError("its directory does not lie where it says")
    mark, _, _, _, disk, home, here, count, size, start = struct.unpack(
        "<4sQ2H2I4Q", source.read(place, 56)
    )
    if mark != _END64:
        raise DamagedError("its directory does not lie where it says")
    return disk, home, here, count, size, start, place


def _entries(content: bytes, count: int) -> Iterator[tuple[str, int, int, int]]:
    """Name, start of the local header, length and checksum of every entry."""
    at = 0
    for _ in range(count):
        fields = struct.unpack_from("<4s6H3I5H2I", content, at)
        mark, flags, method, crc, packed, length = *fields[:1], *fields[3:5], *fields[7:10]
        names, extras, comments, disk, head = *fields[10:14], fields[16]
        if mark != _ENTRY or disk not in (0, _ASIDE_SHORT):
            raise DamagedError("its directory is not one")
        raw = content[at + 46 : at + 46 + names]
        name = raw.decode("utf-8", "surrogateescape")
        extra = content[at + 46 + names : at + 46 + names + extras]
        if _ASIDE in (packed, length, head):
            length, packed, head = _large(extra, length, packed, head)
        if flags & 0x2041:
            raise DamagedError(f"its part {name!r} is encrypted")
        if method != 0 or packed != length:
            raise DamagedError(f"its part {name!r} is compressed, which PyTorch never does")
        yield name, head, length, crc
        at += 46 + names + extras + comments
    if at != len(content):
        raise DamagedError("its directory has another length than it says")


def _large(extra: bytes, *values: int) -> list[int]:
    """Sizes and offset of an entry from its extra field, where they are too large for their own."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            numbers = iter(struct.iter_unpack("<Q", extra[at + 4 : at + 4 + length // 8 * 8]))
            return [next(numbers)[0] if value == _ASIDE else value for value in values]
        at += 4 + length
    return list(values)


def _data_start(source: Readable, name: str, head: int) -> int:
    fields = struct.unpack("<4s5H3I2H", source.read(head, 30))
    mark, flags, names, extras = fields[0], fields[2], fields[9], fields[10]
    if mark != _LOCAL or flags & 0x2041:
        raise DamagedError(f"its part {name!r} does not lie where the directory says")
    if source.read(head + 30, names).decode("utf-8", "surrogateescape") != name:
        raise DamagedError(f"its part {name!r} has another name than in the directory")
    return int(head + 30 + names + extras)
