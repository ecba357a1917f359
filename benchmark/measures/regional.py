"""Success rates of regional attacks, and their perturbation norms relative to the full attack.

Source: Ozbulak et al. 2020 and its public code for the norms: l0 is the share of pixels with any
channel changed, l2 is Euclidean over all channels, linf the largest change of any value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.regional import RegionalAttack
from benchmark.results import Score
from benchmark.statistics import exact, wilson

NORMS = ("l0", "l2", "linf")
"""Norms of perturbations, in the order of :func:`perturbation_norms`."""

MIN_PIXEL_CHANGE = 1e-5
"""Smallest change of a pixel that counts, in input units; smaller ones are rounding errors of steps
that cancel."""


def perturbation_norms(images: Tensor, clean: Tensor) -> Tensor:
    """l0 (share of pixels), l2 and linf of perturbations, (..., 3) in float64.

    Args:
        images: perturbed images (..., C, H, W).
        clean: the unperturbed ones, broadcast against them.
    """
    change = (images.double() - clean.double()).abs()
    moved = (change.amax(-3) > MIN_PIXEL_CHANGE).double().mean((-2, -1))
    flat = change.flatten(-3)
    return torch.stack([moved, torch.linalg.vector_norm(flat, dim=-1), flat.amax(-1)], dim=-1)


@dataclass(frozen=True)
class Tally:
    """Attacks on the same images in the same regions, with one or several source models.

    Attributes:
        fooled: bool (source_models, regions, N).
        attempted: bool (source_models, N).
        norms: (source_models, regions, N, 3), in the order of :data:`NORMS`; 0 where not fooled.
    """

    fooled: Tensor
    attempted: Tensor
    norms: Tensor

    @classmethod
    def of(cls, attacks: Sequence[RegionalAttack], clean: Tensor) -> Tally:
        """Count successes and measure norms; the first region of each attack is the full image.

        Args:
            attacks: one per source model.
            clean: the unperturbed images (N, C, H, W).
        """
        return cls(
            fooled=torch.stack([attack.fooled for attack in attacks]).cpu(),
            attempted=torch.stack([attack.attempted for attack in attacks]).cpu(),
            norms=torch.stack([perturbation_norms(a.images, clean) for a in attacks]).cpu(),
        )

    def counts(self, regions: Sequence[int]) -> tuple[int, int]:
        """Number of successes and of attempts in these regions."""
        return int(self.fooled[:, list(regions)].sum()), len(regions) * int(self.attempted.sum())

    def rate(self, regions: Sequence[int]) -> Score | None:
        """Fooled / attempted, pooled over source models and regions; ``None`` without attempts.

        The interval is Wilson's for the number of images, since outcomes of one image in several
        regions are not independent.
        """
        fooled, tried = self.counts(regions)
        if not tried:
            return None
        return wilson(fooled / tried, int(self.attempted.any(0).sum()))

    def median_norms(self, region: int) -> list[float]:
        """Median l0, l2 and linf norms of the examples found in a region; NaN if there are none."""
        found = self.norms[:, region][self.fooled[:, region]]
        return [float(found[:, i].quantile(0.5)) if len(found) else torch.nan for i in range(3)]

    def ratio(self, regions: Sequence[int], norm: str) -> Score | None:
        """Median of ``norm in the region / norm without restriction`` over pairs of the same image.

        Only pairs where both attacks succeed count, and ``n`` is their number: attacks on hard
        images fail in small regions, so that a ratio of two separate medians would compare
        different images.

        Args:
            regions: indices of the regions, which are pooled.
            norm: a name of :data:`NORMS`.

        Returns:
            The ratio; ``None`` if there is no pair.
        """
        lengths = self.norms[..., NORMS.index(norm)]
        both = self.fooled[:, list(regions)] & self.fooled[:, :1]
        ratios = (lengths[:, list(regions)] / lengths[:, :1])[both]
        return exact(float(ratios.quantile(0.5)), len(ratios)) if len(ratios) else None
