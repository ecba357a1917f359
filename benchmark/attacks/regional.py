"""The regional attack: steps of the cross-entropy's sign inside a part of the image.

Source: Ozbulak et al. 2020, "Regional image perturbation reduces Lp norms of adversarial examples
while maintaining model-to-model transferability" (arXiv 2007.03198) and its public code. With the
generating model ``g``, a random class ``t`` to aim at and a mask ``M``,

    x_n = clip(x_{n-1} - step * sign(grad CE(g(x_{n-1}), t)) * M, 0, 1),

until the attacked model ``h`` is wrong. The gradient is targeted, the stop is not, and ``h`` is
asked after every step: it is an oracle. What an adversary without one reaches is measured on the
same iterates: the first that fools ``g`` is shown to ``h`` once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.regions import Shape, aim_gradient, region_masks
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


def draw_aims(subject: Subject) -> Tensor:
    """A random wrong class for each example, (N,): the same in all regions and on all models."""
    classes = subject.logits().shape[1]
    draw = subject.generator("regional", "aims")
    shift = torch.randint(1, classes, (len(subject),), generator=draw)
    return (subject.labels + shift.to(subject.labels.device)) % classes


def attack_regions(
    target: Subject,
    shapes: Sequence[Shape],
    aims: Tensor,
    *,
    generator: Subject | None = None,
    steps: int = 250,
    step: float = 1 / 255,
) -> tuple[RegionalAttack, RegionalAttack]:
    """Attack every image in every region, all of them in one batch that the finished ones leave.

    Args:
        target: the attacked model ``h``, with N images and their labels.
        shapes: the regions.
        aims: the wrong class (N,) to which each image is moved.
        generator: the model ``g`` whose gradient is followed, with the same images; by default the
            attacked one itself (white-box).
        steps: the most steps taken.
        step: length of a step, input units.

    Returns:
        What was found by the paper's rule (stop when ``h`` is wrong), and what without asking ``h``
        on the way (stop when ``g`` is wrong). White-box the two are the same.

    Raises:
        InputError: a region does not fit the images.
    """
    maker = target if generator is None else generator
    attempted = target.correct() & maker.correct()
    rows = attempted.nonzero().flatten()
    masks = torch.stack([region_masks(maker, aims, shape) for shape in shapes])[:, rows]
    times = len(shapes)
    asked = target.on(target.images[rows].repeat(times, 1, 1, 1), target.labels[rows].repeat(times))
    region = Region(asked.images, masks.flatten(0, 1))
    made_on = asked if generator is None else maker.on(asked.images, asked.labels)
    found = _first_fooling(made_on, asked, region, aims[rows].repeat(times), steps, step)
    oracle, blind = (_verified(asked, region, images) for images in found)

    def placed(images: Tensor, wrong: Tensor) -> RegionalAttack:
        everywhere = target.images.repeat(times, 1, 1, 1, 1)
        everywhere[:, rows] = images.view(times, len(rows), *images.shape[1:])
        fooled = torch.zeros(times, len(target), dtype=torch.bool, device=wrong.device)
        fooled[:, rows] = wrong.view(times, len(rows))
        return RegionalAttack(everywhere, fooled, attempted)

    return placed(*oracle), placed(*blind)


def _first_fooling(
    generator: Subject, target: Subject, region: Region, aims: Tensor, steps: int, step: float
) -> tuple[Tensor, Tensor]:
    """The first iterate that fools the target, and the first that fools the generator.

    Where there is none it is the clean image. Steps are taken until an image has fooled both.
    """
    images, labels = region.images, target.labels
    on_target, on_generator = images.clone(), images.clone()
    rows = torch.arange(region.rows, device=images.device)
    open_target, open_generator = (torch.ones_like(rows, dtype=torch.bool) for _ in range(2))
    length, here = torch.tensor([step], device=images.device), region
    for taken in range(steps + 1):
        if len(rows) == 0:
            break
        logits, gradient = aim_gradient(generator, images, aims[rows])
        wrong = predicted_classes(logits) != labels[rows]
        fresh = wrong & open_generator[rows]
        on_generator[rows[fresh]] = images[fresh]
        open_generator[rows[fresh]] = False
        if target is not generator:
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
        stays = open_target[rows] | open_generator[rows]
        if not stays.all():
            rows, images, gradient = rows[stays], images[stays], gradient[stays]
            here = region.take(rows)
        # The objective is minus the cross-entropy: the space's steepest step ascends.
        point = here.move({IMAGES: images}, here.steepest({IMAGES: -gradient}), length)
        images = here.project(point)[IMAGES]
    return on_target, on_generator


def _verified(target: Subject, region: Region, images: Tensor) -> tuple[Tensor, Tensor]:
    """Measure and classify again: the images that fool the target, else clean ones, and which."""
    if region.rows == 0:
        return images, torch.zeros(0, dtype=torch.bool, device=images.device)
    require_inside(region, {IMAGES: images})
    wrong = predicted_classes(target.logits(images)) != target.labels
    return torch.where(wrong[:, None, None, None], images, region.images), wrong
