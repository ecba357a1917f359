"""ImageNet's folders of class folders, of which only the asked-for images are ever decoded."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from PIL import Image
from torchvision.datasets.folder import find_classes, has_file_allowed_extension
from torchvision.transforms import v2

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.downloaded import ROOT_VARIABLE
from models_zoo.errors import InputError

FOLDERS = {"train": "train", "test": "val"}
"""ImageNet's test labels are not public: the validation images are what everyone tests on."""

MOST = 10_000
"""Images that are read without having been counted out: 6 GB."""

EXTENSIONS = (".jpeg", ".jpg", ".png")

_PREPARE = v2.Compose([v2.Resize(256), v2.CenterCrop(224), v2.PILToTensor()])


def imagenet(split: str, root: Path, examples: int | None = None) -> Dataset:
    """ImageNet (Russakovsky et al. 2015), shorter side resized to 256, centre 224 x 224 cropped.

    The images stand in an order drawn from their names, so that the first few are spread over the
    classes and are the same on every machine. Labels are ranks of the class folders by name, which
    is the usual order of ImageNet's 1,000 identifiers.

    Args:
        split: ``"train"``, or ``"test"`` for the validation images.
        root: folder with ``imagenet/train`` or ``imagenet/val``: one folder a class.
        examples: how many; ``None`` for all, where they are at most :data:`MOST`.

    Raises:
        InputError: the folder is not there or not as stated, it has too few or too many images, or
            one cannot be read.
    """
    folder = root / "imagenet" / FOLDERS[split]
    files, classes = _listing(folder)
    if examples is None and len(files) > MOST:
        raise InputError(
            f"{folder} has {len(files):,} images, too many to hold at once; "
            f"say how many to take, such as --examples 1000"
        )
    if examples is not None and not 1 <= examples <= len(files):
        raise InputError(f"asked for {examples} examples of 'imagenet'; give 1 to {len(files)}")
    chosen = files[:examples]
    images = torch.empty(len(chosen), 3, 224, 224)
    for i, (path, _) in enumerate(chosen):
        images[i] = _read(path)
    labels = torch.tensor([label for _, label in chosen])
    return Dataset("imagenet", split, images, labels, classes)


def _listing(folder: Path) -> tuple[list[tuple[Path, int]], int]:
    """Every image with its label in the drawn order, and the number of classes."""
    try:
        names, _ = find_classes(folder)
    except OSError as error:
        raise InputError(
            f"data set 'imagenet' is not in {folder} and cannot be downloaded without an account "
            f"at image-net.org; lay its images there, one folder a class such as "
            f"{folder / 'n01440764'}, or name the folder that holds 'imagenet' with --data-root or "
            f"{ROOT_VARIABLE}"
        ) from error
    files = [
        (path, label)
        for label, name in enumerate(names)
        for path in (folder / name).iterdir()
        if has_file_allowed_extension(path.name, EXTENSIONS)
    ]
    if not files:
        raise InputError(
            f"the class folders in {folder} hold no images ({', '.join(EXTENSIONS)}); "
            "lay them there"
        )
    return sorted(files, key=lambda file: _draw(file[0])), max(len(names), 2)


def _draw(path: Path) -> str:
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).hexdigest()


def _read(path: Path) -> torch.Tensor:
    try:
        with Image.open(path) as image:
            pixels: torch.Tensor = _PREPARE(image.convert("RGB"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable image ({error}); replace it") from error
    return pixels.float() / 255
