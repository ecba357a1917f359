"""Transfer: ascents on related models, whose images are tried on the model and ascended from.

``x' = argmax_ball L(surrogate(x), y)``, then ``x'' = APGD on L(model(x), y) from x'``, with ``L``
the probability margin. The gradients of a sibling or of an earlier epoch often point where those of
a model with masked gradients do not.

Source: Papernot, McDaniel & Goodfellow 2016, "Transferability in machine learning"; the schedule is
APGD's, Croce & Hein 2020. The largest corrections of published robust accuracies that are not due
to gradient-free search came from transfer.

Hyper-parameters: steps on the surrogate and on the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.inputs.apgd_search import untargeted
from benchmark.attacks.inputs.restarts import keep_largest
from benchmark.attacks.inputs.search import Candidates, Search
from benchmark.attacks.inputs.state import AttackState, temperatures
from benchmark.attacks.verification import classified, margins
from benchmark.objectives import probability_margin
from benchmark.spaces import IMAGES
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes


@dataclass(frozen=True)
class TransferAPGD(Search):
    """Images that maximize the objective of other models, and the ends of ascents from there.

    Attributes:
        surrogates: the other models, prepared like the subject; only their models are used.
        steps: APGD steps on a surrogate.
        steps_on_model: APGD steps on the model itself, from the image that transferred.
    """

    detects_masking: ClassVar[bool] = True

    surrogates: tuple[Subject, ...]
    steps: int = 50
    steps_on_model: int = 20

    @property
    def name(self) -> str:
        """Surrogates and steps."""
        count = len(self.surrogates)
        models = "1 surrogate" if count == 1 else f"{count} surrogates"
        return f"transfer APGD from {models}, {self.steps} + {self.steps_on_model} steps"

    def select(self, state: AttackState) -> Tensor:
        """All robust examples, reachable by the model's own gradients or not."""
        return state.robust

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the one with the largest margin."""
        images, ranks = [batch.nearest], [batch.margins]
        for surrogate in self.surrogates:
            transferred = self._ascend_surrogate(batch, surrogate)
            start = batch.ball.project({IMAGES: transferred})
            evaluate = untargeted(batch, "probability margin")
            own = apgd(batch.ball, evaluate, start, self.steps_on_model).point[IMAGES]
            for candidates in (transferred, own):
                inside, logits = classified(batch.subject, batch.ball, candidates)
                broken = predicted_classes(logits) != batch.subject.labels
                images.append(inside)
                reached = margins(logits, batch.subject.labels)
                ranks.append(torch.where(broken, torch.inf, reached))
        best, rows = batch.nearest.clone(), torch.arange(len(batch.keys), device=batch.keys.device)
        keep_largest(best, torch.cat(images), torch.cat(ranks), rows.repeat(len(images)))
        return Candidates(best)

    def _ascend_surrogate(self, batch: AttackState, surrogate: Subject) -> Tensor:
        """Images (n, C, H, W) of the largest probability margin of another model in the balls."""
        other = surrogate.on(batch.subject.images, batch.subject.labels)
        temperature = temperatures(margins(other.logits(), other.labels))
        evaluate = per_example(other, probability_margin, temperature, stop=False)
        return apgd(batch.ball, evaluate, batch.ball.origin, self.steps).point[IMAGES]
