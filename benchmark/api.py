"""One attack at a time, on any module: the library's short way in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from benchmark.arguments import Array, Number, budget_of, count_of, input_budget_of, norm_of
from benchmark.attacks.backdoor import (
    Backdoor,
    BackdoorOutcome,
    Effort,
    Injection,
    Patch,
    Trigger,
    split,
)
from benchmark.attacks.inputs import InputAttackResult, attack_subject, searches_of
from benchmark.attacks.inputs.distance import Distances, find_distances
from benchmark.attacks.joint import Cell, JointAttack, Strike, input_strike
from benchmark.attacks.weights import WeightAttack, WeightBudget, weight_ladder
from benchmark.certificates import Certifier
from benchmark.checks import require_weights_under_attack
from benchmark.probes.flatness import FlatnessProbe, FlatnessSettings
from benchmark.requirements import require_image_gradients, require_weights
from benchmark.results import Score
from benchmark.subject import Subject, subject_of
from models_zoo.errors import InputError, shown


def attack_inputs(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    norm: str | float = "linf",
    eps: Number,
    effort: str = "standard",
    access: str = "gradients",
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
) -> InputAttackResult:
    """Perturb each image inside its own ball until the model is wrong.

    Args:
        model: from images in [0, 1] to logits.
        images: float (N, C, H, W) in [0, 1], a tensor or an array.
        labels: int (N,).
        norm: ``"linf"``, ``"l2"`` or ``"l1"``; ``2``, ``np.inf`` and the like mean the same.
        eps: radius in input units, such as ``8 / 255`` or ``"8/255"``.
        effort: ``"quick"``, ``"standard"`` or ``"thorough"``.
        access: ``"gradients"``, or ``"scores"`` for an adversary who only asks the model.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.

    Returns:
        ``images`` (N, C, H, W) inside the ball and [0, 1], and ``robust`` (N,), bool: what was
        still classified correctly after everything tried. Where it is false ``images`` holds the
        proof. ``searches`` says what each search did and what it cost.

    Raises:
        InputError: arguments that do not fit together.
    """
    with subject_of(
        model, images, labels, seed=seed, device=device, batch_size=batch_size
    ) as subject:
        norm = norm_of(norm)
        eps = input_budget_of(eps, norm, subject.images)
        searches_of(effort, access)  # an unknown name is refused before it is compared
        # The other efforts search without gradients as well where there are none.
        if effort == "quick" and access == "gradients":
            require_image_gradients(subject)
        attack = attack_subject(subject, norm, eps, effort, access=access)
    home = _device_of(images)
    return replace(attack, images=attack.images.to(home), robust=attack.robust.to(home))


def minimal_distances(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    norm: str | float = "linf",
    largest: Number | None = None,
    precision: float = 0.01,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
) -> Distances:
    """The nearest misclassified image found around each image: all budgets in one run.

    Args:
        model: from images in [0, 1] to logits.
        images: float (N, C, H, W) in [0, 1], a tensor or an array.
        labels: int (N,).
        norm: ``"linf"``, ``"l2"`` or ``"l1"``; ``2``, ``np.inf`` and the like mean the same.
        largest: radius up to which to look, in input units; by default the whole box.
        precision: relative; refine until nothing is found that much nearer.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.

    Returns:
        ``distances`` (N,), 0 where the clean image is misclassified and infinite where nothing was
        found; ``images``, the proofs; ``robust(eps)``, bool (N,), what stands at any budget.

    Raises:
        InputError: arguments that do not fit together.
    """
    with subject_of(
        model, images, labels, seed=seed, device=device, batch_size=batch_size
    ) as subject:
        norm = norm_of(norm)
        if largest is not None:
            largest = budget_of("largest", largest)
        require_image_gradients(subject)
        found = find_distances(subject, norm, largest=largest, precision=precision)
    home = _device_of(images)
    return Distances(found.images.to(home), found.distances.to(home), found.largest)


def attack_weights(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    radius: Number,
    geometry: str = "relative-l2",
    rule: str = "no-normalization",
    steps: int = 30,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
) -> WeightAttack:
    """Perturb the weights once for all examples, to make as many of them wrong as possible.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1], a tensor or an array.
        labels: int (N,).
        radius: of the weight ball, in the unit of the geometry.
        geometry: see :class:`benchmark.spaces.WeightBall`.
        rule: which tensors move, see :data:`benchmark.spaces.RULES`.
        steps: APGD steps of each climb.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.

    Returns:
        ``weights``, perturbed tensors by parameter name, and ``robust`` (N,), bool.

    Raises:
        InputError: arguments that do not fit together, or a model most of whose weights would not
            move.
    """
    with subject_of(
        model, images, labels, seed=seed, device=device, batch_size=batch_size
    ) as subject:
        budget = WeightBudget(geometry, rule, count_of("steps", steps))
        require_weights(subject)
        require_weights_under_attack(subject, rule)
        (found,) = weight_ladder(subject, [budget_of("radius", radius)], budget)
    return found


def attack_joint(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    eps: Number,
    radius: Number,
    norm: str | float = "linf",
    geometry: str = "relative-l2",
    rule: str = "no-normalization",
    steps: int = 30,
    effort: str = "standard",
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
) -> JointAttack:
    """Perturb the weights once for all examples and each image inside its own ball.

    Never weaker than either attack alone at the same budgets, nor than one after the other in
    either order: all are candidates.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1], a tensor or an array.
        labels: int (N,).
        eps: radius of the input balls, input units.
        radius: radius of the weight ball, in the unit of the geometry.
        norm: of the input balls.
        geometry: of the weight ball.
        rule: which tensors move.
        steps: APGD steps over weights.
        effort: of the input attacks.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.

    Returns:
        ``weights`` and ``images``, ``robust`` (N,), bool, ``won``, which candidate it was, and
        ``standing``, how many examples stood under each.

    Raises:
        InputError: arguments that do not fit together.
    """
    budget = WeightBudget(geometry, rule, count_of("steps", steps))
    with subject_of(
        model, images, labels, seed=seed, device=device, batch_size=batch_size
    ) as subject:
        norm, radius = norm_of(norm), budget_of("radius", radius)
        eps = input_budget_of(eps, norm, subject.images)
        require_image_gradients(subject)
        require_weights(subject)
        require_weights_under_attack(subject, rule)
        (weight,) = weight_ladder(subject, [radius], budget)
        attack = attack_subject(subject, norm, eps, effort)
        alone = Strike({}, attack.robust, attack.images)
        if radius > 0:
            alone = input_strike(subject, norm, eps, attack)
        return Cell(
            subject=subject,
            norm=norm,
            eps=eps,
            radius=radius,
            budget=budget,
            effort=effort,
            alone=alone,
            weight=weight,
        ).attack()


def certify_joint(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    eps: Number,
    radius: Number,
    norm: str | float = "linf",
    geometry: str = "relative-l2",
    rule: str = "no-normalization",
    device: str = "cpu",
    batch_size: int = 256,
) -> Tensor:
    """Prove what no perturbation of weights and images within the budgets can break.

    For feed-forward and convolutional ReLU networks, with residual connections, average or
    maximum pooling and frozen batch norm; see ``docs/certificates.md``. A bound of intervals and
    lengths: sound, and loose for deep networks.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1], a tensor or an array.
        labels: int (N,).
        eps: radius of the input balls, input units.
        radius: radius of the weight ball, in the unit of the geometry.
        norm: of the input balls, ``"linf"``, ``"l2"`` or ``"l1"``.
        geometry: of the weight ball.
        rule: which tensors move.
        device: where to compute.
        batch_size: images passed through the model at once.

    Returns:
        Bool (N,): classified correctly for every image and all weights in the balls.

    Raises:
        InputError: arguments that do not fit together, or a model with an operation that no bound
            is known for.
    """
    with subject_of(model, images, labels, device=device, batch_size=batch_size) as subject:
        norm = norm_of(norm)
        ball = WeightBudget(geometry, rule).ball(subject, budget_of("radius", radius))
        eps = input_budget_of(eps, norm, subject.images)
        return Certifier(subject, norm).certified(eps, ball).to(_device_of(images))


def inject_backdoor(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    budget: Number,
    target: int = 0,
    trigger: Trigger | None = None,
    geometry: str = "relative-linf",
    rule: str = "no-normalization",
    steps: int = 200,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
) -> BackdoorOutcome:
    """Plant a backdoor in the weights on one part of the examples, measure it on another.

    Half of the examples are optimised on, a fifth decides which of the weights passed through
    count, and the rest is measured on.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1], at least 4.
        labels: int (N,).
        budget: radius of the weight ball, in the unit of the geometry.
        target: the class the trigger shall call up.
        trigger: what is stamped on the images, any of
            :mod:`benchmark.attacks.backdoor.triggers`; by default a bright 3 x 3 square in the
            lower right corner.
        geometry: of the weight ball.
        rule: which tensors move.
        steps: mini-batch steps of up to 64 images, each clean and stamped.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.

    Returns:
        ``weights``, ``success`` on triggered images of other classes, ``robust`` and ``agreement``
        on clean images, ``change``, the mean relative weight change, and ``moved``, its
        distribution.

    Raises:
        InputError: arguments that do not fit together.
    """
    planted = Patch() if trigger is None else trigger
    if not isinstance(planted, Trigger):
        raise InputError(
            "trigger must be one of benchmark.attacks.backdoor.triggers, such as Patch(), got "
            f"{shown(trigger)}"
        )
    backdoor, budgets = Backdoor(planted, target), WeightBudget(geometry, rule)
    with subject_of(
        model, images, labels, seed=seed, device=device, batch_size=batch_size
    ) as subject:
        _require_class(subject, target)
        require_weights(subject)
        require_weights_under_attack(subject, rule)
        injection = Injection(split(subject), backdoor, Effort(count_of("steps", steps)))
        ball = budgets.ball(subject, budget_of("budget", budget))
        return injection.measure(ball, injection.at(ball))


def flatness(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    eps: Number,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    **settings: Any,
) -> dict[str, Score]:
    """Average- and worst-case flatness, robust and clean (Stutz et al. 2021); larger is sharper.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1], a tensor or an array.
        labels: int (N,).
        eps: linf input budget of the robust loss.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        settings: other fields of :class:`benchmark.probes.flatness.FlatnessSettings`.

    Returns:
        The scores of the probe ``flatness`` by name.

    Raises:
        InputError: arguments that do not fit together.
    """
    with subject_of(
        model, images, labels, seed=seed, device=device, batch_size=batch_size
    ) as subject:
        require_image_gradients(subject)
        require_weights(subject)
        chosen = _flatness_settings(eps=input_budget_of(eps, "linf", subject.images), **settings)
        require_weights_under_attack(subject, chosen.rule)
        return FlatnessProbe(chosen)(subject).scores


def _device_of(images: Array) -> torch.device:
    """Where a caller's images lie, and results go back to."""
    return images.device if isinstance(images, Tensor) else torch.device("cpu")


def _require_class(subject: Subject, target: int) -> None:
    classes = subject.logits(subject.images[:1]).shape[1]
    if not 0 <= count_of("target", target, 0) < classes:
        raise InputError(f"target must be a class in 0..{classes - 1}, got {target}")


def _flatness_settings(**settings: Any) -> FlatnessSettings:
    try:
        return FlatnessSettings(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        raise InputError(f"flatness: {name}: {first['msg']}, got {first['input']!r}") from error
