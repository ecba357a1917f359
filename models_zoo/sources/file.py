"""Any checkpoint file, as a classifier: weights of a known architecture, or a whole network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models_zoo.architectures import Shape, build_skeleton
from models_zoo.card import UNKNOWN_DATASET, Card, Source
from models_zoo.checkpoint import fit_weights, read_weights, sha256_file
from models_zoo.classifier import Classifier
from models_zoo.display import cut
from models_zoo.errors import InputError, printable
from models_zoo.sources.description import DESCRIBING, described, make_card
from models_zoo.sources.program import FORMATS, load_program
from models_zoo.sources.reference import Reference


def load_file(
    path: str | Path,
    *,
    name: str | None = None,
    architecture: str | None = None,
    dataset: str,
    classes: int | None = None,
    input_shape: Shape | None = None,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    source: Source = "file",
    trust: bool = False,
) -> Classifier:
    """A classifier from a foreign checkpoint file, read safely.

    Args:
        path: weights (see :func:`models_zoo.read_weights`), an ONNX graph (``.onnx``), or a program
            of ``torch.export`` (``.pt2``).
        name: what to call it; by default the file's name without its ending.
        architecture: one of :func:`models_zoo.list_architectures`, for weights; a graph or program
            brings its own.
        dataset: the data set it was trained for.
        classes: number of logits; 10 where it is not given and the file does not say it.
        input_shape: (channels, height, width) of an image; needed for weights.
        mean: per channel (or one for all), subtracted from images in [0, 1].
        std: per channel (or one for all), divided by afterwards.
        source: what the card says the weights are.
        trust: whether a ``.pt2`` may be loaded, which can execute code.

    Raises:
        InputError: the file cannot be read, does not fit, or the description is inconsistent.
    """
    path = Path(path)
    name = _name(path) if name is None else name
    if path.suffix.lower() in FORMATS:
        if architecture is not None:
            raise InputError(
                f"model {path} brings its own architecture; leave {architecture!r} out"
            )
        return load_program(
            path,
            name=name,
            dataset=dataset,
            classes=classes,
            input_shape=input_shape,
            mean=mean,
            std=std,
            source=source,
            trust=trust,
        )
    if architecture is None:
        raise InputError(
            f"checkpoint {path} needs an architecture, such as cifar-resnet20: it holds weights "
            "alone; an .onnx file brings its own"
        )
    if input_shape is None:
        raise InputError(f"checkpoint {path} needs the shape of its images, such as 3x32x32")
    card = make_card(
        name=name,
        dataset=dataset,
        architecture=architecture,
        classes=10 if classes is None else classes,
        input_shape=input_shape,
        mean=tuple(mean),
        std=tuple(std),
        checkpoint=path.name,
        source=source,
    )
    return classifier_from_file(path, card)


def classifier_from_file(path: Path, card: Card) -> Classifier:
    """A classifier from a file and the card that describes it.

    Where the card has a hash, the file must match it; where it has none, it gets the file's.

    Raises:
        InputError: the file cannot be read, was changed, or does not fit the card.
    """
    network = build_skeleton(card.architecture, classes=card.classes, input_shape=card.input_shape)
    sha256 = sha256_file(path)
    if card.sha256 not in (None, sha256):
        raise InputError(
            f"checkpoint {card.checkpoint} of model {card.name!r} was changed: its SHA-256 is "
            f"{sha256[:12]}..., its card says {str(card.sha256)[:12]}...; install it again"
        )
    fit_weights(network, read_weights(path), source=f"checkpoint {path}")
    return Classifier(network, card.model_copy(update={"sha256": sha256}))


def describe(reference: Reference) -> Card:
    """The card of ``file:<path>``; an ONNX graph is loaded for it, weights are not.

    Raises:
        InputError: the name lacks what is needed to read the file, or an option is wrong.
    """
    path = Path(reference.path)
    if path.suffix.lower() in FORMATS:
        return load(reference).card
    reference.require_known(("architecture", *DESCRIBING))
    return described(
        reference,
        name=_name(path),
        dataset=UNKNOWN_DATASET,
        architecture=_architecture(reference),
        checkpoint=path.name,
        sha256=sha256_file(path),
        source="file",
    )


def load(reference: Reference, *, trust: bool = False) -> Classifier:
    """The model ``file:<path>``; weights need ``?architecture=`` and ``dataset=`` or ``shape=``.

    Raises:
        InputError: the file cannot be used, and why.
    """
    path = Path(reference.path)
    if path.suffix.lower() not in FORMATS:
        return classifier_from_file(path, describe(reference))
    reference.require_known(DESCRIBING)
    return load_program(
        path,
        name=_name(path),
        dataset=reference.text("dataset") or UNKNOWN_DATASET,
        classes=reference.count("classes"),
        input_shape=reference.shape("shape"),
        mean=reference.numbers("mean") or (0.0,),
        std=reference.numbers("std") or (1.0,),
        source="file",
        trust=trust,
    )


def _name(path: Path) -> str:
    """The name of a model that only its file names; that of a card is at most 200 characters."""
    return cut(printable(path.stem), 200)


def _architecture(reference: Reference) -> str:
    architecture = reference.text("architecture")
    if architecture is None:
        raise InputError(
            f"{reference.path} holds weights alone and needs an architecture: "
            f"{reference.path}?architecture=cifar-resnet20&dataset=cifar10"
        )
    return architecture
