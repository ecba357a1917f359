"""Data sets by name and examples from files, all as :class:`Dataset`."""

from __future__ import annotations

from pathlib import Path

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.npz import load_npz
from benchmark.datasets.root import default_root, use_root
from benchmark.datasets.standard import remember
from models_zoo.errors import unknown_name
from models_zoo.image_sets import IMAGE_SETS
from models_zoo.preprocessing import Preprocessing
from models_zoo.text_sets import TEXT_SETS
from models_zoo.torch_modes import fixed_modes

CLASSES = {name: each.classes for name, each in sorted((IMAGE_SETS | TEXT_SETS).items())}
"""Number of classes of each data set."""

DATASETS = tuple(CLASSES)
"""Names that :func:`load_dataset` accepts."""

SPLITS = ("train", "test")

__all__ = ["CLASSES", "DATASETS", "SPLITS", "Dataset", "load_dataset", "load_npz"]


@fixed_modes()
def load_dataset(
    name: str,
    split: str = "test",
    data_root: str | Path | None = None,
    examples: int | None = None,
    preparation: Preprocessing | None = None,
    most: int | None = None,
) -> Dataset:
    """Load a split of a data set, or its first examples.

    Args:
        name: one of :data:`DATASETS`.
        split: ``"train"`` or ``"test"``.
        data_root: folder that data sets are kept in, laid out as torchvision expects it; by default
            that of the environment variable ``NONSINGULAR_DATA``, or ``~/.cache/nonsingular``.
            ``digits`` needs none. ``movies`` and ``spam`` are made there by ``nonsingular
            prepare``.
        examples: number of examples, the first ones; ``None`` for all. ``imagenet`` reads no
            further images.
        preparation: how images of ``imagenet`` are resized and cropped; other data sets have images
            of one size.
        most: maximum number of examples if ``examples`` is ``None``.

    Raises:
        InputError: the name or split is unknown, the data can be neither found nor downloaded, or
            there are too few examples.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if data_root:
        use_root(Path(data_root))
    if name == "digits":
        from benchmark.datasets.digits import digits

        data = digits(split)
    elif name in TEXT_SETS:
        from benchmark.datasets.prepared_texts import prepared_texts

        data = prepared_texts(name, split, Path(data_root) if data_root else default_root())
    else:
        from benchmark.datasets import downloaded

        root = Path(data_root) if data_root else default_root()
        if name == "imagenet":
            from benchmark.datasets.imagenet import imagenet

            return remember(imagenet(split, root, examples, preparation or Preprocessing(), most))
        data = downloaded.downloaded(name, split, root)
    if examples is None and most is not None:
        examples = min(most, len(data))
    return remember(data if examples is None else data.head(examples))
