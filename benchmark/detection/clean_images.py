"""The clean images that a defence is trained on, and those that set its thresholds.

Both are from the training split of a data set. The test images of an evaluation are in neither: an
image of the split that is evaluated as well is left out.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor

from benchmark.datasets import DATASETS, load_dataset
from benchmark.datasets.dataset import examples_sha256
from benchmark.datasets.root import data_root
from benchmark.subject import Subject
from models_zoo.errors import InputError, unknown_name
from models_zoo.image_sets import IMAGE_SETS

MIN_PER_CLASS = 2
"""Training images that every class needs for a Gaussian of its own."""


@dataclass(frozen=True, eq=False)
class CleanImages:
    """Training and validation images of a defence.

    Attributes:
        images: to train on, (T, C, H, W) in [0, 1].
        labels: their labels, (T,).
        validation: images that set the thresholds, (V, C, H, W).
        left_out: number of images of the split that are evaluated and so in neither part.
        sha256: SHA-256 of the training images, labels and validation images.
    """

    images: Tensor
    labels: Tensor
    validation: Tensor
    left_out: int
    sha256: str

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What a defence that is trained on them depends on."""
        return self.sha256, len(self.images), str(self.images.device)


def require_image_set(name: str) -> str:
    """Check that a name is that of a data set of images.

    Raises:
        InputError: it is not.
    """
    known = [each for each in DATASETS if each in IMAGE_SETS]
    if name not in known:
        raise unknown_name("data set of images", name, known)
    return name


def clean_images(subject: Subject, dataset: str, train: int, validation: int) -> CleanImages:
    """Load clean images that fit a subject, once per subject.

    As in the code of MagNet, the first ones of the training split are for validation.

    Args:
        subject: the classifier, with the examples that are evaluated.
        dataset: name of the data set.
        train: number of training images.
        validation: number of validation images.

    Raises:
        InputError: the training split cannot be loaded, does not fit the subject, or has too few
            images that are not evaluated, in all or of a class.
    """
    listed, shape = IMAGE_SETS[require_image_set(dataset)], tuple(subject.images.shape[1:])
    classes = subject.once("classes", lambda: subject.logits(subject.images[:1]).shape[1])
    if not listed.takes(shape) or listed.classes != classes:
        raise InputError(
            f"the defence would be trained on {dataset!r}, whose images have shape "
            f"{listed.input_shape} and {listed.classes} classes, and the model takes {shape} and "
            f"has {classes}; evaluate a model of {dataset!r}, or name its data set in the battery"
        )

    def load() -> CleanImages:
        data = load_dataset(dataset, "train", data_root())
        evaluated = subject.among_examples(data.images)
        free = (~evaluated).nonzero().flatten()
        if len(free) < train + validation:
            raise InputError(
                f"the defence needs {train} training and {validation} validation images, and "
                f"{dataset!r} has {len(free)} training images that are not evaluated"
            )
        taken = free[: train + validation]
        images, labels = data.images[taken], data.labels[taken]
        _require_every_class(labels[validation:], listed.classes, dataset)
        device = subject.images.device
        return CleanImages(
            images=images[validation:].to(device),
            labels=labels[validation:].to(device),
            validation=images[:validation].to(device),
            left_out=int(evaluated.sum()),
            sha256=examples_sha256(images, labels),
        )

    return subject.once(("clean images", dataset, train, validation), load)


def _require_every_class(labels: Tensor, classes: int, dataset: str) -> None:
    """Check that there are training images of every class: without, its generator is undefined."""
    counts = labels.bincount(minlength=classes)
    fewest = int(counts.argmin())
    if counts[fewest] < MIN_PER_CLASS:
        raise InputError(
            f"the defence needs {MIN_PER_CLASS} training images of every class, and its "
            f"{len(labels)} images of {dataset!r} have {int(counts[fewest])} of class {fewest}; "
            "take a larger train_images"
        )
