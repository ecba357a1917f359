"""Copies of submitted checkpoints, named by their hash, next to the database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url

from models_zoo.checkpoint import FileBytes, sha256_file
from models_zoo.checkpoint.inspection import open_checkpoint
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError, shown
from models_zoo.foreign_names import FILES

WORKSPACE = Path(".nonsingular")


def read_submission(file: Path, weights: str | None = None) -> FileBytes:
    """Read a submitted file once, so that the same bytes are scored, hashed and kept.

    Args:
        file: weights, or an ONNX graph.
        weights: as :func:`models_zoo.load_file`.

    Raises:
        InputError: it cannot be read, or has another format.
    """
    from models_zoo.sources.program import FORMATS, open_program  # imports PyTorch

    if file.suffix.lower() in FORMATS:
        return open_program(file)
    return open_checkpoint(file, weights)


def keep(file: FileBytes, workspace: Path = WORKSPACE) -> Path:
    """Write a checkpoint to ``<workspace>/checkpoints/<sha256><suffix>`` atomically.

    Args:
        file: content of the checkpoint.
        workspace: folder of the installation's files; created if missing.

    Raises:
        InputError: the folder cannot be created or written.
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
    """The suffix of a file's name if it is a supported one, else empty."""
    return path.suffix if path.suffix.lower() in FILES else ""


def kept_file(sha256: str, *workspaces: Path) -> Path | None:
    """The checkpoint that :func:`keep` copied; ``None`` if no workspace has it.

    Args:
        sha256: of the file.
        workspaces: where to look, besides the working directory, which earlier versions used.
    """
    folders = (each / "checkpoints" for each in (*workspaces, WORKSPACE))
    return next((file for folder in folders for file in folder.glob(f"{sha256}*")), None)


def workspace_of(database: str | Path) -> Path:
    """The folder of an installation's files: next to an SQLite file, else in the working directory.

    Args:
        database: an SQLAlchemy URL, or the path of an SQLite file.
    """
    text = str(database)
    if isinstance(database, str) and "://" in text:
        url = make_url(text)
        if url.get_backend_name() != "sqlite" or url.query:
            return WORKSPACE
        text = url.database or ":memory:"
    return WORKSPACE if text == ":memory:" else Path(text).parent / WORKSPACE
