"""Fine-tunes the shifts and gains of an installed encoder, ``movies/minilm-l6-bitfit``.

Run ``python -m perf.bitfit --data-root DIR`` from the root of a checkout, with the folder that
``nonsingular prepare movies`` wrote to and the package of the encoder installed. As in BitFit (Ben
Zaken et al. 2021, arXiv 2106.10199), the biases are trained, here with the gains of the
normalizations and the last layer of ``movies/minilm-l6-linear-head``: so little differs from the
installed encoder that it can be bundled. The checkpoint and the card of the zoo are written; on one
thread the same data give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.datasets import Dataset
from benchmark.datasets.prepared_texts import prepared_texts
from models_zoo import load_card, load_model
from models_zoo.card import Training
from models_zoo.checkpoint import read_weights
from models_zoo.sources.bundled import bundled_file
from perf.command import ROOT, Threads, compute_on, console, run_command
from perf.linear_head import BATCH, DATASET, write_model
from perf.linear_head import NAME as BASE

NAME = "minilm-l6-bitfit"
"""The model."""

EPOCHS, BATCH_SIZE, RATE = 2, 32, 0.001
"""Passes over the sentences, sentences per step, and largest learning rate."""

WARMUP = 0.1
"""Share of the steps in which the learning rate grows."""

SEED = 0
"""Of the order of the sentences."""

NOTES = (
    "movies/minilm-l6-linear-head, of which all biases, the gains of the normalizations and the "
    "last layer were fine-tuned. Every word of the vocabulary has copies of the embeddings of its "
    "pieces."
)


def tuned(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained: all of one dimension in layers, and the last layer."""
    return {
        name: value
        for name, value in network.named_parameters()
        if "." in name and (value.ndim == 1 or name.startswith("linear."))
    }


def train(network: nn.Module, data: Dataset, epochs: int, size: int, rate: float) -> None:
    """Train the parameters of :func:`tuned` in place, without dropout.

    Args:
        network: from token ids to logits.
        data: the texts.
        epochs: number of passes over them.
        size: texts per step.
        rate: largest learning rate.
    """
    moving = [*tuned(network).values()]
    for each in moving:
        each.requires_grad_(True)
    orders = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(moving)
    steps = epochs * -(-len(data) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=WARMUP)
    for _ in range(epochs):
        for part in torch.randperm(len(data), generator=orders).split(size):
            loss = F.cross_entropy(network(data.images[part]), data.labels[part])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            optimizer.step()
            schedule.step()
    network.requires_grad_(False)


def main(
    data_root: Annotated[Path, typer.Option(help="Folder that holds movies/.")],
    out: Annotated[
        Path, typer.Option(help="Folder for 'catalog' and 'checkpoints'; by default the zoo.")
    ] = ROOT / "models_zoo",
    threads: Threads = 1,
) -> None:
    """Fine-tune the encoder, and write what differs from it with its card."""
    compute_on("cpu", threads)
    base = load_card(f"{DATASET}/{BASE}")
    network = load_model(base.name).network
    data = {each: prepared_texts(DATASET, each, data_root) for each in ("train", "validation")}
    train(network, data["train"], EPOCHS, BATCH_SIZE, RATE)
    console.print(f"validation {_accuracy(network, data['validation']):.2%}")
    accuracy = _accuracy(network, prepared_texts(DATASET, "test", data_root))
    with bundled_file(base) as path:
        words = {name: each for name, each in read_weights(path).items() if "." not in name}
    card = base.model_copy(
        update={
            "name": f"{DATASET}/{NAME}",
            "clean_accuracy": round(accuracy, 4),
            "notes": NOTES,
            "training": Training(
                recipe="bitfit",
                settings={
                    "epochs": EPOCHS,
                    "batch_size": BATCH_SIZE,
                    "optimizer": "adam",
                    "learning_rate": RATE,
                    "schedule": "onecycle",
                },
                seed=SEED,
                data=f"{DATASET} training split",
                extra_data=True,
            ),
        }
    )
    own: dict[str, Tensor] = {name: each.detach() for name, each in tuned(network).items()}
    write_model(card, words | own, out)
    console.print(f"test {accuracy:.2%}")


def _accuracy(network: nn.Module, data: Dataset) -> float:
    with torch.no_grad():
        found = torch.cat([network(part).argmax(1) for part in torch.split(data.images, BATCH)])
    return float((found == data.labels).double().mean())


if __name__ == "__main__":
    run_command(main)
