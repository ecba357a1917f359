"""What a model's tensors are used for: linear maps, normalizations, or neither."""

from benchmark.roles.coverage import Coverage, covered, unseen
from benchmark.roles.examination import EXAMINATION_SEED, examples_of
from benchmark.roles.roles import Roles
from benchmark.roles.tracing import Trace, trace, undisturbed

__all__ = [
    "EXAMINATION_SEED",
    "Coverage",
    "Roles",
    "Trace",
    "covered",
    "examples_of",
    "trace",
    "undisturbed",
    "unseen",
]
