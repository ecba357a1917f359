"""Computing a unit in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from benchmark.memory import default_batch_size
from benchmark.results import Flag, ProbeResult, Provenance
from benchmark.shards import ShardResult
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.sessions import Sessions
from leaderboard.submissions.accuracy_check import accuracy_flags, with_flags
from leaderboard.submissions.function import function_fingerprint
from models_zoo.card import Card
from models_zoo.classifier import Classifier


@dataclass(frozen=True)
class Answer:
    """What is stored of a unit.

    Attributes:
        card: of the model.
        provenance: of the result.
        found: the result, or what was found on a shard.
    """

    card: Card
    provenance: Provenance
    found: ProbeResult | ShardResult


class Listener(Protocol):
    """Is told how a unit proceeds; what it raises ends the unit."""

    def note(self, text: str) -> None:
        """A line for the user."""

    def progressed(self, share: float) -> None:
        """A share of the work is done, from 0 to 1."""


class InProcess:
    """Computes units in this process, one after the other; probes of a model share work.

    Attributes:
        materials: the models, examples and batteries of this process.
    """

    def __init__(self, materials: Materials) -> None:
        self.materials = materials
        self._sessions = Sessions()

    def compute(self, task: Assignment, listener: Listener) -> Answer:
        """Compute a unit.

        Raises:
            InputError: what it needs cannot be loaded, or does not fit together.
        """
        self._sessions.leave(task)
        battery, data = self.materials.battery(task), self.materials.data(task)
        model = self.materials.model(task)
        flags: list[Flag] = []
        if task.checks_accuracy:
            flags = accuracy_flags(
                model,
                model.card,
                data.images,
                data.labels,
                device=task.device,
                batch_size=task.batch_size,
            )
        session = self._sessions.of(task, model, data, battery)
        options: dict[str, Any] = {
            "note": listener.note,
            "on_step": lambda step: listener.progressed(step.share),
            "cost": task.cost,
        }
        card = _with_function(model, task) if task.checks_accuracy else model.card
        origin = {"split": task.split, "own_data": task.unknown_data}
        provenance = session.provenance.model_copy(update=origin)
        if task.shard is not None:
            found = session.run_shard(task.probe, task.shard, **options)
            return Answer(card, provenance, found.model_copy(update={"flags": flags}))
        result = with_flags(session.run(task.probe, **options), flags, [task.probe])
        return Answer(card, provenance, result)

    def close(self) -> None:
        """Restore the model that was evaluated last."""
        self._sessions.close()


def _with_function(model: Classifier, task: Assignment) -> Card:
    """The card of a model that is on its device, with the fingerprint of its function."""
    if not task.loadable:  # a module of the caller's, in a state of its own
        return model.card
    if model.card.tokens is not None:  # fingerprints are made of generated images
        return model.card

    def logits(images: Tensor) -> Tensor:
        size = task.batch_size or default_batch_size(images)
        return torch.cat([model(each.to(task.device)).cpu() for each in torch.split(images, size)])

    text = function_fingerprint(logits, model.card.input_shape)
    return model.card.model_copy(update={"function": text})
