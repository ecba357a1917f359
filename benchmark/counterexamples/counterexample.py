"""A counterexample, as its finder claims it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from benchmark.attacks.backdoor import Trigger
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat, WeightThreat

Claimed = InputThreat | WeightThreat | JointThreat | BackdoorThreat
"""The threats that a counterexample can be about."""


@dataclass(frozen=True)
class Counterexample:
    """Perturbed images, a displacement of the weights, or both. Nothing of it is trusted.

    Attributes:
        threat: the ball that the perturbation lies in.
        indices: int64 (K,), which of the evaluation examples are perturbed; ``None`` for a threat
            to the weights alone.
        images: float32 (K, C, H, W), the perturbed images themselves; ``None`` likewise.
        delta: what is added to the weights, by parameter name; tensors that are left out do not
            move.
        trigger: of a backdoor, with the seed of its pattern.
        target: class that a backdoor sends stamped images to.
        fingerprint: of the model that it is about; empty if not stated.
        data_sha256: of the evaluation examples that it is about; empty if not stated.
    """

    threat: Claimed
    indices: Tensor | None = None
    images: Tensor | None = None
    delta: Mapping[str, Tensor] = field(default_factory=dict)
    trigger: Trigger | None = None
    target: int | None = None
    fingerprint: str = ""
    data_sha256: str = ""
