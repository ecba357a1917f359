"""Trains the last layer of the models on an installed encoder, ``movies/minilm-l6-linear-head``.

Run ``python -m perf.linear_head --data-root DIR`` from the root of a checkout, with the folder that
``nonsingular prepare movies`` wrote to and the package of the encoder installed. The encoder stays
as it is; a logistic regression on its embeddings of the training sentences is the last layer, with
the penalty that is best on the validation sentences. The checkpoint and the card of the zoo are
written; the same data give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import save
from torch import Tensor

from benchmark.datasets.prepared_texts import prepared_texts
from models_zoo.architectures.minilm import MiniLM
from models_zoo.card import Card, Training
from models_zoo.catalog.writing import card_to_toml
from models_zoo.checkpoint import sha256_file
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.inputs import Tokens
from models_zoo.sources.encoders import MINILM, as_tensors, minilm_from
from models_zoo.sources.installed import encoder_file
from models_zoo.training.wordpiece import pieces_of_vocabulary
from perf.command import ROOT, Threads, compute_on, console, run_command

NAME, DATASET = "minilm-l6-linear-head", "movies"
"""The model and its data set."""

INVERSE_PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Inverse strengths of the penalty that are tried."""

BATCH = 64
"""Texts per pass."""

NOTES = (
    f"The encoder of all-MiniLM-L6-v2, unchanged and read from the package {MINILM.requirement}, "
    "and a linear layer on the mean of its outputs. Every word of the vocabulary has copies of the "
    "embeddings of its pieces."
)


@dataclass(frozen=True)
class Head:
    """A fitted last layer.

    Attributes:
        weight: (2, D), float32.
        bias: (2,).
        inverse_penalty: the inverse strength of the penalty on the squared weights.
    """

    weight: Tensor
    bias: Tensor
    inverse_penalty: float

    def accuracy(self, embeddings: Tensor, labels: Tensor) -> float:
        """Share of embeddings (N, D) that are classified correctly."""
        logits = embeddings @ self.weight.T + self.bias
        return float((logits.argmax(1) == labels).double().mean())


def fit(embeddings: Tensor, labels: Tensor, inverse_penalty: float) -> Head:
    """The logistic regression on embeddings (N, D) with labels 0 and 1 (N,)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=inverse_penalty, tol=1e-6, max_iter=5000)
    model.fit(embeddings.double().numpy(), labels.numpy())
    weight = torch.from_numpy(model.coef_[0]).float() / 2
    bias = float(model.intercept_[0]) / 2
    return Head(torch.stack([-weight, weight]), torch.tensor([-bias, bias]), inverse_penalty)


def main(
    data_root: Annotated[Path, typer.Option(help="Folder that holds movies/.")],
    out: Annotated[
        Path, typer.Option(help="Folder for 'catalog' and 'checkpoints'; by default the zoo.")
    ] = ROOT / "models_zoo",
    threads: Threads = None,
) -> None:
    """Train the last layer, and write it with its card."""
    compute_on("cpu", threads)
    vocabulary, encoder = (encoder_file(MINILM, file) for file in (MINILM.vocabulary, MINILM.file))
    splits = [prepared_texts(DATASET, each, data_root) for each in ("train", "validation", "test")]
    train, _, test = splits
    ids = {piece: index for index, piece in enumerate(vocabulary.read_text("utf-8").splitlines())}
    pieces = pieces_of_vocabulary(test.words, ids)
    network = minilm_from(encoder, pieces, test.images.shape[1], test.classes)
    embeddings = [_embeddings(network, each.images) for each in splits]
    labeled = [(found, each.labels) for found, each in zip(embeddings, splits, strict=True)]
    heads = [fit(*labeled[0], each) for each in INVERSE_PENALTIES]
    head = max(heads, key=lambda each: each.accuracy(*labeled[1]))  # the first of equals
    network.linear.weight.copy_(head.weight)
    network.linear.bias.copy_(head.bias)
    card = Card(
        name=f"{DATASET}/{NAME}",
        dataset=DATASET,
        architecture=f"minilm-l6:{len(pieces)}x{network.pieces}",
        classes=test.classes,
        input_shape=test.input_shape,
        mean=(0.0,),
        std=(1.0,),
        clean_accuracy=round(head.accuracy(*labeled[2]), 4),
        licence="Apache-2.0",
        source="installed",
        parameters=sum(each.numel() for each in network.parameters()),
        training=Training(
            recipe="linear-head",
            settings={"inverse_penalty": head.inverse_penalty},
            data=f"{DATASET} training split",
            extra_data=True,
        ),
        notes=NOTES,
        tokens=train.inputs if isinstance(train.inputs, Tokens) else None,
    )
    own = as_tensors(pieces) | {"linear.weight": head.weight, "linear.bias": head.bias}
    write_model(card, own, out)
    console.print(
        f"inverse penalty {head.inverse_penalty:g}: validation {head.accuracy(*labeled[1]):.2%}, "
        f"test {card.clean_accuracy:.2%}"
    )


def write_model(card: Card, own: Mapping[str, Tensor], out: Path) -> None:
    """Write the bundled part of a model on an encoder, and its card.

    Args:
        card: without the checkpoint.
        own: the tensors of the checkpoint.
        out: folder for ``catalog`` and ``checkpoints``.
    """
    checkpoint = out / "checkpoints" / f"{card.name}.safetensors"
    write_bytes(checkpoint, save(dict(own)))
    stored = {"checkpoint": checkpoint.name, "sha256": sha256_file(checkpoint)}
    text = card_to_toml(card.model_copy(update=stored))
    text = f'source = "{card.source}"\n{text}'  # the catalog's default is another
    write_bytes(out / "catalog" / f"{card.name}.toml", text.encode())


def _embeddings(network: MiniLM, ids: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([network.embed(part) for part in torch.split(ids, BATCH)])


if __name__ == "__main__":
    run_command(main)
