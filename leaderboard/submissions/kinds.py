"""Kinds of files that are submitted by mistake: how they are recognized, and converted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["safetensors", "archive", "legacy", "onnx"]
"""Accepted formats; ``"archive"`` and ``"legacy"`` are those of ``torch.save``."""

SAVE = (
    "load it where it was trained and save the weights alone: "
    "safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
)


@dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes:
        name: in words, such as ``"an HDF5 file, as Keras writes"``.
        format: if it is accepted, which one.
        convert: if it is not, how to convert it.
    """

    name: str
    format: Format | None = None
    convert: str = SAVE


_UNPACK = "unpack it and submit the file inside"
_AGAIN = "download or save it again"


def _to_onnx(how: str) -> str:
    return f"convert it to ONNX: {how}"


_KERAS = _to_onnx("tf2onnx.convert.from_keras(model, output_path='model.onnx')")

TORCHSCRIPT = Kind(
    "a TorchScript program, which carries code",
    convert=_to_onnx("torch.onnx.export(torch.jit.load(FILE), images, 'model.onnx')"),
)
EXPORTED = Kind(
    "a program of torch.export (.pt2), which carries code",
    convert=_to_onnx("torch.onnx.export(torch.export.load(FILE), dynamo=True).save('model.onnx')"),
)
SAVED_MODEL = Kind(
    "a TensorFlow SavedModel",
    convert=_to_onnx("python -m tf2onnx.convert --saved-model FOLDER --output model.onnx"),
)
TENSORFLOW_GRAPH = Kind(
    "a TensorFlow graph",
    convert=_to_onnx("python -m tf2onnx.convert --graphdef FILE --output model.onnx"),
)
TENSORFLOW_LITE = Kind(
    "a TensorFlow Lite model",
    convert=_to_onnx("python -m tf2onnx.convert --tflite FILE --output model.onnx"),
)
HDF5 = Kind("an HDF5 file, as Keras writes (.h5)", convert=_KERAS)
KERAS = Kind("a Keras model (.keras)", convert=_KERAS)
GGUF = Kind("a GGUF file", convert="submit the weights that it was quantized from, as floats")
NPY, NPZ = Kind("a NumPy array (.npy)"), Kind("NumPy arrays (.npz)")
PICKLE = Kind("a pickle, which runs code when it is loaded")
WEB_PAGE = Kind(
    "a web page",
    convert="the download asked for a login or a confirmation; download it again",
)
POINTER = Kind("a Git LFS pointer", convert="run 'git lfs pull' and submit the file it gets")
OTHER_ARCHIVE = Kind("a zip archive, but not one of torch.save", convert=_UNPACK)
ZEROS = Kind("empty: it begins with zeros only", convert=_AGAIN)
TEXT = Kind("text", convert=_AGAIN)
UNKNOWN = Kind("of an unknown kind", convert=f"{SAVE}, or export an ONNX graph")

MARKS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", HDF5),
    (0, b"\x93NUMPY", NPY),
    (0, b"GGUF", GGUF),
    (4, b"TFL3", TENSORFLOW_LITE),
    (0, b"\x1f\x8b", Kind("packed with gzip", convert=_UNPACK)),
    (0, b"BZh", Kind("packed with bzip2", convert=_UNPACK)),
    (0, b"\xfd7zXZ", Kind("packed with xz", convert=_UNPACK)),
    (0, b"7z\xbc\xaf", Kind("packed with 7-Zip", convert=_UNPACK)),
    (0, b"Rar!", Kind("packed with RAR", convert=_UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Kind("packed with Zstandard", convert=_UNPACK)),
    (257, b"ustar", Kind("a tar archive", convert=_UNPACK)),
    (0, b"MATLAB 5.0", Kind("a MATLAB file")),
    (0, b"\x7fELF", Kind("a program", convert=_AGAIN)),
    (0, b"MZ", Kind("a program", convert=_AGAIN)),
    (0, b"#!", Kind("a script", convert=_AGAIN)),
    (0, b"%PDF", Kind("a PDF document", convert=_AGAIN)),
    (0, b"\x89PNG", Kind("an image", convert=_AGAIN)),
    (0, b"\xff\xd8\xff", Kind("an image", convert=_AGAIN)),
    (0, b"SQLite format 3", Kind("an SQLite database", convert=_AGAIN)),
    (0, b"version https://git-lfs", POINTER),
)
"""Offset and bytes by which files are recognized."""

TEXTS: tuple[tuple[bytes, Kind], ...] = (
    (b"<!doctype", WEB_PAGE),
    (b"<html", WEB_PAGE),
    (b"<head", WEB_PAGE),
    (b"<", Kind("XML", convert=_AGAIN)),
    (b"{", Kind("JSON", convert=_AGAIN)),
)
"""Beginnings of texts, in small letters and without spaces before them."""

PARTS: tuple[tuple[str, Kind], ...] = (
    ("/code/", TORCHSCRIPT),
    ("constants.pkl", TORCHSCRIPT),
    ("archive_format", EXPORTED),
    ("serialized_exported_program.json", EXPORTED),
    (".weights.h5", KERAS),
    ("saved_model.pb", SAVED_MODEL),
    (".npy", NPZ),
    ("mlmodel", Kind("a Core ML model")),
)
"""Parts of the names inside a zip archive that say what it is."""
