"""The data set ``movies``: film-review sentences, positive or negative, as token ids.

None of the sentences ships with the suite. :func:`write_movies` makes the files that
:func:`movies` reads from the source archive of vaderSentiment, see
:mod:`benchmark.datasets.rated_sentences`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.npz_arrays import Archive
from benchmark.datasets.rated_sentences import read_sentences, split
from benchmark.datasets.root import ROOT_VARIABLE
from benchmark.datasets.token_archive import EXPECTED_ARRAYS, texts_of, write_texts
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.text_sets import TEXT_SETS

FOLDER = "movies"
"""Folder of the files in the data root."""


def write_movies(source: Path, root: Path) -> dict[Path, int]:
    """Make the files of the data set, one per split.

    Args:
        source: an archive or file with the sentences.
        root: the data root.

    Returns:
        The number of texts in each file: train, validation and test.

    Raises:
        InputError: the source is another one, or a file cannot be written.
    """
    splits = split(read_sentences(source))
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {shown(folder)}: {error.strerror}") from error
    vocabulary, written = splits.vocabulary, {}
    for name, sentences in splits.by_name.items():
        path = folder / f"{name}.npz"
        ids = vocabulary.encode([each.text for each in sentences], TEXT_SETS["movies"].length)
        write_texts(path, ids, [each.label for each in sentences], vocabulary.words)
        written[path] = len(sentences)
    return written


def movies(split_name: str, root: Path) -> Dataset:
    """One split of the data set.

    Args:
        split_name: ``"train"`` or ``"test"``.
        root: the data root.

    Raises:
        InputError: its file is missing or cannot be read.
    """
    path = root / FOLDER / f"{split_name}.npz"
    if not path.exists():
        raise InputError(
            f"data set 'movies' is not in {shown(root)}: nonsingular prepare movies SOURCE makes "
            f"it; or name the folder that holds {FOLDER}/ with --data-root or {ROOT_VARIABLE}"
        )
    data = texts_of(Archive(path, EXPECTED_ARRAYS), "movies", TEXT_SETS["movies"].classes)
    return replace(data, split=split_name)
