"""An input search of somebody else."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmark.attacks.inputs.search import Candidates, Search
from benchmark.attacks.inputs.state import AttackState


@dataclass(frozen=True)
class Fog(Search):
    """Mixes every image with gray, as far as its ball allows.

    Attributes:
        level: the gray.
    """

    level: float = 0.5

    uses_gradients = False

    @property
    def name(self) -> str:
        """As reports print it."""
        return f"fog {self.level}"

    def find(self, batch: AttackState) -> Candidates:
        """The gray image, which is projected into the ball."""
        return Candidates(torch.full_like(batch.subject.images, self.level))
