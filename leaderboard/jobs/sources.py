"""Where a model and the examples of a run are loaded from, for another process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from leaderboard.submissions.description import Description
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.inputs import Tokens
from models_zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    from benchmark.batteries import Battery
    from benchmark.datasets import Dataset
    from models_zoo.checkpoint import FileBytes
    from models_zoo.classifier import Classifier


class NotHereError(InputError):
    """This process cannot load what a job needs; on another machine or with --trust one might."""


class ModelSource(BaseModel):
    """What loads a model: its name, or a file with its description.

    Attributes:
        name: as for :func:`models_zoo.load_model`; with a file, the name it gets.
        dataset: the data set that its card gets if it has none.
        file: a checkpoint, in place of a model by name.
        trust: whether loading may execute code that comes with the model.
        architecture: with a file, as the options that follow: see :func:`models_zoo.load_file`.
        description: with a submitted file, what its submitter says about it.
        tokens: with a file of a model of texts, the token ids that it takes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = None
    dataset: str
    file: Path | None = None
    trust: bool = False
    architecture: str | None = None
    classes: int | None = None
    input_shape: tuple[int, ...] | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    weights: str | None = None
    description: Description | None = None
    tokens: Tokens | None = None

    def load(self, content: FileBytes | None = None) -> Classifier:
        """Load the model.

        Args:
            content: of the file, if it was read already.

        Raises:
            InputError: there is no such model, or the file cannot be used.
        """
        from models_zoo import load_file, load_model

        if self.file is None:
            return _for_dataset(load_model(str(self.name), trust=self.trust), self.dataset)
        model = load_file(
            self.file if content is None else content,
            name=self.name,
            architecture=self.architecture,
            dataset=self.dataset,
            classes=self.classes,
            input_shape=self.input_shape,
            mean=self.mean,
            std=self.std,
            trust=self.trust,
            weights=self.weights,
            tokens=self.tokens,
        )
        if self.description is not None:
            model.card = self.description.complete(model.card)
        return model

    def require_trusted(self, trust: bool) -> None:
        """Refuse to load code for a process that was not told to trust it.

        Args:
            trust: whether it was.

        Raises:
            NotHereError: the model needs to be trusted, and is not.
        """
        if self.trust and not trust:
            raise NotHereError(
                f"model {shown(str(self.name or self.file))} executes code when it is loaded; a "
                "worker does that with --trust only"
            )


class DataSource(BaseModel):
    """What loads the examples of a run; see :func:`leaderboard.jobs.examples.evaluation_examples`.

    Attributes:
        dataset: name of the battery's data set.
        file: an ``.npz`` to use instead of the data set's own split.
        data_root: folder that downloaded data sets are kept in.
        count: number of examples; ``None`` for the battery's, or all if there are fewer.
        split: ``"test"`` or ``"train"``.
        preparation: how images of ``imagenet`` are resized and cropped.
        own_data: whether the examples may be unlike those of the battery's data set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    file: Path | None = None
    data_root: Path | None = None
    count: int | None = None
    split: str = "test"
    preparation: Preprocessing | None = None
    own_data: bool = False

    def load(self, battery: Battery) -> Dataset:
        """Load the examples.

        Args:
            battery: the battery that they are for.

        Raises:
            InputError: the data cannot be loaded or are not such as the battery is for.
        """
        from leaderboard.jobs.examples import evaluation_examples

        return evaluation_examples(
            self.dataset,
            self.file,
            self.data_root,
            self.count,
            usual=battery.examples,
            split=self.split,
            preparation=self.preparation,
            battery=battery,
            own_data=self.own_data,
        )


def _for_dataset(model: Classifier, dataset: str) -> Classifier:
    """The model, with the data set on its card if the card had none."""
    from models_zoo.card import UNKNOWN_DATASET

    if model.card.dataset == UNKNOWN_DATASET:
        model.card = model.card.model_copy(update={"dataset": dataset})
    return model
