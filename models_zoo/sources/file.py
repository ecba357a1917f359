"""Checkpoint files as classifiers: weights of a known architecture, or a whole network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models_zoo.architectures import Shape, build_skeleton, canonical_name
from models_zoo.architectures.ordered import is_ordered
from models_zoo.architectures.source_code import is_code, name_on_card
from models_zoo.card import UNKNOWN_DATASET, Card, Source
from models_zoo.checkpoint import FileBytes, fit_weights, read_checkpoint, sha256_file
from models_zoo.checkpoint.fitting import MismatchError
from models_zoo.checkpoint.formats import require_suffix
from models_zoo.checkpoint.inspection import EXTRA, ROOM, inspecting
from models_zoo.classifier import Classifier
from models_zoo.display import cut, label
from models_zoo.errors import InputError, printable, shown
from models_zoo.inputs import Tokens
from models_zoo.sources.description import DESCRIBING, described, make_card
from models_zoo.sources.normalization import settle
from models_zoo.sources.program import FORMATS, load_program
from models_zoo.sources.proposals import propose
from models_zoo.sources.reference import Reference
from models_zoo.torch_modes import fixed_modes


@fixed_modes()
def load_file(
    path: str | Path | FileBytes,
    *,
    name: str | None = None,
    architecture: str | None = None,
    dataset: str,
    classes: int | None = None,
    input_shape: Shape | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    source: Source = "file",
    trust: bool = False,
    weights: str | None = None,
    tokens: Tokens | None = None,
) -> Classifier:
    """A classifier from a foreign checkpoint file, read safely.

    Args:
        path: weights (see :func:`models_zoo.read_weights`), an ONNX graph (``.onnx``), or a program
            of ``torch.export`` (``.pt2``); or the bytes of such a file.
        name: of the model; by default the file's name without its suffix.
        architecture: for weights, as for :func:`models_zoo.build_architecture`:
            ``"cifar-resnet32"``, ``"wrn-40-4"``, ``"timm:resnet18"``; a graph or program contains
            its own.
        dataset: the data set it was trained for.
        classes: number of logits; 10 if it is neither given nor stated in the file.
        input_shape: (channels, height, width) of an image; needed for weights.
        mean: per channel (or one for all), subtracted from images in [0, 1]; by default what the
            checkpoint contains, else 0.
        std: per channel (or one for all), divided by afterwards; by default what the checkpoint
            contains, else 1.
        source: source of the weights on the card.
        trust: whether a ``.pt2`` may be loaded and the code of an architecture run.
        weights: which weights to use if a file holds several sets: ``"raw"``, ``"ema"`` or a name;
            by default the trained ones. :attr:`~models_zoo.Classifier.notes` says which were used.
        tokens: for weights of a model of texts, the token ids that it takes, in place of
            ``input_shape``.

    Raises:
        InputError: the file cannot be read, does not fit, or the description is inconsistent.
    """
    file = path if isinstance(path, FileBytes) else Path(path)
    path = file.path if isinstance(file, FileBytes) else file
    name = _name(path) if name is None else name
    if path.suffix.lower() in FORMATS:
        if architecture is not None:
            raise InputError(
                f"model {shown(path)} contains its own architecture; leave out "
                f"{shown(architecture)}"
            )
        require_no_choice(path, weights)
        return load_program(
            file,
            name=name,
            dataset=dataset,
            classes=classes,
            input_shape=input_shape,
            mean=(0.0,) if mean is None else mean,
            std=(1.0,) if std is None else std,
            source=source,
            trust=trust,
        )
    if architecture is None:
        raise _without_architecture(file, weights, input_shape, classes)
    if tokens is not None:
        input_shape = tokens.shape
    if input_shape is None:
        raise InputError(f"checkpoint {shown(path)} needs the shape of its images, such as 3x32x32")
    card = make_card(
        name=name,
        dataset=dataset,
        architecture=canonical_name(architecture),
        classes=10 if classes is None else classes,
        input_shape=input_shape,
        mean=(0.0,) if mean is None else tuple(mean),
        std=(1.0,) if std is None else tuple(std),
        checkpoint=path.name,
        source=source,
        tokens=tokens,
    )
    stated = mean is not None or std is not None
    return classifier_from_file(file, card, weights, stated=stated, trust=trust)


def classifier_from_file(
    file: Path | FileBytes,
    card: Card,
    weights: str | None = None,
    *,
    stated: bool = True,
    trust: bool = False,
) -> Classifier:
    """A classifier from a file and the card that describes it.

    If the card has a hash, the file must match it; otherwise the card gets the file's hash.

    Args:
        file: the checkpoint, or its content.
        card: what is known of it.
        weights: as for :func:`load_file`.
        stated: whether the card's mean and standard deviation were given, rather than the default.
            A normalization in the file must then agree with them.
        trust: whether the code of an architecture may be run.

    Raises:
        InputError: the file cannot be read, has another hash, or does not fit the card.
    """
    network = build_skeleton(
        card.architecture, classes=card.classes, input_shape=card.input_shape, trust=trust
    )
    most = ROOM + EXTRA * sum(4 * each.numel() for each in network.state_dict().values())
    found = read_checkpoint(file, weights=weights, most=most)
    sha256 = found.file.sha256
    if card.sha256 not in (None, sha256):
        raise InputError(
            f"checkpoint {shown(card.checkpoint)} of model {shown(card.name)} was changed: its "
            f"SHA-256 is {sha256[:12]}..., its card says {str(card.sha256)[:12]}...; install it "
            "again"
        )
    source = f"checkpoint {shown(found.file.path)}"
    try:
        fit = fit_weights(
            network,
            found.tensors,
            source=source,
            channels=card.input_shape[0],
            ordered=is_ordered(card.architecture),
        )
    except MismatchError as error:
        proposal = propose(found.tensors, card.input_shape, card.classes)
        raise InputError(f"{error}; {proposal.advice(card.classes)}") from error
    card = settle(card, fit.normalization, stated=stated, source=source)
    update = {"sha256": sha256, "weights": found.name}
    if is_code(card.architecture):
        update["architecture"] = name_on_card(card.architecture)
    return Classifier(network, card.model_copy(update=update), (*found.notes, *fit.notes))


def describe(reference: Reference) -> Card:
    """The card of ``file:<path>``; an ONNX graph is loaded for it, weights are not.

    Raises:
        InputError: the name lacks an option that is needed to read the file, or an option is wrong.
    """
    path = Path(reference.path)
    if path.suffix.lower() in FORMATS:
        return load(reference).card
    card = _card(reference)
    sha256 = sha256_file(path, inspect=inspecting(path, reference.text("weights")))
    return card.model_copy(update={"sha256": sha256})


def _card(reference: Reference) -> Card:
    path = Path(reference.path)
    reference.require_known(("architecture", "weights", *DESCRIBING))
    require_suffix(path)
    return described(
        reference,
        name=_name(path),
        dataset=UNKNOWN_DATASET,
        architecture=canonical_name(_architecture(reference)),
        checkpoint=path.name,
        source="file",
    )


def load(reference: Reference, *, trust: bool = False) -> Classifier:
    """The model ``file:<path>``; weights need ``?architecture=`` and ``dataset=`` or ``shape=``.

    Raises:
        InputError: the file cannot be used; the message says why.
    """
    path = Path(reference.path)
    if path.suffix.lower() not in FORMATS:
        stated = bool({"mean", "std"} & reference.options.keys())
        chosen = reference.text("weights")
        return classifier_from_file(path, _card(reference), chosen, stated=stated, trust=trust)
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


def require_no_choice(path: Path, weights: str | None) -> None:
    """Refuse a choice of weights for a file that holds one network.

    Raises:
        InputError: ``weights`` is given.
    """
    if weights is not None:
        raise InputError(
            f"model {shown(path)} holds one network; leave the choice of weights "
            f"({shown(weights)}) out"
        )


def _name(path: Path) -> str:
    """The name of a model after its file; a card's name has at most 200 characters."""
    return cut(printable(path.stem), 200)


def _without_architecture(
    file: Path | FileBytes, weights: str | None, input_shape: Shape | None, classes: int | None
) -> InputError:
    """Message about weights without an architecture: which architectures they fit."""
    found = read_checkpoint(file, weights=weights)
    proposal = propose(found.tensors, input_shape or (3, 32, 32), classes)
    return InputError(
        f"checkpoint {shown(found.file.path)} needs an architecture: it holds weights alone; "
        f"{proposal.advice(classes)}"
    )


def _architecture(reference: Reference) -> str:
    architecture = reference.text("architecture")
    if architecture is None:
        raise InputError(
            f"{label(reference.path)} holds weights alone and needs an architecture: "
            f"{label(reference.path)}?architecture=cifar-resnet20&dataset=cifar10"
        )
    return architecture
