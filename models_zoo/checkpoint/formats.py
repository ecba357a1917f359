"""Telling what a checkpoint file is from its first bytes, before anything parses it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Literal

from models_zoo.errors import InputError

Format = Literal["safetensors", "torch"]

REFUSED_SUFFIXES = {
    ".pkl": "a pickle of Python objects runs code when loaded",
    ".pickle": "a pickle of Python objects runs code when loaded",
    ".pt2": "an exported program carries code, not only weights",
    ".onnx": "an ONNX graph is a whole network, not only weights",
}
_SAVE_HINT = "save model.state_dict() with torch.save or safetensors"


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    _require_file(path)
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def detect_format(path: Path) -> Format:
    """Which reader a checkpoint file needs, judged by its content.

    Raises:
        InputError: it is missing, not a file, empty, or of a kind that is not read.
    """
    _require_file(path)
    suffix = path.suffix.lower()
    if suffix in REFUSED_SUFFIXES:
        raise InputError(f"checkpoint {path} is refused: {REFUSED_SUFFIXES[suffix]}; {_SAVE_HINT}")
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise InputError(f"cannot read checkpoint {path}: {error.strerror}") from error
    if not head:
        raise InputError(f"checkpoint {path} is empty; download or save it again")
    return _format_of(path, head)


def _require_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"checkpoint {path} does not exist; check the path")
    if not path.is_file():
        raise InputError(f"checkpoint {path} is not a file; name the weights file itself")


def _format_of(path: Path, head: bytes) -> Format:
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise InputError(
            f"checkpoint {path} is a web page, not weights (a download that asked for a login "
            "or a confirmation?); download it again"
        )
    if text.startswith(b"version https://git-lfs"):
        raise InputError(f"checkpoint {path} is a Git LFS pointer; run 'git lfs pull' to get it")
    if path.suffix.lower() == ".safetensors" or head[8:9] == b"{":
        return "safetensors"
    if head.startswith(b"PK") and zipfile.is_zipfile(path):
        _refuse_programs(path)
    if head.startswith((b"PK", b"\x80")):
        return "torch"
    raise InputError(
        f"checkpoint {path} is neither safetensors nor a file of torch.save; {_SAVE_HINT}"
    )


def _refuse_programs(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        inner = {name.split("/", 1)[-1] for name in archive.namelist()}
    if any(name.startswith("code/") for name in inner) or "constants.pkl" in inner:
        raise InputError(
            f"checkpoint {path} is a TorchScript program, which carries code; {_SAVE_HINT}"
        )
    if any(name.startswith(("models/", "archive_format")) for name in inner):
        raise InputError(
            f"checkpoint {path} is an exported program, which carries code; {_SAVE_HINT}"
        )
