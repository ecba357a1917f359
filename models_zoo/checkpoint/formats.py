"""The format of a checkpoint file, determined from its first bytes before it is parsed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from models_zoo.checkpoint.archive import directory
from models_zoo.checkpoint.content import Readable
from models_zoo.display import shown
from models_zoo.errors import InputError

Format = Literal["safetensors", "archive", "legacy"]

REFUSED_SUFFIXES = {
    ".pkl": "a pickle of Python objects runs code when loaded",
    ".pickle": "a pickle of Python objects runs code when loaded",
    ".pt2": "an exported program carries code, not only weights",
    ".onnx": "an ONNX graph is a whole network, not only weights",
}
_SAVE_HINT = "save model.state_dict() with torch.save or safetensors"
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-Zip",
    b"Rar!": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}


def require_suffix(path: Path) -> None:
    """Refuse a file whose suffix says that it is not a checkpoint.

    Raises:
        InputError: the suffix is one of :data:`REFUSED_SUFFIXES`.
    """
    suffix = path.suffix.lower()
    if suffix in REFUSED_SUFFIXES:
        raise InputError(
            f"checkpoint {shown(path)} is refused: {REFUSED_SUFFIXES[suffix]}; {_SAVE_HINT}"
        )


def detect_format(path: Path, source: Readable) -> Format:
    """The reader that a checkpoint file needs, by its content.

    Args:
        path: of the file, for messages; the suffix ``.safetensors`` is trusted.
        source: its content.

    Raises:
        InputError: it is empty, or of an unsupported kind.
    """
    head = source.read(0, 512)
    called = f"checkpoint {shown(path)}"
    if not head:
        raise InputError(f"{called} is empty; download or save it again")
    _refuse_other_files(called, head)
    if path.suffix.lower() == ".safetensors" or head[8:9] == b"{":
        return "safetensors"
    if head.startswith(b"PK"):
        _refuse_programs(called, source)
        return "archive"
    if head.startswith(b"\x80"):
        return "legacy"
    raise InputError(f"{called} is neither safetensors nor a file of torch.save; {_SAVE_HINT}")


def _refuse_other_files(called: str, head: bytes) -> None:
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise InputError(
            f"{called} is a web page, not weights (a download that asked for a login "
            "or a confirmation?); download it again"
        )
    if text.startswith(b"version https://git-lfs"):
        raise InputError(f"{called} is a Git LFS pointer; run 'git lfs pull' to get it")
    if head[257:262] == b"ustar":
        raise InputError(
            f"{called} is a tar archive; unpack it, or if PyTorch before 0.1.10 wrote it, load it "
            "with PyTorch and save it again"
        )
    for mark, name in _PACKED.items():
        if head.startswith(mark):
            raise InputError(f"{called} is packed with {name}; unpack it first")
    if not head.strip(b"\0"):
        raise InputError(f"{called} begins with zeros only; download or save it again")


def _refuse_programs(called: str, source: Readable) -> None:
    try:
        names = directory(source)
    except Exception:  # reported by the reader, in the same way as other damage
        return
    inner = {name.split("/", 1)[-1] for name in names}
    if any(name.startswith("code/") for name in inner) or "constants.pkl" in inner:
        raise InputError(f"{called} is a TorchScript program, which carries code; {_SAVE_HINT}")
    if any(name.startswith(("models/", "archive_format")) for name in inner):
        raise InputError(f"{called} is an exported program, which carries code; {_SAVE_HINT}")
    if any(name.endswith(".npy") for name in inner):
        raise InputError(f"{called} holds NumPy arrays; {_SAVE_HINT}")
