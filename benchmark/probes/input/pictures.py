"""Pictures of the input probe: clean and perturbed examples, and their difference."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor
from torch.nn.functional import interpolate

from benchmark.attacks.inputs import InputAttackResult
from benchmark.budgets import Budget
from benchmark.results import Thumbnail
from benchmark.subject import Subject

N_EXAMPLES = 4
"""Maximum number of examples that are shown."""

MAX_PIXELS = 64
"""Largest height and width of a picture; larger images are downscaled."""


class ShownExample(BaseModel):
    """An example that is shown.

    Attributes:
        row: its index.
        pictures: the image, the perturbed image and their difference.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    row: int
    pictures: list[Thumbnail]

    def after(self, examples: int) -> ShownExample:
        """The same, where further examples come before."""
        row = self.row + examples
        renamed = {"picture": _name(row)}
        return ShownExample(
            row=row, pictures=[each.model_copy(update=renamed) for each in self.pictures]
        )


def shown_examples(
    subject: Subject,
    attacks: Mapping[Budget, InputAttackResult],
    headline: Budget,
    norm: str = "linf",
) -> list[ShownExample]:
    """The first correctly classified test examples that were broken, three pictures each.

    An example is shown at the smallest budget at which it was broken.

    Args:
        subject: model and examples.
        attacks: the attack by its budget, ascending.
        headline: largest budget that is shown.
        norm: of the attacks, ``"linf"`` or ``"l2"``.

    Returns:
        For each of up to :data:`N_EXAMPLES` examples: the image, the perturbed image and their
        difference, scaled from the interval of a linf budget, or of the difference's own largest
        entry, to [0, 1].
    """
    broken = subject.correct() & ~attacks[headline].robust
    rows = [int(row) for row in broken.nonzero().flatten()[:N_EXAMPLES]]
    shown: list[ShownExample] = []
    for row in rows:
        eps = next(eps for eps, attack in attacks.items() if not attack.robust[row])
        clean, perturbed = subject.images[row], attacks[eps].images[row]
        label = int(subject.labels[row])
        # The misclassification was verified with the whole batch.
        logits = subject.logits(perturbed[None])[0].index_fill(0, subject.labels[row], -torch.inf)
        # In an l2 ball single pixels change by far less than its radius.
        scale = eps if norm == "linf" else float((perturbed - clean).abs().max())
        scale_text = eps.text if norm == "linf" else f"{scale:.2g}"
        difference = (perturbed - clean) / (2 * scale) + 0.5
        pictures = [
            Thumbnail.of(_name(row), f"class {label}", _shrunk(clean, "area")),
            Thumbnail.of(
                _name(row),
                f"classified as class {int(logits.argmax())}, {norm} {eps.text}",
                _shrunk(perturbed, "area"),
            ),
            # Means over pixels would hide a difference whose sign alternates.
            Thumbnail.of(
                _name(row),
                f"difference, scaled from \N{PLUS-MINUS SIGN}{scale_text}",
                _shrunk(difference, "nearest-exact"),
            ),
        ]
        shown.append(ShownExample(row=row, pictures=pictures))
    return shown


def _name(row: int) -> str:
    """The name of an example's row of pictures."""
    return f"example_{row}"


def _shrunk(image: Tensor, mode: str) -> Tensor:
    """An image (C, H, W), its longer side at most :data:`MAX_PIXELS`."""
    height, width = image.shape[-2:]
    scale = MAX_PIXELS / max(height, width)
    if scale >= 1:
        return image
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    return interpolate(image[None], size, mode=mode)[0]
