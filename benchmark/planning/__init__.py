"""Planning: the units of a run, what each is expected to cost, and the order they run in."""

from benchmark.planning.cost_model import estimate
from benchmark.planning.estimates import Estimate
from benchmark.planning.unit import Unit

__all__ = ["Estimate", "Unit", "estimate"]
