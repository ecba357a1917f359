"""Detecting files that are not ONNX files before they are read completely."""

from __future__ import annotations

from pathlib import Path

from models_zoo.checkpoint.content import Inspect, Readable
from models_zoo.errors import InputError, shown

OTHERS = {
    b"PK": "a zip archive, such as torch.save writes",
    b"\x80": "a pickle",
    b"version https://git-lfs": "a Git LFS pointer; run 'git lfs pull' to get it",
    b"\x89HDF": "an HDF5 file",
    b"\x7fELF": "a program",
    b"<": "a web page or XML",
    b"{": "JSON",
}
"""First bytes of files of other kinds."""


def inspecting(path: Path) -> Inspect:
    """Return a function that checks the first bytes of a file that should be an ONNX graph.

    Raises:
        InputError: raised by the returned function if the file is evidently of another kind.
    """

    def inspect(source: Readable) -> None:
        head = source.read(0, 64)
        kind = next((kind for mark, kind in OTHERS.items() if head.startswith(mark)), None)
        if kind is not None or head[8:9] == b"{":
            raise InputError(f"model {shown(path)} is not an ONNX file but {kind or 'safetensors'}")
        if head and not head.strip(b"\0"):
            raise InputError(f"model {shown(path)} is not an ONNX file: it begins with zeros")

    return inspect
