"""Verification: a counterexample is measured in float64 and classified again in float32."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from benchmark.attacks.weights import weight_ball
from benchmark.counterexamples.counterexample import Claimed, Counterexample
from benchmark.results import Outcomes, Score
from benchmark.spaces import IMAGES, InputBall, WeightBall
from benchmark.subject import Subject
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat, WeightThreat
from models_zoo.display import shown
from models_zoo.errors import InputError, close_names
from models_zoo.inputs import KINDS
from models_zoo.prediction import predicted_classes


@dataclass(frozen=True)
class Verified:
    """What a counterexample shows.

    Attributes:
        threat: the ball in which it was measured to lie.
        robust: bool (N,), which of all evaluation examples are still classified correctly.
        broken: bool (N,), which the model classifies correctly without it, but not with it.
        scores: of a backdoor, the scores of its probe that it replaces, by name.
        held_out: bool (M,), of a backdoor, which of the clean images that its probe measures on are
            still classified correctly.
    """

    threat: Claimed
    robust: Outcomes
    broken: Outcomes
    scores: dict[str, Score] = field(default_factory=dict)
    held_out: Outcomes | None = None

    @property
    def n_broken(self) -> int:
        """Number of examples that it breaks."""
        return int(self.broken.sum())


def verify_perturbation(example: Counterexample, subject: Subject) -> Verified:
    """Measure perturbed images or weights against their ball, and classify them again.

    Args:
        example: a counterexample on images, weights or both.
        subject: the model and all evaluation examples.

    Raises:
        InputError: it does not fit the model or the examples, lies outside its ball or outside
            [0, 1], or breaks nothing.
    """
    threat = example.threat
    require_parts(example)
    images = subject.images
    if isinstance(threat, InputThreat | JointThreat):
        if subject.kind != "images":
            raise InputError(
                f"a counterexample within {threat.label} perturbs images, and the examples are "
                f"{KINDS[subject.kind]}; one of their models perturbs the weights alone"
            )
        inputs = threat if isinstance(threat, InputThreat) else threat.inputs
        images = _perturbed_images(example, subject, inputs)
    changed = subject
    if isinstance(threat, WeightThreat | JointThreat):
        weights = threat if isinstance(threat, WeightThreat) else threat.weights
        changed = subject.at(perturbed_weights(example, weight_ball(subject, weights)))
    right = predicted_classes(changed.logits(images)) == subject.labels
    robust, clean = right.cpu().numpy(), subject.correct().cpu().numpy()
    broken = clean & ~robust
    if not broken.any():
        raise InputError(
            f"the counterexample breaks nothing: every example that the model classifies correctly "
            f"is still classified correctly within {threat.label}"
        )
    return Verified(threat, robust, broken)


def require_parts(example: Counterexample) -> None:
    """Check that a counterexample has what its threat perturbs, and nothing else.

    Raises:
        InputError: something is missing, or does not belong to the threat.
    """
    threat = example.threat
    has = {
        "perturbed images": example.images is not None or example.indices is not None,
        "a displacement of the weights": bool(example.delta),
        "a trigger": example.trigger is not None or example.target is not None,
    }
    needs = {
        "perturbed images": isinstance(threat, InputThreat | JointThreat),
        "a displacement of the weights": not isinstance(threat, InputThreat),
        "a trigger": isinstance(threat, BackdoorThreat),
    }
    for part, needed in needs.items():
        if has[part] != needed:
            verb = "needs" if needed else "cannot have"
            raise InputError(f"a counterexample within {threat.label} {verb} {part}")


def _perturbed_images(example: Counterexample, subject: Subject, threat: InputThreat) -> Tensor:
    """All evaluation images (N, C, H, W), with those of the counterexample in their places."""
    indices, given = example.indices, example.images
    if indices is None or given is None:
        raise InputError("a counterexample on images needs both indices and images")
    count, shape = len(subject), tuple(subject.images.shape[1:])
    if indices.ndim != 1 or len(indices) == 0:
        raise InputError(
            f"indices must have the shape (K,) with K >= 1, got {tuple(indices.shape)}"
        )
    if tuple(given.shape) != (len(indices), *shape):
        raise InputError(
            f"images must have the shape {(len(indices), *shape)}, got {tuple(given.shape)}"
        )
    low, high = int(indices.min()), int(indices.max())
    if not 0 <= low <= high < count:
        raise InputError(f"indices must lie in 0..{count - 1}, got {low if low < 0 else high}")
    if len(set(indices.tolist())) != len(indices):
        raise InputError("indices must be different from each other")
    if not bool(given.isfinite().all()):
        raise InputError("images must be finite")
    rows, moved = indices.to(subject.images.device), given.to(subject.images)
    for place, row in enumerate(rows.tolist()):
        ball = InputBall(subject.images[row : row + 1], threat.norm, threat.eps)
        point = {IMAGES: moved[place : place + 1]}
        if not ball.contains(point):
            raise InputError(
                f"the perturbed image of example {row} lies {float(ball.excess(point)):.3g} "
                f"outside its {threat.norm} ball of radius {threat.eps.text} or outside [0, 1]"
            )
    images = subject.images.clone()
    images[rows] = moved
    return images


def perturbed_weights(example: Counterexample, ball: WeightBall) -> dict[str, Tensor]:
    """The perturbed weights of a counterexample, after they were measured against their ball.

    Args:
        example: has a displacement of the weights.
        ball: where they may be.

    Raises:
        InputError: a tensor does not fit, or they lie outside.
    """
    found = dict(ball.weights)
    for name, moved in example.delta.items():
        own = ball.weights.get(name)
        if own is None:
            near = close_names(name, list(ball.weights))
            hint = f"; did you mean {shown(near[0])}?" if near else ""
            raise InputError(
                f"the displacement of {shown(name)} is of no tensor that the threat allows to move"
                f"{hint}"
            )
        if moved.shape != own.shape:
            raise InputError(
                f"the displacement of {shown(name)} must have the shape {tuple(own.shape)}, got "
                f"{tuple(moved.shape)}"
            )
        if not bool(moved.isfinite().all()):
            raise InputError(f"the displacement of {shown(name)} must be finite")
        found[name] = own + moved.to(own)
    if not ball.contains(found):
        raise InputError(
            f"the perturbed weights lie outside their {ball.geometry} ball of radius "
            f"{ball.radius:g}: the worst block by {float(ball.excess(found)):.3g} of its size"
        )
    return found
