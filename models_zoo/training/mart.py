"""MART: misclassified images have more weight in the divergence.

Wang et al. 2020, "Improving Adversarial Robustness Requires Revisiting Misclassified Examples"
(ICLR 2020).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.adversary import AdversarySettings, adversarial_images
from models_zoo.training.recipe import Step, register


class MartSettings(AdversarySettings):
    """Settings of MART.

    Attributes:
        beta: weight of the divergence (lambda in the paper).
    """

    beta: float = Field(default=5.0, ge=0)


@register("mart", MartSettings)
def loss(model: nn.Module, step: Step, settings: MartSettings) -> Tensor:
    """``BCE(p(x'), y) + beta KL(p(x) || p(x')) (1 - p_y(x))``, mean over the batch."""
    adversarial = adversarial_images(model, step, settings)
    clean, moved = F.log_softmax(model(step.images), 1), F.log_softmax(model(adversarial), 1)
    apart = F.kl_div(moved, clean, reduction="none", log_target=True).sum(1)
    wrong = 1 - clean.gather(1, step.labels[:, None]).squeeze(1).exp()
    return (boosted_cross_entropy(moved, step.labels) + settings.beta * apart * wrong).mean()


def boosted_cross_entropy(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """(N,), ``-log p_y - log(1 - max_{k != y} p_k)``, which also lowers the best wrong class.

    The second logarithm is computed from the sum of all other probabilities, so that it is finite.

    Args:
        log_probabilities: (N, classes).
        labels: int64 (N,).
    """
    label = F.one_hot(labels, log_probabilities.shape[1]).bool()
    rival = log_probabilities.detach().masked_fill(label, -torch.inf).argmax(1)
    others = log_probabilities.masked_fill(F.one_hot(rival, label.shape[1]).bool(), -torch.inf)
    own: Tensor = log_probabilities.gather(1, labels[:, None]).squeeze(1)
    return -own - torch.logsumexp(others, 1)
