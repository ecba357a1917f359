"""Measured rows in a file of JSON lines: stored one by one, looked up, replaced when outdated."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

import benchmark
from benchmark.comparison import Comparison
from benchmark.processor import cpu_name
from benchmark.provenance import versions
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError, first_problem


class Circumstances(BaseModel):
    """The conditions of a measurement; it is repeated if any of them has changed.

    Attributes:
        model: name of the model.
        fingerprint: SHA-256 of its function.
        examples: number of examples.
        data_sha256: of images and labels.
        device: such as ``"cpu"``.
        threads: intra-operation threads.
        processor: name of the CPU, and of the GPU where that is the device.
        cores: CPU cores of the machine.
        versions: of Python and of the packages that can change a number.
        sources: SHA-256 of the sources that were measured, see :func:`sources_sha256`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    fingerprint: str
    examples: int
    data_sha256: str
    device: str
    threads: int
    processor: str
    cores: int
    versions: dict[str, str]
    sources: str

    @property
    def case(self) -> tuple[str | float, ...]:
        """The conditions that a table states only once."""
        return self.device, self.model


class Conditions(Circumstances):
    """Circumstances of a comparison of attacks.

    Attributes:
        norm: of the balls.
        eps: their radius, input units.
    """

    norm: str
    eps: float

    @property
    def case(self) -> tuple[str | float, ...]:
        """Device, model, norm and radius."""
        return self.device, self.model, self.norm, self.eps


class Measurement(BaseModel):
    """One row of a file.

    Attributes:
        conditions: what it depends on.
        parameters: size of the model.
        measured: UTC time, ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    conditions: Circumstances
    parameters: int
    measured: str


class Row(Measurement):
    """One comparison of attacks.

    Attributes:
        conditions: what it depends on.
        comparison: what was found.
    """

    conditions: Conditions
    comparison: Comparison


R = TypeVar("R", bound=Measurement)


class Records(Generic[R]):
    """The rows of a file, one JSON object per line; the newest row of each case counts.

    Args:
        path: the file; it may be missing.
        kind: type of its rows.

    Raises:
        InputError: a line is not a row.
    """

    def __init__(self, path: Path, kind: type[R]) -> None:
        self.path = path
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        self.rows: list[R] = []
        for number, line in enumerate(lines, 1):
            try:
                self.rows.append(kind.model_validate_json(line))
            except ValidationError as error:
                reason = first_problem(error).reason
                raise InputError(f"{path}, line {number} is not a measurement: {reason}") from error

    def has(self, conditions: Circumstances) -> bool:
        """Whether there is a row measured under exactly these conditions."""
        return any(row.conditions == conditions for row in self.rows)

    def put(self, row: R) -> None:
        """Store a row in place of any older one of its case; the file is replaced atomically.

        Raises:
            InputError: the file cannot be written.
        """
        others = [old for old in self.rows if old.conditions.case != row.conditions.case]
        self.rows = sorted([*others, row], key=lambda each: each.conditions.case)
        text = "".join(each.model_dump_json() + "\n" for each in self.rows)
        write_bytes(self.path, text.encode())


def surroundings(device: str) -> dict[str, Any]:
    """Device, threads, processor, cores and versions, as :class:`Circumstances` take them."""
    return {
        "device": device,
        "threads": torch.get_num_threads(),
        "processor": processor(device),
        "cores": cores(),
        "versions": versions(),
    }


UNRELATED = ("probes", "checks", "batteries", "datasets", "measures")
"""Parts of ``benchmark`` that the input attack does not use."""


def sources_sha256(without: Sequence[str] = UNRELATED) -> str:
    """SHA-256 over the names and contents of Python files of ``benchmark``.

    Args:
        without: parts to leave out; by default those that the input attack does not use.
    """
    folder = Path(str(benchmark.__file__)).parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        if file.relative_to(folder).parts[0] in without:
            continue
        digest.update(f"{file.relative_to(folder).as_posix()}|".encode() + file.read_bytes())
    return digest.hexdigest()


def processor(device: str) -> str:
    """Name of the CPU, and of the GPU if that is the device."""
    name = cpu_name()
    return f"{name}, {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else name


def cores() -> int:
    """CPU cores of the machine."""
    return os.cpu_count() or 1
