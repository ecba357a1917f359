"""One hostile or broken submission, and what the service has to say about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Builder = Callable[[Path], object]

MLP: dict[str, Any] = {"architecture": "mlp", "mean": [0.3054], "std": [0.3759]}
"""What a description of weights says about the network."""

GRAPH: dict[str, Any] = {"mean": [0.3054], "std": [0.3759]}
"""The same of a graph, which contains its network."""

WITNESS = "witness-of-code-that-ran"
"""Name of the file that the code of hostile entries makes where it is run."""


@dataclass(frozen=True)
class Entry:
    """A file with its description.

    Attributes:
        kind: row of the table that it is counted in.
        name: unique within its kind.
        write: writes the file.
        expected: ids of which the answer has to have one: of a finding, or of the problem with
            which the request is refused.
        said: the description, without the name and the data set unless it is about them.
        file_name: as the submitter calls the file.
        accepted: whether it may be scored in spite of that, since it is harmless.
        costly: whether to make it or to check it takes more than half a second.
    """

    kind: str
    name: str
    write: Builder
    expected: frozenset[str]
    said: Mapping[str, Any] = field(default_factory=lambda: MLP)
    file_name: str = "model.pt"
    accepted: bool = False
    costly: bool = False

    @property
    def title(self) -> str:
        """Name among all entries."""
        return f"{self.kind}: {self.name}"


def content(data: bytes) -> Builder:
    """What writes some bytes."""

    def write(path: Path) -> None:
        path.write_bytes(data)

    return write
