"""Files that have arrived and are not checked: in a folder of their own, readable to nobody else.

Their names are random. Nothing that a submitter wrote is part of a path.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import IO

from leaderboard.submissions.workspace import kept_file
from models_zoo.checkpoint import sha256_file
from models_zoo.errors import InputError, shown

_ID = re.compile(r"[0-9a-f]{32}")


class Quarantine:
    """The folder of files that are not checked.

    Args:
        workspace: folder of the installation's files; created if missing.
        name: of the folder in it.

    Raises:
        InputError: the folder cannot be created.
    """

    def __init__(self, workspace: Path, name: str = "quarantine") -> None:
        self.workspace = workspace
        self.folder = workspace / name
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise InputError(f"cannot make {shown(self.folder)}: {error.strerror}") from error

    def path(self, number: str) -> Path:
        """Where the file of a submission is.

        Raises:
            ValueError: the number is not one of a submission.
        """
        if not _ID.fullmatch(number):
            raise ValueError(f"not the identifier of a submission: {number!r}")
        return self.folder / number

    def size(self, number: str) -> int:
        """How many bytes of a file have arrived."""
        try:
            return self.path(number).stat().st_size
        except FileNotFoundError:
            return 0

    def open(self, number: str, offset: int) -> IO[bytes]:
        """Open a file to write from an offset on; what follows it is cut off.

        Returns:
            A file that is open for reading and writing, at its end.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.fdopen(os.open(self.path(number), flags, 0o600), "r+b", buffering=0)
        try:
            file.truncate(offset)
            file.seek(offset)
        except OSError:
            file.close()
            raise
        return file

    def keep(self, number: str, sha256: str, suffix: str) -> Path:
        """Put a checked file among the kept checkpoints, under its hash; again changes nothing.

        Args:
            number: of the submission.
            sha256: of the file.
            suffix: that its format usually has.
        """
        return self._kept_as(number, sha256, self.kept(sha256, suffix))

    def keep_as(self, number: str, sha256: str, folder: Path) -> Path:
        """Put a checked file into another folder, under its hash; again changes nothing.

        Args:
            number: of the file.
            sha256: of the file.
            folder: where it is kept; created if missing.
        """
        return self._kept_as(number, sha256, folder / f"{sha256}.safetensors")

    def _kept_as(self, number: str, sha256: str, kept: Path) -> Path:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if kept.is_file() and sha256_file(kept) == sha256:
            return kept
        held = self.path(number)
        if sha256_file(held) != sha256:
            raise InputError(f"the file {number} was changed after it arrived")
        temporary = kept.with_name(f".{number}")
        temporary.unlink(missing_ok=True)
        os.link(held, temporary)
        temporary.replace(kept)
        return kept

    def bring_back(self, number: str, sha256: str) -> bool:
        """Make sure that the file of a submission is here that is to be checked.

        A backup is made while the service runs: by its database a file may wait to be checked that
        was kept already when the files were copied.

        Args:
            number: of the submission.
            sha256: of the file.

        Returns:
            Whether it is here.
        """
        path = self.path(number)
        if not path.exists() and (kept := kept_file(sha256, self.workspace)):
            os.link(kept, path)
        return path.exists()

    def kept(self, sha256: str, suffix: str) -> Path:
        """Where a checked file is kept."""
        return self.workspace / "checkpoints" / f"{sha256}{suffix}"

    def remove(self, number: str) -> None:
        """Remove a file; nothing if there is none."""
        self.path(number).unlink(missing_ok=True)

    def numbers(self) -> list[str]:
        """The identifiers of the submissions whose files are here."""
        return [path.name for path in self.folder.iterdir() if _ID.fullmatch(path.name)]

    def free(self) -> int:
        """Free bytes on its disk."""
        return shutil.disk_usage(self.folder).free
