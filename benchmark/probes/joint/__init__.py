"""Accuracy under joint input and weight perturbation: a surface, its volume, its lower envelope."""

from benchmark.probes.joint.probe import JointProbe
from benchmark.probes.joint.settings import JointSettings

__all__ = ["JointProbe", "JointSettings"]
