"""Models from files of the caller's, with the examples and the battery of their data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.batteries import battery_for
from benchmark.datasets import Dataset
from models_zoo import load_file
from perf.cases import WholeModel, test_images


@dataclass(frozen=True)
class ModelFile:
    """A file of weights and what it takes to read it.

    Attributes:
        path: the file.
        architecture: as for :func:`models_zoo.load_file`.
        dataset: ``"digits"``, ``"mnist"`` or ``"cifar10"``.
        mean: subtracted from images, per channel or one for all; by default 0.
        std: divided by, likewise; by default 1.
    """

    path: Path
    architecture: str
    dataset: str
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def whole(self, shared: Path) -> WholeModel:
        """The model with the test images of its data set.

        Args:
            shared: the folder with ``data``.
        """
        examples = partial(_test_images, self.dataset, shared)
        shape = tuple(int(size) for size in examples().images.shape[1:])
        load = partial(
            load_file,
            self.path,
            architecture=self.architecture,
            dataset=self.dataset,
            input_shape=(shape[0], shape[1], shape[2]),
            mean=self.mean,
            std=self.std,
        )
        return WholeModel(self.path.stem, battery_for(self.dataset).name, load, examples)


def _test_images(dataset: str, shared: Path) -> Dataset:
    """The test images that other measurements of this folder use."""
    whole = test_images(dataset, shared)
    return whole.head(1000) if dataset == "mnist" else whole
