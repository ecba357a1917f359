"""What a model's tensors are used for: linear maps, normalizations, or neither."""

from benchmark.roles.coverage import Coverage, covered, unseen
from benchmark.roles.roles import Roles
from benchmark.roles.tracing import Trace, trace, undisturbed

__all__ = ["Coverage", "Roles", "Trace", "covered", "trace", "undisturbed", "unseen"]
