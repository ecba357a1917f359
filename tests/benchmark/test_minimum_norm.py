"""Descents to the decision boundary where linear programming says which point is nearest."""

import torch
from scipy.optimize import linprog
from torch import nn

from benchmark.attacks.inputs.distance import L2_POLISHING, LINF_POLISHING
from benchmark.attacks.inputs.minimum_norm import descend
from benchmark.subject import Subject


class Wedge(nn.Module):
    """Class 1 where each of several linear functions of the image is positive."""

    def __init__(self, count: int, size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, size, generator=generator) + 1)

    def gaps(self, images: torch.Tensor) -> torch.Tensor:
        return (images - 0.5).flatten(1) @ self.weight.T - 2

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        gap = self.gaps(images).amin(1)
        return torch.stack([torch.zeros_like(gap), gap], dim=1)


def nearest_of(model, image):
    """The smallest linf distance at which all functions of a wedge are 0."""
    weight, gaps = model.weight.detach().double(), model.gaps(image[None])[0].detach()
    size = weight.shape[1]
    ones, eye = torch.ones(size, 1), torch.eye(size)
    above = torch.cat([-weight, torch.zeros(len(weight), 1)], 1)
    box = torch.cat([torch.cat([eye, -ones], 1), torch.cat([-eye, -ones], 1)])
    limits = torch.cat([gaps, torch.zeros(2 * size)])
    cost = [0.0] * size + [1.0]
    rows = torch.cat([above, box]).numpy()
    found = linprog(cost, rows, limits.numpy(), bounds=[(None, None)] * (size + 1))
    return found.fun


def test_polishing_for_linf_comes_near_the_nearest_point_of_a_wedge():
    """Steps along signs count both functions alike, though one is steeper in a pixel."""
    generator = torch.Generator().manual_seed(0)
    model = Wedge(2, 64, generator)
    clean = 0.5 + 0.02 * torch.randn(3, 1, 8, 8, generator=generator)
    subject = Subject(model, clean, torch.zeros(3, dtype=torch.int64))
    truth = torch.tensor([nearest_of(model, image) for image in clean])
    ratios = {}
    for name, (descent,) in (("powers", LINF_POLISHING), ("signs", L2_POLISHING)):
        _, found = descend(subject, "linf", descent, clean + 0.2, torch.full((3,), 0.2))
        ratios[name] = found / truth
    assert float(ratios["powers"].min()) >= 1 - 1e-5
    assert float(ratios["powers"].max()) <= 1.01
    assert float(ratios["signs"].min()) > 1.02
