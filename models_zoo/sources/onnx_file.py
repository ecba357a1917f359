"""The bytes of an ONNX file, read once, so that what is hashed is what is used."""

from __future__ import annotations

import os
from pathlib import Path

from models_zoo.errors import InputError, shown

LIMIT = 2**30
"""Bytes of a file that is read, by default: 1 GiB, which is a network of 250 million weights."""

VARIABLE = "NONSINGULAR_ONNX_BYTES"
"""Environment variable with another limit; the format ends at 2 GiB."""

OTHERS = {
    b"PK": "a zip archive, such as torch.save writes",
    b"\x80": "a pickle",
    b"version https://git-lfs": "a Git LFS pointer; run 'git lfs pull' to get it",
    b"\x89HDF": "an HDF5 file",
    b"\x7fELF": "a program",
    b"<": "a web page or XML",
    b"{": "JSON",
}
"""How files of other kinds begin."""


def read_content(path: Path) -> bytes:
    """All bytes of an ONNX file that is not too large.

    Raises:
        InputError: it is missing, no file, larger than the limit or evidently of another kind.
    """
    try:
        if not path.exists():
            raise InputError(f"checkpoint {path} does not exist; check the path")
        if not path.is_file():
            raise InputError(f"checkpoint {path} is not a file; name the .onnx file itself")
        limit = _limit()
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            head = stream.read(64)
            kind = next((kind for mark, kind in OTHERS.items() if head.startswith(mark)), None)
            if kind is not None or head[8:9] == b"{":
                raise InputError(f"model {path} is no ONNX file but {kind or 'safetensors'}")
            if not head:
                raise InputError(f"model {path} is empty; download or export it again")
            if size > limit:
                raise InputError(
                    f"model {path} has {size} bytes; ONNX files up to {limit} are read, or up to "
                    f"what {VARIABLE} says"
                )
            return head + stream.read(limit)
    except OSError as error:
        raise InputError(f"cannot read model {path}: {error.strerror or error}") from error


def _limit() -> int:
    text = os.environ.get(VARIABLE)
    if text is None:
        return LIMIT
    if not text.isascii() or not text.isdigit():
        raise InputError(f"{VARIABLE}={shown(text)} is no number of bytes")
    return int(text)
