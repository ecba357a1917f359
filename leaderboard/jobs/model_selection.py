"""Loading the models that a command names: from the zoo, another library or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.jobs.sources import ModelSource
from leaderboard.terminal.model_notes import print_notes
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.inputs import Tokens

if TYPE_CHECKING:
    from benchmark.datasets import Dataset
    from models_zoo.classifier import Classifier


def checkpoint_source(
    path: Path,
    architecture: str | None,
    dataset: str,
    data: Dataset,
    *,
    mean: list[float] | None = None,
    std: list[float] | None = None,
    trust: bool = False,
    weights: str | None = None,
) -> ModelSource:
    """What loads a classifier from a checkpoint file, for images like the evaluation examples.

    Args:
        path: the option --checkpoint.
        architecture: the option --architecture.
        dataset: the data set it was trained for.
        data: the evaluation examples, which give the image shape and the number of classes.
        mean: the option --mean, one number per channel.
        std: the option --std, one number per channel.
        trust: the option --trust.
        weights: the option --weights.

    Raises:
        InputError: no architecture is given.
    """
    from models_zoo.sources.program import FORMATS

    if architecture is None and path.suffix.lower() not in FORMATS:
        from leaderboard.submissions.architecture_proposal import missing_architecture

        raise missing_architecture(path, dataset, data, mean, std, weights)
    inputs = data.inputs
    return ModelSource(
        file=path,
        architecture=architecture,
        dataset=dataset,
        classes=data.classes,
        input_shape=data.input_shape,
        mean=mean,
        std=std,
        trust=trust,
        weights=weights,
        tokens=inputs if isinstance(inputs, Tokens) else None,
    )


def one_model(
    name: str | None,
    checkpoint: Path | None,
    architecture: str | None,
    dataset: str,
    data: Dataset,
    *,
    mean: list[float] | None = None,
    std: list[float] | None = None,
    trust: bool = False,
    weights: str | None = None,
) -> Classifier:
    """Load the one model of a command, by name or from a file.

    Args:
        name: the model's name; ``None`` where there is a checkpoint.
        checkpoint: the option --checkpoint.
        architecture: the option --architecture.
        dataset: the data set it was trained for.
        data: the evaluation examples.
        mean: the option --mean, one number per channel.
        std: the option --std, one number per channel.
        trust: the option --trust.
        weights: the option --weights.

    Raises:
        InputError: an unknown model, or a file that cannot be used.
    """
    require_file(checkpoint, weights)
    if checkpoint is None:
        source = ModelSource(name=str(name), dataset=dataset, trust=trust)
    else:
        source = checkpoint_source(
            *(checkpoint, architecture, dataset, data),
            mean=mean,
            std=std,
            trust=trust,
            weights=weights,
        )
    return print_notes(source.load())


def require_file(checkpoint: Path | None, weights: str | None) -> None:
    """Check that --weights goes with --checkpoint.

    Raises:
        InputError: it does not.
    """
    if checkpoint is None and weights is not None:
        raise InputError(
            "--weights goes with --checkpoint; append ?weights= to the name of a file, such as "
            "net.pt?architecture=mlp&dataset=digits&weights=ema"
        )


def data_set_of(model: str | None, checkpoint: Path | None, dataset: str | None) -> str:
    """The data set of the one model of a command, by name or from a file.

    Args:
        model: the model's name.
        checkpoint: the option --checkpoint.
        dataset: the option --dataset.

    Raises:
        InputError: not exactly one of model and checkpoint is given, or the data set is with the
            wrong one of them.
    """
    from models_zoo.card import UNKNOWN_DATASET
    from models_zoo.sources import dataset_of

    if (model is None) == (checkpoint is None):
        raise InputError(
            "give either a model of the zoo, such as digits/cnn-pgd-at, or --checkpoint"
        )
    own = UNKNOWN_DATASET if model is None else dataset_of(model)
    if own != UNKNOWN_DATASET:
        if dataset is not None:
            raise InputError(
                f"--dataset goes with --checkpoint; {shown(model)} has its own data set"
            )
        return own
    if dataset is None:
        asking = "--checkpoint" if model is None else repr(model)
        raise InputError(f"{asking} needs --dataset, such as --dataset cifar10")
    return dataset
