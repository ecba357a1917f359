"""Texts as token ids in a NumPy archive: ``x`` int64 (N, L), ``y`` int64 (N,), ``vocab`` (V,)."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import class_labels, require_label_type
from benchmark.datasets.npy_header import Header
from benchmark.datasets.npz_arrays import Archive
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.display import shown
from models_zoo.errors import InputError

VOCABULARY = "vocab"
"""Name of the array with the word of each token id, which images do not have."""

EXPECTED_ARRAYS = "x int64 (N, L), y int64 (N,) and vocab, the word of each id as text (V,)"

MAX_WORDS, MAX_LENGTH = 1_000_000, 10_000
"""Maximum size of a vocabulary, and maximum length of texts."""

MAX_CHARACTERS = 100
"""Maximum number of characters of a word."""


def texts_of(archive: Archive, name: str, classes: int | None) -> Dataset:
    """Read texts; what the headers say is checked before any array is unpacked.

    Args:
        archive: with the arrays of :data:`EXPECTED_ARRAYS`.
        name: what to call the data set.
        classes: number of classes; ``None`` for the largest label plus 1, at least 2.

    Raises:
        InputError: an array is missing or not as stated.
    """
    path = archive.path
    if missing := sorted({"x", "y"} - set(archive.names)):
        raise InputError(
            f"{shown(path)} has {VOCABULARY!r} but lacks {' and '.join(map(repr, missing))}; "
            f"give {EXPECTED_ARRAYS}"
        )
    headers = archive.headers(["x", "y", VOCABULARY])
    _require_ids(headers["x"], path)
    _require_words(headers[VOCABULARY], path)
    require_label_type(headers["y"], path, EXPECTED_ARRAYS)
    labels = class_labels(archive.load("y", headers["y"]), path, EXPECTED_ARRAYS)
    if len(labels) != headers["x"].shape[0]:
        raise InputError(
            f"{shown(path)}: {headers['x'].shape[0]} texts but {len(labels)} labels; "
            f"give {EXPECTED_ARRAYS}"
        )
    if classes is None:
        classes = max(2, int(labels.max(initial=0)) + 1)
    stored = archive.load(VOCABULARY, headers[VOCABULARY])
    try:
        words = tuple(map(str, stored.tolist()))
    except (ValueError, SystemError) as error:  # a code point that Unicode does not have
        raise archive.unreadable(error) from error
    if len(set(words)) < len(words):
        raise InputError(f"{shown(path)}: a word is twice in {VOCABULARY!r}; give each one id")
    ids = archive.load("x", headers["x"])
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= len(words):
        raise InputError(
            f"{shown(path)}: token ids must be from 0 to {len(words) - 1}, the last word of "
            f"{VOCABULARY!r}, got {low} to {high}; encode the texts with this vocabulary"
        )
    return Dataset(
        name=name,
        split="file",
        images=torch.from_numpy(ids.astype(np.int64)),
        labels=torch.from_numpy(labels),
        classes=classes,
        words=words,
    )


def write_texts(path: Path, ids: Tensor, labels: Sequence[int], words: Sequence[str]) -> None:
    """Write an archive that :func:`texts_of` reads; the same content gives the same bytes.

    Args:
        path: the file.
        ids: int64 (N, L).
        labels: N labels.
        words: the word of each id.

    Raises:
        InputError: the file cannot be written.
    """
    arrays: dict[str, NDArray[np.int64] | NDArray[np.str_]] = {
        "x": ids.numpy(),
        "y": np.array(labels, dtype=np.int64),
        VOCABULARY: np.array(words, dtype=np.str_),
    }
    stream = BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # NumPy's stubs
    write_bytes(path, stream.getvalue())


def _require_ids(ids: Header, path: Path) -> None:
    if ids.dtype.kind not in "iu" or len(ids.shape) != 2:
        raise InputError(
            f"{shown(path)}: array 'x' is {ids.dtype} with shape {ids.shape}, and token ids are "
            f"integers (N, L); give {EXPECTED_ARRAYS}"
        )
    if 0 in ids.shape or ids.shape[1] > MAX_LENGTH:
        raise InputError(
            f"{shown(path)}: array 'x' has shape {ids.shape}; give at least one text of 1 to "
            f"{MAX_LENGTH:,} token ids"
        )


def _require_words(words: Header, path: Path) -> None:
    if words.dtype.kind != "U" or len(words.shape) != 1:
        raise InputError(
            f"{shown(path)}: array {VOCABULARY!r} is {words.dtype} with shape {words.shape}; "
            f"give {EXPECTED_ARRAYS}"
        )
    if not 2 <= words.shape[0] <= MAX_WORDS or words.dtype.itemsize > 4 * MAX_CHARACTERS:
        raise InputError(
            f"{shown(path)}: array {VOCABULARY!r} has {words.shape[0]:,} words of up to "
            f"{words.dtype.itemsize // 4:,} characters; give 2 to {MAX_WORDS:,} words of up to "
            f"{MAX_CHARACTERS} characters"
        )
