"""The probe for joint perturbations of inputs and weights."""

from benchmark.probes.joint.probe import JointProbe
from benchmark.probes.joint.settings import JointSettings

__all__ = ["JointProbe", "JointSettings"]
