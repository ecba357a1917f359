"""Loading the model of a stored result, by its name or from a file."""

from __future__ import annotations

from pathlib import Path

from leaderboard.reruns.find_results import without_local_options
from leaderboard.submissions.workspace import WORKSPACE, kept_file
from models_zoo import load_file, load_model
from models_zoo.architectures import is_architecture
from models_zoo.card import Card
from models_zoo.checkpoint import FileBytes
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError

_WHERE = {
    "timm": "its weights by appending ?file=FILE to the name",
    "torchvision": "its weights by appending ?file=FILE to the name",
    "robustbench": "the folder of its checkpoints by appending ?model_dir=FOLDER to the name",
    "hf-hub": "no file: put its files into the cache of the Hugging Face hub",
}
"""What to give instead of --checkpoint for a model that another library builds."""


def load_stored(
    card: Card,
    asked: str,
    checkpoint: Path | FileBytes | None = None,
    *,
    trust: bool = False,
    workspace: Path = WORKSPACE,
) -> Classifier:
    """Load the model of a stored card.

    Args:
        card: the stored card.
        asked: the name that the user gave, possibly with options such as ``?file=``.
        checkpoint: the option --checkpoint, or its content.
        trust: whether a ``.pt2`` may be loaded, which can execute code.
        workspace: folder of submitted checkpoints.

    Raises:
        InputError: the model cannot be loaded; the message says what to give.
    """
    if checkpoint is None and card.source == "submitted" and card.sha256 is not None:
        checkpoint = kept_file(card.sha256, workspace)
    if checkpoint is not None:
        return _from_file(card, checkpoint, trust)
    if card.source == "memory":
        raise InputError(
            f"{shown(card.name)} was scored in memory and its weights are not stored; name "
            "their file with --checkpoint, or call leaderboard.reruns.reproduction.reproduce with "
            "the model"
        )
    if card.source in ("file", "submitted"):
        named = f" ({card.checkpoint})" if card.checkpoint else ""
        raise InputError(
            f"{shown(card.name)} came from a file{named}, which is not kept; name it with "
            f"--checkpoint"
        )
    named_by_card = without_local_options(asked) == card.name
    return load_model(asked if named_by_card else card.name, trust=trust)


def _from_file(card: Card, checkpoint: Path | FileBytes, trust: bool) -> Classifier:
    if not card.brings_network and not _can_be_built(card):
        what = _WHERE.get(card.source, "the version of this suite that knows it")
        raise InputError(
            f"{shown(card.name)} has the architecture {shown(card.architecture)}, which "
            f"--checkpoint cannot "
            f"build; give {what}"
        )
    return load_file(
        checkpoint,
        name=card.name,
        architecture=None if card.brings_network else card.architecture,
        dataset=card.dataset,
        classes=card.classes,
        input_shape=card.input_shape,
        mean=card.mean,
        std=card.std,
        trust=trust,
        weights=card.weights,
        tokens=card.tokens,
    )


def _can_be_built(card: Card) -> bool:
    """Whether the architecture's name says all that is needed to put weights into it."""
    library = card.architecture.startswith(("timm:", "torchvision:", "robustbench:"))
    return is_architecture(card.architecture) or (library and card.source not in _WHERE)
