"""Float32 evaluations at the worst members of certified balls.

Run ``python -m perf.certified_rounding``. In the networks of :func:`networks` every number grows
with every pixel and weight, so that the worst image and weights of a ball are at one of its corners
and the bounds are exact there, up to rounding. At the largest ball in which an example is
certified, the margin that is left at the corner is what the certificate allows for rounding. The
networks are evaluated in float32 at and near that corner, with their sums in random orders and in
batches of several sizes. None may be misclassified. In the largest balls that real arithmetic would
certify some are: without the allowance these certificates would be wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Annotated
from unittest import mock

import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.certificates import Certifier, affine, enclosure
from benchmark.spaces import WeightBall, select_weights
from benchmark.spaces.inside import MAX_LINF_SLACK, RELATIVE_SLACK
from benchmark.subject import Subject
from models_zoo.functional_call import functional_call
from models_zoo.torch_modes import fixed_modes

SIDE = 6
"""Height and width of the images, which have one channel."""

LABEL = 1
"""Class of all images. It is the second, so that equal logits are a misclassification."""

CERTIFIABLE = (2e-3, 1e-3)
"""Radius of the input ball, in input units, and of the weight ball, relative to each weight, by
which balls are scaled."""

OFFSET = 10.0
"""Added to both logits: their roundings grow, and their difference does not."""

BISECTIONS = 45
"""Halvings of the largest certified ball; what is left is a few roundings of float64."""

BATCHES = (1, 7, 64, 500)
"""Images that are evaluated at once, in turn: kernels sum in another order for other sizes."""

ROUNDINGS = 4
"""Largest distance from the corner, in float32 numbers."""


class Linear(nn.Module):
    """One layer, whose units can be permuted."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(SIDE * SIDE, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 2)."""
        logits: Tensor = self.last(images.flatten(1))
        return logits


class Dense(nn.Module):
    """Two layers, ReLU and a last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(SIDE * SIDE, 24), nn.Linear(24, 24)
        self.last = nn.Linear(24, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 2)."""
        hidden = F.relu(self.second(F.relu(self.first(images.flatten(1)))))
        logits: Tensor = self.last(hidden)
        return logits


class Residual(nn.Module):
    """A normalized input, convolutions, batch norm, a residual sum, pooling and a last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm, self.last = nn.BatchNorm2d(4), nn.Linear(4 * 9, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 2)."""
        hidden = F.relu(self.norm(self.first((images - 0.3) / 0.7)))
        hidden = F.avg_pool2d(hidden + F.relu(self.second(hidden)), 2)
        logits: Tensor = self.last(hidden.flatten(1))
        return logits


def networks(seed: int = 0) -> dict[str, nn.Module]:
    """The three networks, random; the logit of the label falls and the other grows with all pixels.

    Weights have magnitudes over three decades, so that roundings differ.

    Args:
        seed: of the weights.
    """
    generator = torch.Generator().manual_seed(seed)
    made: dict[str, nn.Module] = {
        "linear": Linear(),
        "dense": Dense(),
        "residual convolutions": Residual(),
    }
    for model in made.values():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                shape = module.weight.shape
                sizes = 10 ** (-3 * torch.rand(shape, generator=generator))
                module.weight.data = sizes / sizes.flatten(1).sum(1).amax()
                if module.bias is not None:
                    module.bias.data = 0.1 * torch.rand(shape[0], generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                lows = {"weight": 0.5, "bias": 0.1, "running_var": 0.5, "running_mean": 0.0}
                for name, low in lows.items():
                    values = low + torch.rand(4, generator=generator)
                    getattr(module, name).data = values
        _parameter(model, "last.weight")[LABEL] *= -1
        _parameter(model, "last.bias").add_(OFFSET)
        model.eval().requires_grad_(False)
    return made


def _parameter(model: nn.Module, name: str) -> Tensor:
    return model.get_parameter(name).data


@contextmanager
def real_arithmetic() -> Iterator[None]:
    """Certify without what rounding changes, as if networks computed with real numbers."""

    def none(*_: object) -> float:
        return 0.0

    with (
        mock.patch.multiple(affine, relative_error=none, underflow=none),
        mock.patch.multiple(enclosure, relative_error=none, underflow=none, OUTWARD=1.0),
    ):
        yield


@dataclass(frozen=True)
class Border:
    """The largest certified ball around an image and the weights of a network.

    Attributes:
        model: the network.
        image: (1, 1, SIDE, SIDE), of class :data:`LABEL`.
        share: by which both radii of :data:`CERTIFIABLE` are multiplied.
        moving: whether weights are perturbed, not images alone.
    """

    model: nn.Module
    image: Tensor
    share: float
    moving: bool = True

    @property
    def eps(self) -> float:
        """Largest change of a pixel, with the tolerance of measured images."""
        eps = self.share * CERTIFIABLE[0]
        return eps + max(MAX_LINF_SLACK, RELATIVE_SLACK["linf"] * eps)

    def moved(self, weight: Tensor) -> Tensor:
        """Largest change of each entry of a weight, with the tolerance of measured weights."""
        entries = self.share * CERTIFIABLE[1] * weight.double().abs()
        return entries + MAX_LINF_SLACK * torch.maximum(weight.abs().amax(), entries.amax())

    def corner(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The worst image and weights that float32 has inside."""
        image = _inside(self.image.double() + self.eps)
        weights = {}
        moving = select_weights(self.model) if self.moving else {}
        for name, weight in moving.items():
            sign = torch.ones_like(weight).double()
            if name.startswith("last"):
                sign[LABEL] = -1
            weights[name] = _inside(weight.double() + sign * self.moved(weight), sign)
        return image, weights


def _inside(bound: Tensor, sign: Tensor | float = 1.0) -> Tensor:
    """The float32 numbers next to a bound on the side of the center."""
    rounded = bound.float()
    inward = torch.full_like(rounded, torch.inf) * -torch.as_tensor(sign).to(rounded)
    return torch.where(
        (rounded.double() - bound) * sign > 0, torch.nextafter(rounded, inward), rounded
    )


def border(model: nn.Module, seed: int = 0, *, moving: bool, allow: bool = True) -> Border:
    """The largest certified ball around a random image.

    The bias of the last layer is set so that the ball has about the radii of :data:`CERTIFIABLE`.

    Args:
        model: one of :func:`networks`; it is copied.
        seed: of the image.
        moving: whether weights are perturbed, not images alone.
        allow: whether the certificate allows for rounding.
    """
    model = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    image = 0.1 + 0.8 * torch.rand(1, 1, SIDE, SIDE, generator=generator)
    worst, weights = Border(model, image, 1.0, moving).corner()
    logits = functional_call(model, weights, (worst,))[0]
    _parameter(model, "last.bias")[LABEL] += logits[1 - LABEL] - logits[LABEL]
    certifier = Certifier(Subject(model, image, torch.tensor([LABEL])), "linf")

    def holds(share: float) -> bool:
        radius = share * CERTIFIABLE[1] if moving else 0.0
        ball = WeightBall(select_weights(model), radius, "relative-linf")
        with nullcontext() if allow else real_arithmetic():
            return bool(certifier.certified(share * CERTIFIABLE[0], ball).all())

    low, high = 0.0, 2.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return Border(model, image, low, moving)


@dataclass(frozen=True)
class Evaluated:
    """What float32 evaluations near a corner found.

    Attributes:
        evaluations: number of images passed.
        misclassified: number of them that were.
        least: smallest margin.
        most: largest margin.
    """

    evaluations: int
    misclassified: int
    least: float
    most: float


def evaluate(where: Border, evaluations: int, seed: int = 0) -> Evaluated:
    """Evaluate a network in float32 near the worst corner of a ball.

    Args:
        where: the ball.
        evaluations: number of images, with other weights for every 500 of them.
        seed: of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    image, weights = where.corner()
    done, wrong, margins = 0, 0, []
    while done < evaluations:
        moved = {name: _near(weight, generator) for name, weight in weights.items()}
        model, order = _reordered(where.model, moved, generator)
        count = min(max(BATCHES), evaluations - done)
        images = _near(image.expand(count, *image.shape[1:]), generator)
        if not done:
            images[0] = image[0]
        images = order(images)
        size = BATCHES[done // max(BATCHES) % len(BATCHES)]
        logits = torch.cat([model(part) for part in images.split(max(size, count // 50))])
        wrong += int((logits.argmax(1) != LABEL).sum())
        margins.append(logits[:, LABEL].double() - logits[:, 1 - LABEL])
        done += count
    found = torch.cat(margins)
    return Evaluated(done, wrong, float(found.amin()), float(found.amax()))


def _near(values: Tensor, generator: torch.Generator) -> Tensor:
    """The values, or float32 numbers a few smaller in absolute value, entry by entry."""
    steps = torch.randint(0, ROUNDINGS + 1, values.shape, generator=generator, dtype=torch.int32)
    return (values.contiguous().view(torch.int32) - steps).view(torch.float32)


def _reordered(
    model: nn.Module, weights: dict[str, Tensor], generator: torch.Generator
) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The same function with its sums in another order, and how its images are permuted."""
    model = copy.deepcopy(model)
    for name, weight in weights.items():
        model.get_parameter(name).data = weight.clone()

    def permuted(before: str, after: str) -> None:
        """Permute the units between two layers."""
        order = torch.randperm(len(_parameter(model, f"{before}.bias")), generator=generator)
        for name in ("weight", "bias"):
            values = model.get_parameter(f"{before}.{name}")
            values.data = values[order]
        columns = model.get_parameter(f"{after}.weight")
        columns.data = columns[:, order]

    match model:
        case Dense():
            permuted("first", "second")
            permuted("second", "last")
        case Residual():  # other permutations would permute both summands of the residual sum
            return model, lambda images: images
    pixels = torch.randperm(SIDE * SIDE, generator=generator)
    entry = model.get_parameter(f"{'first' if isinstance(model, Dense) else 'last'}.weight")
    entry.data = entry[:, pixels]
    return model, lambda images: images.flatten(2)[:, :, pixels].view_as(images)


@dataclass(frozen=True)
class Row:
    """All evaluations of one network.

    Attributes:
        name: of the network.
        allowed: at the largest certified balls.
        bare: at the largest balls that real arithmetic would certify.
    """

    name: str
    allowed: list[Evaluated]
    bare: list[Evaluated]

    def __str__(self) -> str:
        """A row of a table."""
        cells = [
            self.name,
            *(f"{sum(e.evaluations for e in each):,}" for each in (self.allowed,)),
            str(sum(e.misclassified for e in self.allowed)),
            f"{min(e.least for e in self.allowed):.1e}",
            f"{sum(e.misclassified for e in self.bare):,} of "
            f"{sum(e.evaluations for e in self.bare):,}",
        ]
        return "| " + " | ".join(cells) + " |"


def rows(evaluations: int, images: int) -> Iterator[Row]:
    """Evaluate every network, in balls of images alone and of images and weights in turn.

    Args:
        evaluations: per network; a tenth as many where real arithmetic certifies.
        images: number of images these are spread over.
    """
    for name, model in networks().items():
        allowed, bare = [], []
        for seed in range(images):
            moving = seed % 2 == 1
            share = evaluations // images
            allowed.append(evaluate(border(model, seed, moving=moving), share, seed))
            wrong = border(model, seed, moving=moving, allow=False)
            bare.append(evaluate(wrong, share // 10, seed))
        yield Row(name, allowed, bare)


app = typer.Typer(add_completion=False)


@app.command()
def main(
    evaluations: Annotated[int, typer.Option(help="Number of evaluations per network.")] = 10**6,
    images: Annotated[int, typer.Option(help="Number of images they are spread over.")] = 10,
) -> None:
    """Print a row per network."""
    print("| network | evaluations | misclassified | least margin | in real arithmetic |")
    print("|---|---|---|---|---|")
    with fixed_modes():
        for row in rows(evaluations, images):
            print(row, flush=True)


if __name__ == "__main__":
    app()
