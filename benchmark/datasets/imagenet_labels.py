"""The ImageNet class of a folder or of a line of a list."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from models_zoo.display import shown
from models_zoo.errors import InputError

N_CLASSES = 1000
"""Number of classes of ILSVRC 2012."""

WORDNET = re.compile(r"n\d{8}")
"""A WordNet id, such as n01440764."""

LIST_FILES = ("val.txt", "LOC_val_solution.csv")
"""Files that list the class of each image of a flat folder."""

_AMBIGUOUS_NAMES = ("cardigan", "crane", "crane bird", "maillot", "maillot tank suit", "missile")
"""English names of two classes each, such as the dog and the jacket."""

_MAX_LIST_BYTES = 20_000_000
"""Bytes; Kaggle's list of the 50,000 validation images has 2 MB."""


@cache
def wordnet_classes() -> dict[str, int]:
    """Class of each of the thousand WordNet ids of ILSVRC 2012: its rank in sorted order.

    The table comes with timm; the order is that of torchvision, timm and RobustBench.
    """
    from timm.data import ImageNetInfo  # slow to import, and only ImageNet needs it

    names = ImageNetInfo("imagenet-1k").label_names()
    if len(names) != N_CLASSES or names != sorted(set(names)):
        raise RuntimeError("timm's table of ImageNet's classes is not the thousand of ILSVRC 2012")
    return {name: rank for rank, name in enumerate(names)}


@cache
def named_classes() -> dict[str, int]:
    """Class of each English name that torchvision gives to one class only, normalized."""
    from torchvision.models import ResNet50_Weights

    names = [_plain(name) for name in ResNet50_Weights.DEFAULT.meta["categories"]]
    return {name: rank for rank, name in enumerate(names) if name not in _AMBIGUOUS_NAMES}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def folder_classes(names: Sequence[str], folder: Path) -> dict[str, int]:
    """The class of each class folder, by its name.

    WordNet ids and English names may be some of the thousand. Numbers are class indices only if all
    of 0 to 999 are present; otherwise it is unknown whether they count from 0.

    Args:
        names: of the class folders, at least one.
        folder: where they are, for messages.

    Raises:
        InputError: a name has no class, or several.
    """
    table = wordnet_classes()
    if not [name for name in names if WORDNET.fullmatch(name)]:
        if all(name.isascii() and name.isdigit() for name in names):
            return _by_index(names, folder)
        found = {name: named_classes().get(_plain(name)) for name in names}
        known = {name: index for name, index in found.items() if index is not None}
        if len(known) == len(names) == len(set(known.values())):
            return known
    if unknown := [name for name in names if name not in table]:
        listed, count = ", ".join(shown(name) for name in unknown[:3]), len(unknown)
        more = f" and {count - 3} more" if count > 3 else ""
        raise InputError(
            f"{listed}{more} of the {len(names)} folders in {folder} are none of ImageNet's "
            f"thousand classes; name each class folder by its WordNet id, such as n01440764, and "
            "move others away"
        )
    return {name: table[name] for name in names}


def _by_index(names: Sequence[str], folder: Path) -> dict[str, int]:
    indices = {name: int(name) for name in names}
    if sorted(indices.values()) == list(range(N_CLASSES)):
        return indices
    raise InputError(
        f"the {len(names)} folders in {folder} are numbers, but not all of 0 to {N_CLASSES - 1}, "
        "so that their classes cannot be known; name them by WordNet ids, such as n01440764"
    )


def listed_classes(folder: Path, files: Sequence[str]) -> dict[str, int]:
    """The class of each image of a flat folder, from a list that lies in it or beside it.

    ``val.txt`` has a line per image, with its file name and a WordNet id or a class index from 0;
    ``LOC_val_solution.csv`` is Kaggle's.

    Args:
        folder: such as ``imagenet/val``.
        files: names of the images in it.

    Raises:
        InputError: there is no such list, or it lacks the class of an image.
    """
    places = [place / name for place in (folder, folder.parent) for name in LIST_FILES]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise InputError(
            f"{folder} holds {len(files):,} images and no class folders, so that their labels are "
            "not known; move each into a folder named by its WordNet id, such as n01440764, or "
            f"put Kaggle's {LIST_FILES[1]} beside it, or a {LIST_FILES[0]} with lines of file name "
            "and WordNet id"
        )
    classes = _read_list(path)
    found = {name: classes.get(_stem(name)) for name in files}
    if missing := [name for name, index in found.items() if index is None]:
        raise InputError(
            f"{path} has no class for {len(missing):,} of the {len(files):,} images in {folder}, "
            f"such as {shown(missing[0])}; complete it, or move them into class folders"
        )
    return {name: index for name, index in found.items() if index is not None}


def _read_list(path: Path) -> dict[str, int]:
    """Class by file name without extension."""
    wrong = InputError(
        f"{path} is not a list of ImageNet's classes; each line needs a file name and its WordNet "
        "id, such as n01440764, or its class from 0 to 999"
    )
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise wrong
        rows = list(csv.reader(path.read_text("utf-8-sig").replace("\0", "").splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise wrong from error
    pairs = [" ".join(row).split()[:2] for row in rows]
    pairs = [pair for pair in pairs if pair and pair != ["ImageId", "PredictionString"]]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise wrong
    table, labels = wordnet_classes(), [label for _, label in pairs]
    if all(label in table for label in labels):
        return {_stem(name): table[label] for name, label in pairs}
    if not all(re.fullmatch(r"\d{1,3}", label, re.ASCII) for label in labels):
        raise wrong  # including 1000: the development kit's own numbers, which differ
    return {_stem(name): int(label) for name, label in pairs}


def _stem(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]
