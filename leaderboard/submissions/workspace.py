"""Where submitted checkpoints are kept: by their hash, beside the database."""

from __future__ import annotations

from pathlib import Path

from models_zoo.checkpoint import FileBytes, sha256_file
from models_zoo.checkpoint.reading import open_checkpoint
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError, shown
from models_zoo.sources.program import FORMATS, open_program
from models_zoo.sources.reference import FILES

WORKSPACE = Path(".nonsingular")


def read_submission(file: Path, weights: str | None = None) -> FileBytes:
    """Read a submitted file, once: what is scored, hashed and kept are the same bytes.

    Args:
        file: weights, or an ONNX graph.
        weights: as :func:`models_zoo.load_file`.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    if file.suffix.lower() in FORMATS:
        return open_program(file)
    return open_checkpoint(file, weights)


def keep(file: FileBytes, workspace: Path = WORKSPACE) -> Path:
    """Write a checkpoint to ``<workspace>/checkpoints/<sha256><suffix>``, whole or not at all.

    Args:
        file: what was read of the checkpoint, and scored.
        workspace: the folder of the installation's own files, made where it is missing.

    Raises:
        InputError: the folder cannot be made or written.
    """
    folder = workspace / "checkpoints"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {shown(folder)}: {error.strerror}") from error
    kept = folder / f"{file.sha256}{_suffix(file.path)}"
    if not kept.is_file() or sha256_file(kept) != file.sha256:
        write_bytes(kept, file.data)
    return kept


def _suffix(path: Path) -> str:
    """The ending of a file's name where it is one of those that are read, else none."""
    return path.suffix if path.suffix.lower() in FILES else ""


def kept_file(sha256: str, workspace: Path = WORKSPACE) -> Path | None:
    """The checkpoint that :func:`keep` copied; ``None`` where this folder has no workspace with it.

    Args:
        sha256: of the file.
        workspace: the folder of the installation's own files.
    """
    return next(iter((workspace / "checkpoints").glob(f"{sha256}*")), None)
