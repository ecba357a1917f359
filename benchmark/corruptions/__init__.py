"""Common corruptions of images, after Hendrycks and Dietterich 2019: noise, blur, weather, digital.

This is a generator of its own, called ``corruptions-v1``: constants and definitions are those of
CIFAR-10-C, but some textures and kernels differ, so that its images are never called CIFAR-10-C.
"""

from benchmark.corruptions.corruption import SEVERITIES, AnyCorruption, Corruption, Family
from benchmark.corruptions.generator import (
    CORRUPTIONS,
    GENERATOR,
    LEAST_SIDE,
    VALIDATION,
    corrupt,
    defined_for,
)

__all__ = [
    "CORRUPTIONS",
    "GENERATOR",
    "LEAST_SIDE",
    "SEVERITIES",
    "VALIDATION",
    "AnyCorruption",
    "Corruption",
    "Family",
    "corrupt",
    "defined_for",
]
