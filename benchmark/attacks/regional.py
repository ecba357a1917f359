"""The regional attack: sign-gradient steps on the cross-entropy inside a part of the image.

Source: Ozbulak et al. 2020, "Regional image perturbation reduces Lp norms of adversarial examples
while maintaining model-to-model transferability" (arXiv 2007.03198) and its public code. With the
generating model ``g``, a random class ``t`` to aim at and a mask ``M``,

    x_n = clip(x_{n-1} - step * sign(grad CE(g(x_{n-1}), t)) * M, 0, 1),

until the attacked model ``h`` is wrong. The gradient is targeted, the stopping rule is not, and
``h`` is queried after every step: it is an oracle. For an adversary without an oracle, the first of
the same iterates that fools ``g`` is classified by ``h`` once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.regions import Shape, region_masks, target_class_gradient
from benchmark.attacks.verification import require_inside
from benchmark.spaces import IMAGES, Region
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

REPORT_EVERY_STEPS = 50
"""Steps between two reports of progress."""


@dataclass(frozen=True)
class RegionalAttack:
    """What a regional attack found in each region, verified on the attacked model.

    Attributes:
        images: (regions, N, C, H, W), equal to the clean image outside the region; misclassified
            where ``fooled`` is true, the clean image where it is false.
        fooled: bool (regions, N).
        attempted: bool (N,), images that both models classify correctly; no other is attacked.
    """

    images: Tensor
    fooled: Tensor
    attempted: Tensor


def draw_target_classes(subject: Subject) -> Tensor:
    """A random wrong class for each example, (N,): the same in all regions and on all models."""
    classes = subject.logits().shape[1]
    draw = subject.generator("regional", "aims")  # seeds the draws: never rename
    shift = torch.randint(1, classes, (len(subject),), generator=draw)
    return (subject.labels + shift.to(subject.labels.device)) % classes


def attack_regions(
    target: Subject,
    shapes: Sequence[Shape],
    target_classes: Tensor,
    *,
    source: Subject | None = None,
    steps: int = 250,
    step: float = 1 / 255,
) -> tuple[RegionalAttack, RegionalAttack]:
    """Attack every image in every region, all in one batch, from which finished ones are removed.

    Args:
        target: the attacked model ``h``, with N images and their labels.
        shapes: the regions.
        target_classes: the wrong class (N,) towards which each image is moved.
        source: the model ``g`` whose gradient is followed, with the same images; by default the
            attacked one itself (white-box).
        steps: maximum number of steps.
        step: length of a step, input units.

    Returns:
        The result by the paper's rule (stop when ``h`` is wrong), and the result without queries of
        ``h`` (stop when ``g`` is wrong). They are the same for a white-box attack.

    Raises:
        InputError: a region does not fit the images.
    """
    source_model = target if source is None else source
    attempted = target.correct() & source_model.correct()
    rows = attempted.nonzero().flatten()
    masks = torch.stack([region_masks(source_model, target_classes, shape) for shape in shapes])[
        :, rows
    ]
    times = len(shapes)
    asked = target.on(target.images[rows].repeat(times, 1, 1, 1), target.labels[rows].repeat(times))
    region = Region(asked.images, masks.flatten(0, 1))
    made_on = asked if source is None else source_model.on(asked.images, asked.labels)
    found = _first_fooling(made_on, asked, region, target_classes[rows].repeat(times), steps, step)
    oracle, no_oracle = (_verified(asked, region, images) for images in found)

    def placed(images: Tensor, wrong: Tensor) -> RegionalAttack:
        everywhere = target.images.repeat(times, 1, 1, 1, 1)
        everywhere[:, rows] = images.view(times, len(rows), *images.shape[1:])
        fooled = torch.zeros(times, len(target), dtype=torch.bool, device=wrong.device)
        fooled[:, rows] = wrong.view(times, len(rows))
        return RegionalAttack(everywhere, fooled, attempted)

    return placed(*oracle), placed(*no_oracle)


def _first_fooling(
    source: Subject,
    target: Subject,
    region: Region,
    target_classes: Tensor,
    steps: int,
    step: float,
) -> tuple[Tensor, Tensor]:
    """The first iterate that fools the target model, and the first that fools the source model.

    Where there is none it is the clean image. Steps are taken until an image has fooled both.
    """
    images, labels = region.images, target.labels
    on_target, on_source = images.clone(), images.clone()
    rows = torch.arange(region.rows, device=images.device)
    open_target, open_source = (torch.ones_like(rows, dtype=torch.bool) for _ in range(2))
    length, here = torch.tensor([step], device=images.device), region
    for taken in range(steps + 1):
        if len(rows) == 0:
            break
        logits, gradient = target_class_gradient(source, images, target_classes[rows])
        wrong = predicted_classes(logits) != labels[rows]
        fresh = wrong & open_source[rows]
        on_source[rows[fresh]] = images[fresh]
        open_source[rows[fresh]] = False
        if target is not source:
            asked = open_target[rows]
            wrong = torch.zeros_like(wrong)
            if asked.any():
                wrong[asked] = (
                    predicted_classes(target.logits(images[asked])) != labels[rows[asked]]
                )
        fresh = wrong & open_target[rows]
        on_target[rows[fresh]] = images[fresh]
        open_target[rows[fresh]] = False
        if taken % REPORT_EVERY_STEPS == 0:
            target.progress(f"regional step {taken}: {len(rows)} of {region.rows} not broken")
        stays = open_target[rows] | open_source[rows]
        if not stays.all():
            rows, images, gradient = rows[stays], images[stays], gradient[stays]
            here = region.take(rows)
        # The objective is minus the cross-entropy: the space's steepest step ascends.
        point = here.move({IMAGES: images}, here.steepest({IMAGES: -gradient}), length)
        images = here.project(point)[IMAGES]
    return on_target, on_source


def _verified(target: Subject, region: Region, images: Tensor) -> tuple[Tensor, Tensor]:
    """Measure and classify again; return the verified images and which of them fool the target."""
    if region.rows == 0:
        return images, torch.zeros(0, dtype=torch.bool, device=images.device)
    require_inside(region, {IMAGES: images})
    wrong = predicted_classes(target.logits(images)) != target.labels
    return torch.where(wrong[:, None, None, None], images, region.images), wrong
