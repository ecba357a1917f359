"""The decision surface around an image.

Source: Yu, Qin, Liu, Zhao, Wang & Chen 2019, "Interpreting and evaluating neural network
robustness", IJCAI: a surface in input space that shows the decision boundary instead of the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.ascent import per_example
from benchmark.landscape.curves import Tick, even
from benchmark.landscape.results import DecisionSurface
from benchmark.objectives import cross_entropy, margin
from benchmark.spaces import IMAGES
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes


def decision_surfaces(
    subject: Subject, extent: float, examples: int, points: int, tick: Tick
) -> list[DecisionSurface]:
    """``S(x + a d1 + b d2)`` with ``S(x) = z_y - max_{j != y} z_j``, for a few images.

    ``d1`` is the sign of the cross-entropy's gradient at the image, ``d2`` random signs. The plane
    is not clipped to [0, 1].

    Args:
        subject: model and examples.
        extent: the largest ``|a|`` and ``|b|``, input units.
        examples: number of images: the first ones that are classified correctly and, if there are
            too few, the first others.
        points: number of points along either axis, odd.
        tick: called after every image.
    """
    correct = subject.correct()
    rows = torch.cat([correct.nonzero(), (~correct).nonzero()]).flatten()[:examples]
    surfaces = []
    for row in rows:
        surfaces.append(_surface(subject.take(row.view(1)), int(row), even(points, extent)))
        tick()
    return surfaces


def _surface(subject: Subject, example: int, offsets: list[float]) -> DecisionSurface:
    """The surface around the subject's only image."""
    image, rows = subject.images, torch.zeros(1, dtype=torch.int64, device=subject.images.device)
    evaluate = per_example(subject, cross_entropy, stop=False)
    gradient = evaluate({IMAGES: image}, rows).gradient[IMAGES]
    generator = subject.generator("landscape", "decision", example)
    signs = (2 * torch.randint(2, image.shape, generator=generator) - 1).to(image)
    steps = torch.tensor(offsets).to(image)
    places = torch.cartesian_prod(steps, steps)
    margins = [
        _margins(subject, image + b * signs + a * gradient.sign())
        for b, a in (
            part.view(-1, 2, 1, 1, 1).unbind(1) for part in torch.split(places, subject.batch_size)
        )
    ]
    return DecisionSurface(
        example=example,
        label=int(subject.labels),
        predicted=int(predicted_classes(subject.logits())),
        offsets=offsets,
        margin=torch.cat(margins).view(len(offsets), -1).tolist(),
    )


def _margins(subject: Subject, images: Tensor) -> Tensor:
    return -margin(subject.logits(images), subject.labels.expand(len(images))).double()
