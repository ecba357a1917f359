"""Probes: one question asked of a model each, answered with scores, outcomes, curves and cost."""

from benchmark.probes.autoattack import AutoAttackProbe
from benchmark.probes.backdoor import BackdoorProbe
from benchmark.probes.bits import BitsProbe
from benchmark.probes.checks import ChecksProbe
from benchmark.probes.clean import CleanProbe
from benchmark.probes.distance import DistanceProbe
from benchmark.probes.flatness import FlatnessProbe
from benchmark.probes.inputs import InputProbe
from benchmark.probes.intrinsic import IntrinsicProbe
from benchmark.probes.joint import JointProbe
from benchmark.probes.probe import Probe, ProbeSettings
from benchmark.probes.regional import RegionalProbe
from benchmark.probes.weights import WeightProbe

PROBES: dict[str, type[Probe]] = {
    probe.name: probe
    for probe in (
        CleanProbe,
        ChecksProbe,
        InputProbe,
        WeightProbe,
        JointProbe,
        BackdoorProbe,
        FlatnessProbe,
        IntrinsicProbe,
        BitsProbe,
        RegionalProbe,
        DistanceProbe,
        AutoAttackProbe,
    )
}
"""Every probe by name, in the order a battery runs them."""

__all__ = ["PROBES", "Probe", "ProbeSettings"]
