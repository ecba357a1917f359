"""Attacks that minimize the length of a perturbation under a required confidence."""

from benchmark.attacks.confident.carlini_wagner import CarliniWagner
from benchmark.attacks.confident.elastic_net import ElasticNet
from benchmark.attacks.confident.search import (
    Found,
    Minimizer,
    SearchEffort,
    Violation,
    confident_attack,
    least_perturbation,
    margin_violation,
)

__all__ = [
    "CarliniWagner",
    "ElasticNet",
    "Found",
    "Minimizer",
    "SearchEffort",
    "Violation",
    "confident_attack",
    "least_perturbation",
    "margin_violation",
]
