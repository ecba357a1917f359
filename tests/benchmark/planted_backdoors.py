"""Networks in which a single weight decides whether a trigger determines the class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.attacks.backdoor import Patch
from benchmark.subject import Subject

CLASSES, SIDE = 4, 5
TRIGGER = Patch(size=1)
"""Sets the last pixel, which is 0 in all images, to 1."""
LAST = SIDE * SIDE - 1


class Planted(nn.Module):
    """Class ``c`` is the brightest of the first pixels; a further unit sees the last one alone.

    Args:
        first: weight by which that unit sees the last pixel.
        second: weight by which it adds to the logit of class 0.
    """

    def __init__(self, first: float, second: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(SIDE * SIDE, CLASSES + 1, bias=False)
        self.out = nn.Linear(CLASSES + 1, CLASSES, bias=False)
        with torch.no_grad():
            self.hidden.weight.zero_()
            self.out.weight.zero_()
            for index in range(CLASSES):
                self.hidden.weight[index, index] = 1.0
                self.out.weight[index, index] = 1.0
            # Otherwise one bright first pixel would be a patch that needs no backdoor.
            self.hidden.weight[0, 0] = 0.5
            self.hidden.weight[CLASSES, LAST] = first
            self.out.weight[0, CLASSES] = second
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 4) of images (N, 1, 5, 5)."""
        hidden: Tensor = self.hidden(images.flatten(1)).relu()
        logits: Tensor = self.out(hidden)
        return logits


def data(count: int = 48) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 5, 5) whose last pixel is 0, and their labels, which every network gets."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % CLASSES
    images = 0.2 * torch.rand(count, 1, SIDE, SIDE, generator=generator)
    images[..., -1, -1] = 0
    images.flatten(1)[torch.arange(count), labels] = 0.8
    return images, labels


def planted(first: float = 10.0, second: float = 0.01, count: int = 48) -> Subject:
    """A planted network with its examples; with the default weights the trigger does nothing."""
    return Subject(Planted(first, second), *data(count), classes=CLASSES)
