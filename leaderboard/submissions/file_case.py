"""The file of a submission while it is checked. Nothing here imports PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from leaderboard.submissions.description import Description
from leaderboard.submissions.file_kind import SUFFIXES, kind_of
from leaderboard.submissions.kinds import Kind
from models_zoo.checkpoint.candidates import Choice, choose
from models_zoo.checkpoint.content import FileBytes, Readable, read_file, require_size
from models_zoo.checkpoint.inspection import READERS
from models_zoo.display import shown
from models_zoo.errors import InputError

KIND = "submission"
"""Kind of the file in messages."""


class _OtherKindError(Exception):
    """The file is of a kind that is not accepted, and need not be read."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.name)
        self.kind = kind


@dataclass
class FileCase:
    """A submitted file that is checked; the properties are computed on first use and kept.

    Attributes:
        path: of the file.
        name: of the file as the submitter calls it.
        description: what the submitter says.
        content_read: the bytes of the file, if they were read before.
    """

    path: Path
    name: str
    description: Description
    content_read: FileBytes | None = None

    @property
    def called(self) -> str:
        """The file in messages."""
        return f"file {shown(self.name)}"

    @cached_property
    def opened(self) -> tuple[Kind, FileBytes | None]:
        """The kind of the file, from its beginning, and its bytes if the kind is accepted.

        Raises:
            InputError: it is no regular file, empty or too large.
        """
        if self.content_read is not None:
            return kind_of(self.content_read), self.content_read

        def look(source: Readable) -> None:
            require_size(self.path, source.size, None, kind=KIND)
            kind = kind_of(source)
            if kind.format is None:
                raise _OtherKindError(kind)

        try:
            read = read_file(self.path, kind=KIND, inspect=look)
        except _OtherKindError as error:
            return error.kind, None
        return kind_of(read), read

    @property
    def file(self) -> FileBytes:
        """The bytes of the file, under the submitter's name, once its kind is accepted."""
        kind, read = self.opened
        if read is None:
            raise InputError(f"{self.called} is {kind.name}")
        return FileBytes(Path(self.name), read.data, read.sha256)

    @property
    def kind(self) -> Kind:
        """The kind of the file, from its content."""
        return self.opened[0]

    @property
    def is_graph(self) -> bool:
        """Whether the file contains the network itself."""
        return self.kind.format == "onnx"

    @cached_property
    def content(self) -> object:
        """The content of a file of weights, with tensors as descriptions.

        Raises:
            UnsafeError: it is a pickle that holds more than tensors.
            Exception: it is damaged; its reader can fail in any way.
        """
        if self.kind.format is None or self.kind.format == "onnx":
            raise InputError(f"{self.called} is {self.kind.name}")
        return READERS[self.kind.format](self.file)

    @cached_property
    def choice(self) -> Choice:
        """The set of weights in the file that is used.

        Raises:
            InputError: there is none, or several and it is not said which.
        """
        return choose(self.content, self.description.weights, self.called)

    @cached_property
    def suffixed(self) -> FileBytes:
        """The file with a name that ends as its format usually does, which readers rely on."""
        usual = SUFFIXES[self.kind.format] if self.kind.format else ("",)
        path = Path(self.name)
        if path.suffix.lower() not in usual:
            path = path.with_suffix(usual[0])
        return FileBytes(path, self.file.data, self.file.sha256)
