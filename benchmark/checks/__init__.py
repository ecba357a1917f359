"""Checks of whether attacks can measure the robustness of a model. Each returns a flag."""

from benchmark.checks.accuracy import below_card, no_better_than_chance
from benchmark.checks.coverage import weights_under_attack
from benchmark.checks.differences import inexact_gradients
from benchmark.checks.gradient_versus_random_search import (
    gradient_versus_random_search,
    robust_counts_along_gradient,
)
from benchmark.checks.gradients import saturated_loss, vanishing_gradients
from benchmark.checks.outcomes import accuracy_rises, gradient_free_wins
from benchmark.checks.outputs import non_finite_outputs, not_logits
from benchmark.checks.repetition import batch_dependence, random_outputs, train_mode

__all__ = [
    "accuracy_rises",
    "batch_dependence",
    "below_card",
    "gradient_free_wins",
    "gradient_versus_random_search",
    "inexact_gradients",
    "no_better_than_chance",
    "non_finite_outputs",
    "not_logits",
    "random_outputs",
    "robust_counts_along_gradient",
    "saturated_loss",
    "train_mode",
    "vanishing_gradients",
    "weights_under_attack",
]
