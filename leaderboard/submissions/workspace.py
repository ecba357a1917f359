"""Where submitted checkpoints are kept: by their hash, beside the database."""

from __future__ import annotations

from pathlib import Path

from models_zoo.checkpoint import sha256_file
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError

WORKSPACE = Path(".nonsingular")


def keep(file: Path, workspace: Path = WORKSPACE) -> Path:
    """Copy a checkpoint to ``<workspace>/checkpoints/<sha256><suffix>``, whole or not at all.

    Args:
        file: the checkpoint.
        workspace: the folder of the installation's own files, made where it is missing.

    Raises:
        InputError: the folder cannot be made or written.
    """
    folder = workspace / "checkpoints"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {folder}: {error.strerror}") from error
    kept = folder / f"{sha256_file(file)}{file.suffix}"
    if not kept.exists():
        write_bytes(kept, file.read_bytes())
    return kept


def kept_file(sha256: str, workspace: Path = WORKSPACE) -> Path | None:
    """The checkpoint that :func:`keep` copied; ``None`` where this folder has no workspace with it.

    Args:
        sha256: of the file.
        workspace: the folder of the installation's own files.
    """
    return next(iter((workspace / "checkpoints").glob(f"{sha256}*")), None)
