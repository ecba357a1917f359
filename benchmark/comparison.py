"""The suite's input attack compared with AutoAttack: same model, same images, same process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from benchmark.arguments import Array, Number, budget_of, input_budget_of, norm_of
from benchmark.attacks.inputs import EFFORTS, InputAttackResult, attack_subject
from benchmark.attacks.reference import proven_broken, run_autoattack
from benchmark.image_gradients import image_gradient
from benchmark.spaces import InputBall
from benchmark.subject import Passes, Progress, Subject, subject_of
from models_zoo.errors import InputError, unknown_name


class Side(BaseModel):
    """The results of an attack and its cost.

    Attributes:
        n_robust: number of examples still classified correctly; all images are verified.
        robust_accuracy: their share of all examples.
        seconds: wall time of the attack.
        forwards: images it passed forward through the model.
        backwards: images it passed backward.
        passes_per_robust_example: forward and backward passes of the whole attack per robust
            example; ``None`` where there is none.
        model_share: share of the time inside the model's own forward and backward passes; ``None``
            on a GPU, where it cannot be measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_robust: int
    robust_accuracy: float
    seconds: float
    forwards: int
    backwards: int
    passes_per_robust_example: float | None
    model_share: float | None


class Reference(Side):
    """The results of AutoAttack.

    Attributes:
        claimed: number of examples that AutoAttack itself reports as robust.
        warnings: its log messages about the model.
    """

    claimed: int
    warnings: tuple[str, ...] = ()


class SearchAccount(BaseModel):
    """The work of one search of the cascade.

    Attributes:
        search: its name.
        attacked: number of examples it was run on.
        broken: number of these that it broke.
        passes: images it passed forward or backward.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    search: str
    attacked: int
    broken: int
    passes: int


class Ours(Side):
    """The results of one effort of the suite's input attack.

    Attributes:
        searches: the work of each search, in order.
        only_autoattack: indices of the examples that AutoAttack alone broke.
        only_ours: indices of the examples that this effort alone broke.
        speedup: AutoAttack's time over ours.
        fewer_passes: AutoAttack's forward and backward passes over ours.
    """

    searches: tuple[SearchAccount, ...] = ()
    only_autoattack: tuple[int, ...]
    only_ours: tuple[int, ...]
    speedup: float
    fewer_passes: float


class Comparison(BaseModel):
    """Both attacks on the same examples.

    Attributes:
        norm: of the balls.
        eps: their radius in input units.
        examples: number of examples.
        clean_accuracy: share classified correctly without an attack.
        seed: root of every random draw of both.
        batch_size: images passed through the model at once, by both.
        device: where both ran.
        threads: intra-operation threads of both.
        autoattack: the reference.
        efforts: the results of the suite's attack by effort.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    norm: str
    eps: float
    examples: int
    clean_accuracy: float
    seed: int
    batch_size: int
    device: str
    threads: int
    autoattack: Reference
    efforts: dict[str, Ours]


def compare_autoattack(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    norm: str | float = "linf",
    eps: Number,
    efforts: Sequence[str] = ("quick", "standard"),
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    progress: Progress | None = None,
) -> Comparison:
    """Run the suite's input attack and AutoAttack standard on the same examples.

    The time of the suite's attack includes its verification, that of AutoAttack includes none. An
    untimed pass through the model comes first, for work that a process does only once. The images
    of both are then verified in the same way.

    Args:
        model: from images in [0, 1] to logits, of at least 4 classes.
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        eps: radius in input units, above 0.
        efforts: names of :data:`benchmark.attacks.inputs.EFFORTS`.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        progress: called with a short text whenever a piece of work is done.

    Raises:
        InputError: arguments that do not fit together, or a model that AutoAttack cannot attack.
    """
    norm, eps = norm_of(norm), budget_of("eps", eps)
    if not eps > 0:
        raise InputError(f"a comparison needs an eps above 0, got {eps:g}")
    for effort in efforts:
        if effort not in EFFORTS:
            raise unknown_name("effort", effort, EFFORTS)

    examine = partial(
        subject_of,
        model,
        images,
        labels,
        seed=seed,
        device=device,
        batch_size=batch_size,
        progress=progress,
    )
    with examine() as subject:
        input_budget_of(eps, norm, subject.images)
        _warm_up(subject)
        reference = run_autoattack(subject, norm, eps)
        autoattack = Reference(
            **_side(
                subject,
                reference.robust,
                Passes(reference.cost.forwards, reference.cost.backwards, reference.model_seconds),
                reference.cost.seconds,
            ),
            claimed=int(reference.claimed.sum()),
            warnings=reference.warnings,
        )
        ball = InputBall(subject.images, norm, eps)
        ours = {}
        for effort in efforts:
            subject.progress(f"{effort} effort")
            began = time.perf_counter()
            with examine() as again:
                found = attack_subject(again, norm, eps, effort)
                found.robust.any().item()  # wait until a GPU is done
            seconds = time.perf_counter() - began
            robust = subject.correct() & ~proven_broken(subject, ball, found.images)
            side = Side(**_side(subject, robust, again.passes, seconds))
            ours[effort] = _against(autoattack, reference.robust, side, robust, found)
        return Comparison(
            norm=norm,
            eps=eps,
            examples=len(subject),
            clean_accuracy=float(subject.correct().double().mean()),
            seed=seed,
            batch_size=batch_size,
            device=device,
            threads=torch.get_num_threads(),
            autoattack=autoattack,
            efforts=ours,
        )


def _warm_up(subject: Subject) -> None:
    """Pass one batch forward and backward."""
    image_gradient(subject, subject.images[: subject.batch_size], lambda logits: logits.sum(1))


def _side(subject: Subject, robust: Tensor, passes: Passes, seconds: float) -> dict[str, Any]:
    n_robust = int(robust.sum())
    return {
        "n_robust": n_robust,
        "robust_accuracy": n_robust / len(subject),
        "seconds": seconds,
        "forwards": passes.forwards,
        "backwards": passes.backwards,
        "passes_per_robust_example": (passes.forwards + passes.backwards) / n_robust
        if n_robust
        else None,
        "model_share": passes.seconds / seconds if subject.images.device.type == "cpu" else None,
    }


def _against(
    reference: Reference, theirs: Tensor, side: Side, ours: Tensor, attack: InputAttackResult
) -> Ours:
    return Ours(
        **side.model_dump(),
        searches=tuple(
            SearchAccount(
                search=found.search,
                attacked=int(found.attacked.sum()),
                broken=int(found.broken.sum()),
                passes=found.forwards + found.backwards,
            )
            for found in attack.searches
        ),
        only_autoattack=tuple((ours & ~theirs).nonzero().flatten().tolist()),
        only_ours=tuple((theirs & ~ours).nonzero().flatten().tolist()),
        speedup=reference.seconds / side.seconds,
        fewer_passes=(reference.forwards + reference.backwards)
        / max(side.forwards + side.backwards, 1),
    )
