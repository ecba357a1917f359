"""Thresholds of several detectors with one total false-positive rate.

An image is rejected if the score of any detector is at least its threshold, so that the rates of
detectors add up, up to the images that several of them reject. Two sets of detectors are comparable
at the same *total* rate. The thresholds are order statistics of clean validation scores: the
``r_d``-th largest of detector d. The ranks are raised in turn, one at a time, while at most
``rate * V`` of the V validation images are rejected by any detector.

MagNet's own rule, the ``int(rate * V)``-th largest score of each detector, is the same for one
detector. Where ``rate * V`` is below 1 that index is 0, and indexing from the end with it takes the
*smallest* score, which rejects everything: such rates are refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import torch
from torch import Tensor

from models_zoo.errors import InputError

Thresholds = dict[str, float]
"""By detector: the smallest score that is rejected."""


def total_rate_thresholds(scores: Mapping[str, Tensor], rate: float) -> Thresholds:
    """The thresholds of a set of detectors at a total false-positive rate.

    Args:
        scores: by detector, of the same V clean validation images (V,); larger is more suspicious.
        rate: share of them that may be rejected.

    Raises:
        InputError: there are too few images for one false positive per detector, or undefined
            scores reject more images than the rate allows, whatever the thresholds.
    """
    require_images(rate, len(next(iter(scores.values()))), len(scores))
    stacked = torch.stack([each.double() for each in scores.values()])
    stacked = torch.where(stacked.isnan(), torch.inf, stacked)  # both are rejected
    images = stacked.shape[1]
    allowed = int(rate * images + 1e-9)  # 0.01 * 700 is 7.000000000000001, 0.29 * 100 28.99...
    ordered = stacked.sort(1, descending=True).values
    limits = torch.full((len(stacked),), torch.inf, dtype=torch.float64, device=stacked.device)
    ranks, turns = [0] * len(stacked), deque(range(len(stacked)))
    while turns:
        place = turns.popleft()
        if ranks[place] == images:
            continue
        tried = limits.clone()
        tried[place] = ordered[place, ranks[place]]
        if int((stacked >= tried[:, None]).any(0).sum()) <= allowed:
            limits, ranks[place] = tried, ranks[place] + 1
            turns.append(place)
    _require_defined(scores, allowed)
    return dict(zip(scores, limits.tolist(), strict=True))


def require_images(rate: float, images: int, detectors: int = 1) -> None:
    """Check that a rate of validation images is at least one image per detector.

    Args:
        rate: the total false-positive rate.
        images: number of validation images.
        detectors: number of detectors that share the rate.

    Raises:
        InputError: it is not.
    """
    if rate * images + 1e-9 < detectors:
        raise InputError(
            f"a false-positive rate of {rate:g} is {rate * images:.3g} of {images} validation "
            f"images, and {detectors} detectors need one each; take at least "
            f"{round(detectors / rate)} images or a larger rate"
        )


def _require_defined(scores: Mapping[str, Tensor], allowed: int) -> None:
    """Check that images without a score, which are rejected, are not more than allowed."""
    undefined = {name: ~(each < torch.inf) for name, each in scores.items()}
    without = torch.stack(list(undefined.values())).any(0)
    if int(without.sum()) > allowed:
        worst = max(undefined, key=lambda name: int(undefined[name].sum()))
        raise InputError(
            f"{int(without.sum())} of {len(without)} clean validation images have a score that is "
            f"not finite, most of detector {worst!r}, and the rate of false positives allows "
            f"{allowed}; evaluate a model whose logits are finite"
        )


def rejected(scores: Mapping[str, Tensor], thresholds: Mapping[str, float]) -> Tensor:
    """Bool (N,): which images any detector rejects.

    A score that is not a number is rejected.

    Args:
        scores: by detector (N,); those without a threshold are not used.
        thresholds: by detector.
    """
    flagged = [~(scores[name] < limit) for name, limit in thresholds.items()]
    return torch.stack(flagged).any(0)


def combined(scores: Mapping[str, Tensor], validation: Mapping[str, Tensor]) -> Tensor:
    """One score (N,) for a set of detectors: the largest share of validation scores below.

    Args:
        scores: by detector (N,).
        validation: by detector (V,), the detectors that are combined.
    """
    shares = []
    for name, clean in validation.items():
        ordered = clean.double().sort().values
        below = torch.searchsorted(ordered, scores[name].double().contiguous())
        beyond = (scores[name].double() - ordered[-1]).nan_to_num(0.0).clamp_min(0)
        # Beyond the largest clean score the order goes on, in units of the scores' spread.
        spread = (ordered[-1] - ordered[len(ordered) // 2]).clamp_min(1e-12)
        shares.append(below / len(ordered) + beyond / spread)
    return torch.stack(shares).amax(0)
