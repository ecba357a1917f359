"""Files that contain a whole network with its architecture: ONNX graphs and exported programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from models_zoo.architectures import Shape
from models_zoo.card import Card, Source
from models_zoo.checkpoint import FileBytes, read_file
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError, shown
from models_zoo.sources.description import make_card
from models_zoo.sources.examination import count_classes
from models_zoo.sources.onnx_file import inspecting

FORMATS = {".onnx": "onnx", ".pt2": "pt2"}
"""Suffixes of such files, with the name of the format on the card."""

LARGEST = 1 << 30
"""Maximum number of bytes of such a file, unless the user sets another limit: 250 million
weights."""


def load_program(
    file: Path | FileBytes,
    *,
    name: str,
    dataset: str,
    classes: int | None,
    input_shape: Shape | None,
    mean: Sequence[float],
    std: Sequence[float],
    source: Source,
    trust: bool,
) -> Classifier:
    """A classifier from a file that contains a network.

    Args:
        file: with a suffix in :data:`FORMATS`, or its content.
        name: of the model.
        dataset: the data set it was trained for.
        classes: number of logits that the network must have, if known.
        input_shape: (channels, height, width) that the network must take, if known.
        mean: subtracted from images in [0, 1], unless the network does so itself.
        std: divided by afterwards.
        source: source of the weights on the card.
        trust: whether a file that can execute code may be loaded.

    Raises:
        InputError: the file cannot be used; the message says why.
    """
    if not isinstance(file, FileBytes):
        file = open_program(file, trust)
    network, shape = read_program(file, input_shape, trust=trust)
    found = count_classes(network, shape, source=f"model {file.path}")
    if classes not in (None, found):
        raise InputError(f"model {file.path} gives {found} logits, the data has {classes} classes")
    card = program_card(
        file,
        network,
        name=name,
        source=source,
        dataset=dataset,
        classes=found,
        input_shape=shape,
        mean=tuple(mean),
        std=tuple(std),
    )
    return Classifier(network, card)


def program_card(file: FileBytes, network: nn.Module, **fields: Any) -> Card:
    """The card of a network that a file contains.

    Args:
        file: the content of the file.
        network: what was read from it.
        fields: of the card, besides those that follow from the file.

    Raises:
        InputError: the fields are inconsistent.
    """
    return make_card(
        architecture=f"{FORMATS[file.path.suffix.lower()]}:{file.sha256[:12]}",
        checkpoint=file.path.name,
        sha256=file.sha256,
        parameters=sum(each.numel() for each in network.parameters()) or None,
        **fields,
    )


def open_program(path: Path, trust: bool = False) -> FileBytes:
    """The bytes of a file that contains a network.

    Args:
        path: a file with a suffix in :data:`FORMATS`.
        trust: whether a file that can execute code may be loaded.

    Raises:
        InputError: loading it is not allowed, or it cannot be read or is evidently of another kind.
    """
    if FORMATS[path.suffix.lower()] == "onnx":
        return read_file(path, kind="model", most=LARGEST, inspect=inspecting(path))
    if not trust and os.path.exists(path):  # noqa: PTH110 - of a path that cannot be looked up
        from models_zoo.sources.exported_program import untrusted

        raise untrusted(path)
    return read_file(path, kind="model", most=LARGEST)


def read_program(
    file: FileBytes, known: Shape | None, *, trust: bool = False
) -> tuple[nn.Module, Shape]:
    """The network that a file contains, and the shape of its images; the network is not called.

    Args:
        file: its content, with a suffix in :data:`FORMATS`.
        known: (channels, height, width) that the network must take, if known.
        trust: whether a file that can execute code may be loaded.

    Raises:
        InputError: the file cannot be used; the message says why.
    """
    decide = partial(_agree, file.path, known=known)
    if FORMATS[file.path.suffix.lower()] == "onnx":
        from models_zoo.sources.onnx_graph import read_onnx

        with _naming(file.path):
            return read_onnx(file.data, decide)
    from models_zoo.sources.exported_program import read_exported

    network, stated = read_exported(file.path, file.data, trust=trust)
    with _naming(file.path):
        return network, decide(stated)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Prefix an error message with the file's name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"model {shown(path)} {error}") from error


def _agree(path: Path, stated: tuple[int | None, ...], known: Shape | None) -> Shape:
    """The shape of an image, from what the file states and what the caller knows."""
    text = "x".join("?" if size is None else str(size) for size in stated)
    if known is None:
        channels, height, width = stated
        if channels is None or height is None or width is None:
            raise InputError(
                f"takes images of {text}; say which size it was trained on, "
                f"such as {path.name}?shape=3x32x32"
            )
        return channels, height, width
    if any(a is not None and a != b for a, b in zip(stated, known, strict=True)):
        given = "x".join(map(str, known))
        raise InputError(f"takes images of {text}, the data has {given}")
    return known
