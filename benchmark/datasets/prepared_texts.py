"""Data sets of texts that are made from an archive: ``movies`` and ``spam``, as token ids.

None of the texts ships with the suite. :func:`prepare_texts` makes the files that
:func:`prepared_texts` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labeled_texts import LabeledText, split
from benchmark.datasets.mails import read_mails
from benchmark.datasets.npz_arrays import Archive
from benchmark.datasets.rated_sentences import read_sentences
from benchmark.datasets.root import ROOT_VARIABLE
from benchmark.datasets.token_archive import EXPECTED_ARRAYS, texts_of, write_texts
from models_zoo.display import shown
from models_zoo.errors import InputError, unknown_name
from models_zoo.text_sets import TEXT_SETS

READERS: Mapping[str, Callable[[Path], list[LabeledText]]] = {
    "movies": read_sentences,
    "spam": read_mails,
}
"""What reads the source of a data set, which also names the folder of its files."""


def prepare_texts(name: str, source: Path, root: Path) -> dict[Path, int]:
    """Make the files of a data set, one per split.

    Args:
        name: of :data:`READERS`.
        source: an archive or file with the texts.
        root: the data root.

    Returns:
        The number of texts in each file: train, validation and test.

    Raises:
        InputError: the name is unknown, the source is another one, or a file cannot be written.
    """
    if name not in READERS:
        raise unknown_name("data set to prepare", name, READERS)
    splits = split(READERS[name](source))
    folder = root / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {shown(folder)}: {error.strerror}") from error
    vocabulary, written = splits.vocabulary, {}
    for part, texts in splits.by_name.items():
        path = folder / f"{part}.npz"
        ids = vocabulary.encode([each.text for each in texts], TEXT_SETS[name].length)
        write_texts(path, ids, [each.label for each in texts], vocabulary.words)
        written[path] = len(texts)
    return written


def prepared_texts(name: str, split_name: str, root: Path) -> Dataset:
    """One split of a data set.

    Args:
        name: of :data:`READERS`.
        split_name: ``"train"`` or ``"test"``.
        root: the data root.

    Raises:
        InputError: its file is missing or cannot be read.
    """
    path = root / name / f"{split_name}.npz"
    if not path.exists():
        raise InputError(
            f"data set {name!r} is not in {shown(root)}: nonsingular prepare {name} SOURCE makes "
            f"it; or name the folder that holds {name}/ with --data-root or {ROOT_VARIABLE}"
        )
    data = texts_of(Archive(path, EXPECTED_ARRAYS), name, TEXT_SETS[name].classes)
    return replace(data, split=split_name)
