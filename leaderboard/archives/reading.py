"""Reading an archive from anywhere: nothing in it is trusted before it has been checked."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TypeVar

from pydantic import ValidationError

from benchmark.batteries import content_sha256
from benchmark.results import ProbeResult
from leaderboard.archives.counterexample_lines import stored_of, unpacked
from leaderboard.archives.records import (
    FORMAT,
    VERSION,
    BatteryLine,
    End,
    Header,
    Line,
    ModelLine,
    ResultLine,
)
from leaderboard.store import encoding
from leaderboard.store.counterexamples import StoredCounterexample
from leaderboard.store.reading import checked_result, require_shares
from models_zoo.checkpoint.content import read_file
from models_zoo.errors import InputError, first_problem, reason_of, shown

MAX_FILE = 1 << 30
"""Maximum size of a file in bytes. The results of the zoo have about 2 MB."""

MAX_LINE = 64 << 20
"""Maximum size of a line in bytes, so that a small file cannot expand into all memory."""

MAX_CONTENT = 16 << 30
"""Maximum size of the content in bytes."""

L = TypeVar("L", bound=Line)


@dataclass(frozen=True)
class Result:
    """A checked result.

    Attributes:
        line: as in the file.
        result: the same as an object, with its outcomes.
    """

    line: ResultLine
    result: ProbeResult

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """Fingerprint, battery, data, seed and probe."""
        where = self.line.provenance
        hashes = where.fingerprint, where.battery_sha256, where.data_sha256
        return (*hashes, where.seed, self.result.probe)


class Archive:
    """A file whose every line was checked. Results are read again when they are iterated over.

    Args:
        path: where it was read from.
        data: its bytes.
        sha256: hash of these bytes.

    Raises:
        InputError: it is not a valid archive.
    """

    def __init__(self, path: Path, data: bytes, sha256: str) -> None:
        self.path, self._data, self.sha256 = path, data, sha256
        self.batteries: dict[str, BatteryLine] = {}
        self.models: dict[str, ModelLine] = {}
        self.counterexamples: dict[str, list[tuple[str, StoredCounterexample]]] = {}
        keys = set()
        for each in self.results():
            if each.key in keys:
                raise self._refused(f"the result {shown(each.key[4])} is in it twice")
            keys.add(each.key)

    def results(self) -> Iterator[Result]:
        """Every result, one at a time."""
        with self._refusing(), gzip.GzipFile(fileobj=io.BytesIO(self._data)) as file:
            lines = _Lines(file)
            self.header = self._header(lines)
            for _ in range(self.header.batteries):
                self._keep_battery(lines.next(BatteryLine))
            for _ in range(self.header.models):
                self._keep_model(lines.next(ModelLine))
            for _ in range(self.header.results):
                yield self._result(lines.next(ResultLine))
            found = lines.sha256
            if lines.next(End).sha256 != found:
                raise ValueError("its content does not have the SHA-256 of its last line")
            if file.read(1):
                raise ValueError("there is something after its last line")

    def _header(self, lines: _Lines) -> Header:
        content = lines.raw()
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"its first line does not say {FORMAT!r}")
        if content.get("version") != VERSION:
            found = shown(content.get("version"))
            raise ValueError(
                f"it has version {found} of the format, this suite reads {VERSION}; "
                "install the version of the suite that wrote it"
            )
        header = Header.model_validate(content)
        _require_printable(header.by, header.licence)
        datetime.fromisoformat(header.created)
        return header

    def _keep_battery(self, line: BatteryLine) -> None:
        name = line.content.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= 100 or not name.isprintable():
            raise ValueError(f"a battery has the name {shown(name)}")
        if not isinstance(line.content.get("probes"), dict):
            raise TypeError(f"the battery {shown(name)} has no table of probes")
        if content_sha256(line.content, line.algorithms) != line.sha256:
            raise ValueError(f"the battery {shown(name)} does not have the stated SHA-256")
        self.batteries[line.sha256] = line

    def _keep_model(self, line: ModelLine) -> None:
        card = line.card
        _require_printable(card.name, card.dataset, card.architecture)
        for path in (card.checkpoint, card.weights):
            if path is not None and _leads_out(path):
                raise ValueError(f"the model {shown(card.name)} names the file {shown(path)}")
        for each in line.counterexamples:
            _require_printable(each.by)
            _require_printable(each.note[:200], each.note[200:])
        self.models[line.fingerprint] = line
        self.counterexamples[line.fingerprint] = [
            (each.data_sha256, stored_of(each, imported=True)) for each in line.counterexamples
        ]

    def _result(self, line: ResultLine) -> Result:
        where = line.provenance
        if where.fingerprint not in self.models:
            raise ValueError("a result is of a model that is not in it")
        battery = self.batteries.get(where.battery_sha256)
        if battery is None:
            raise ValueError("a result is of a battery that is not in it")
        if (where.battery, where.algorithms) != (battery.content["name"], battery.algorithms):
            raise ValueError("a result states another battery than that of its hash")
        if not re.fullmatch("[0-9a-f]{64}", where.data_sha256):
            raise ValueError(f"a result states {shown(where.data_sha256)} as SHA-256 of its images")
        if not -(2**63) <= where.seed < 2**63:
            raise ValueError(f"a result has the seed {shown(where.seed)}")
        for moment in (where.created, *(rerun.created for rerun in line.reruns)):
            datetime.fromisoformat(moment)
        outcomes = {name: unpacked(each) for name, each in line.outcomes.items()}
        result = checked_result(line.content, outcomes, where)
        _require_printable(where.device, result.probe, *(rerun.by for rerun in line.reruns))
        names = [result.probe, *result.scores]
        if any(not 0 < len(name) <= 100 or not name.isprintable() for name in names):
            raise ValueError("a name in a result is empty, too long or does not print")
        require_shares(result)
        return Result(line, result)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except ValidationError as error:
            place, reason, _ = first_problem(error)
            raise self._refused(f"{place[:80] or 'a line'!r}: {reason}") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._refused(f"it is damaged or not a gzip file ({error})") from error
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise self._refused(reason_of(error)) from error

    def _refused(self, reason: str) -> InputError:
        return InputError(
            f"{shown(self.path)} is not a usable archive: {reason}; nothing was imported. Give a "
            "file that nonsingular export --archive wrote"
        )


class _Lines:
    """The lines of a stream, each read only up to the maximum size."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file, self._hash, self._size = file, hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        """Of everything that was read."""
        return self._hash.hexdigest()

    def raw(self) -> object:
        """The next line as JSON."""
        line = self._file.readline(MAX_LINE + 1)
        self._size += len(line)
        if len(line) > MAX_LINE or self._size > MAX_CONTENT:
            raise ValueError("it is larger after decompression than any archive")
        if not line.endswith(b"\n"):
            raise ValueError("it ends before its last line")
        if b"\\u0000" in line:
            raise ValueError("a text has a null character")
        self._hash.update(line)
        found = encoding.loads(line)
        if b"\\ud" in line.lower():
            _require_encodable(found)
        return found

    def next(self, kind: type[L]) -> L:
        """The next line."""
        return kind.model_validate(self.raw())


def read_archive(path: str | Path) -> Archive:
    """Read and check a whole archive.

    Args:
        path: of a file that :func:`leaderboard.archives.write_archive` wrote, or that claims so.

    Raises:
        InputError: it cannot be read, or it is not a valid archive.
    """
    content = read_file(path, kind="archive", most=MAX_FILE)
    return Archive(content.path, content.data, content.sha256)


def _require_printable(*texts: str) -> None:
    for text in texts:
        if not text.isprintable() or len(text) > 200:
            raise ValueError(f"the text {shown(text)} is too long or does not print")


def _require_encodable(content: object) -> None:
    """Refuse halves of surrogate pairs, which no database stores; archives are written without."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text has half of a surrogate pair") from error


def _leads_out(path: str) -> bool:
    """Whether a file's name leads out of its folder, on any system."""
    return any(
        pure.is_absolute() or pure.drive or ".." in pure.parts
        for pure in (PurePosixPath(path), PureWindowsPath(path))
    )
