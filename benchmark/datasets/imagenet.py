"""ImageNet as folders of images, of which only the requested ones are decoded."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from torchvision.datasets.folder import has_file_allowed_extension

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.imagenet_labels import N_CLASSES, folder_classes, listed_classes
from benchmark.datasets.images import read_images
from benchmark.datasets.root import ROOT_VARIABLE
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of
from models_zoo.preprocessing import Preprocessing

FOLDERS = {"train": "train", "test": "val"}
"""ImageNet's test labels are not public, so the validation images are used for testing."""

MAX_IMAGES = 10_000
"""Maximum number of images that are read without an explicit number: 6 GB."""

EXTENSIONS = (".jpeg", ".jpg", ".png")

_IGNORED_PREFIXES = (".", "_", "@", "$", "#", "~")
_IGNORED_NAMES = ("lost+found", "System Volume Information", "Thumbs.db", "desktop.ini")
"""Prefixes, and names, of folders of editors, archives and file systems, which are ignored."""

_DEFAULT = Preprocessing()


def imagenet(
    split: str,
    root: Path,
    examples: int | None = None,
    preparation: Preprocessing = _DEFAULT,
    most: int | None = None,
) -> Dataset:
    """ImageNet (Russakovsky et al. 2015), preprocessed for a model.

    The order of the images is drawn from their names, so that the first few are spread over the
    classes and are the same on every machine. Labels are the usual indices of the thousand classes,
    even if only some of the classes are present; hidden folders and files are ignored.

    Args:
        split: ``"train"``, or ``"test"`` for the validation images.
        root: folder with ``imagenet/train`` or ``imagenet/val``: one folder per class, named by its
            WordNet id; or all images in one folder, with a list of their classes.
        examples: number of examples; ``None`` for all, if there are at most :data:`MAX_IMAGES`.
        preparation: resizing and cropping; by default the shorter side to 256 and the central 224 x
            224 pixels.
        most: maximum number of examples if ``examples`` is ``None``.

    Raises:
        InputError: the folder is missing or not as stated, it has too few or too many images, or
            one cannot be read.
    """
    folder = root / "imagenet" / FOLDERS[split]
    files = _listing(folder)
    if examples is None and most is None and len(files) > MAX_IMAGES:
        raise InputError(
            f"{folder} has {len(files):,} images, too many to hold at once; "
            f"say how many to take, such as --examples 1000"
        )
    if examples is not None and not 1 <= examples <= len(files):
        raise InputError(f"asked for {examples} examples of 'imagenet'; give 1 to {len(files)}")
    chosen = files[: most if examples is None else examples]
    images = read_images([path for path, _ in chosen], preparation)
    labels = torch.tensor([label for _, label in chosen])
    return Dataset("imagenet", split, images, labels, N_CLASSES)


def _listing(folder: Path) -> list[tuple[Path, int]]:
    """Every image with its label, in the drawn order."""
    names, flat = _contents(folder)
    if not names and not flat:
        raise InputError(f"{folder} is empty; {_what_goes_there(folder)}")
    if names and flat:
        raise InputError(
            f"{folder} holds class folders and {len(flat):,} images beside them, such as "
            f"{shown(flat[0])}; move those into their class folders, or away"
        )
    if flat:
        classes = listed_classes(folder, flat)
        files = [(folder / name, classes[name]) for name in flat]
    else:
        files = _in_folders(folder, folder_classes(names, folder))
    return sorted(files, key=lambda file: _draw(file[0]))


def _in_folders(folder: Path, classes: dict[str, int]) -> list[tuple[Path, int]]:
    files: list[tuple[Path, int]] = []
    empty: list[str] = []
    for name, label in classes.items():
        inside = _contents(folder / name)[1]
        files += [(folder / name / file, label) for file in inside]
        empty += [] if inside else [name]
    if empty:
        some = "all" if len(empty) == len(classes) else f"{len(empty):,}"
        raise InputError(
            f"{some} of the {len(classes):,} class folders in {folder}, such as {shown(empty[0])}, "
            f"hold no images ({', '.join(EXTENSIONS)}); put images there, or remove these folders"
        )
    return files


def _contents(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the folders and of the image files in a folder, without hidden ones."""
    try:
        with os.scandir(folder) as entries:
            listed = [e for e in entries if not e.name.startswith(_IGNORED_PREFIXES)]
            listed = [entry for entry in listed if entry.name not in _IGNORED_NAMES]
            folders = [entry.name for entry in listed if entry.is_dir()]
            files = [entry.name for entry in listed if entry.is_file()]
    except FileNotFoundError as error:
        raise InputError(
            f"data set 'imagenet' is not in {folder} and cannot be downloaded without an account "
            f"at image-net.org; {_what_goes_there(folder)}"
        ) from error
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read ({reason_of(error)}); it must be a folder of images"
        ) from error
    images = [name for name in files if has_file_allowed_extension(name, EXTENSIONS)]
    return sorted(folders), sorted(images)


def _what_goes_there(folder: Path) -> str:
    root = folder.parent.parent
    nearer = next((p for p in (root / folder.name, root.parent / folder.name) if p.is_dir()), None)
    found = "" if nearer is None else f" ({nearer} is there: give the folder above 'imagenet')"
    return (
        f"put its images there, one folder per class such as {folder / 'n01440764'}, or name the "
        f"folder that holds 'imagenet' with --data-root or {ROOT_VARIABLE}{found}"
    )


def _draw(path: Path) -> str:
    return hashlib.sha256(os.fsencode(f"{path.parent.name}/{path.name}")).hexdigest()
