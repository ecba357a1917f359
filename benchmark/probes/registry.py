"""The registry of probes."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import Any, TypeVar

from benchmark.probes.anomaly import AnomalyProbe
from benchmark.probes.backdoor import BackdoorProbe
from benchmark.probes.backdoor_sparse import SparseBackdoorProbe
from benchmark.probes.bits import BitsProbe
from benchmark.probes.checks import ChecksProbe
from benchmark.probes.clean import CleanProbe
from benchmark.probes.concepts import ConceptsProbe
from benchmark.probes.corruptions import CorruptionsProbe
from benchmark.probes.detection import DetectionProbe
from benchmark.probes.distance import DistanceProbe
from benchmark.probes.flatness import FlatnessProbe
from benchmark.probes.input import InputProbe
from benchmark.probes.input_autoattack import AutoAttackProbe
from benchmark.probes.intrinsic import IntrinsicProbe
from benchmark.probes.joint import JointProbe
from benchmark.probes.matched_flatness import MatchedFlatnessProbe
from benchmark.probes.probe import Probe
from benchmark.probes.randomized import RandomizedProbe
from benchmark.probes.regional import RegionalProbe
from benchmark.probes.text_backdoor import TextBackdoorProbe
from benchmark.probes.text_backdoor_sparse import TextSparseBackdoorProbe
from benchmark.probes.weight import WeightProbe
from models_zoo.errors import InputError, reason_of, unknown_name

PROBES: dict[str, type[Probe[Any]]] = {}
"""All probes by name, in the order in which a battery runs them."""

GROUP = "nonsingular.probes"
"""Entry points of packages that bring probes."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


P = TypeVar("P", bound=type[Probe[Any]])


def register_probe(probe: P) -> P:
    """Register a probe for batteries, the command line and the site.

    It can be used as a decorator of the class.

    Args:
        probe: the class.

    Returns:
        The class.

    Raises:
        InputError: its name is taken or is not lower-case words separated by hyphens, or its
            attributes name a score or a probe that does not exist.
    """
    name = probe.name
    if not _NAME.fullmatch(name):
        raise InputError(f"probe {name!r}: a name is lower-case words separated by hyphens")
    if PROBES.get(name, probe) is not probe:
        raise InputError(f"probe {name!r}: another probe has this name")
    if probe.profile is not None and probe.profile.score not in probe.scores:
        raise unknown_name(f"score of probe {name}", probe.profile.score, probe.scores)
    if probe.reference_for is not None and probe.reference_for not in PROBES:
        raise unknown_name("probe", probe.reference_for, PROBES)
    PROBES[name] = probe
    return probe


def register_installed() -> None:
    """Register the probes of installed packages: their entry points ``nonsingular.probes``.

    So that every process knows them, as the command line starts some.

    Raises:
        InputError: one cannot be imported or registered.
    """
    for found in entry_points(group=GROUP):
        try:
            register_probe(found.load())
        except Exception as error:
            package = found.dist.name if found.dist else found.value
            raise InputError(
                f"probe {found.name!r} of the package {package!r} cannot be used "
                f"({reason_of(error)}); update or uninstall the package"
            ) from error


for _probe in (
    CleanProbe,
    ChecksProbe,
    InputProbe,
    WeightProbe,
    JointProbe,
    BackdoorProbe,
    FlatnessProbe,
    MatchedFlatnessProbe,
    IntrinsicProbe,
    BitsProbe,
    SparseBackdoorProbe,
    TextBackdoorProbe,
    TextSparseBackdoorProbe,
    RegionalProbe,
    DistanceProbe,
    CorruptionsProbe,
    ConceptsProbe,
    RandomizedProbe,
    DetectionProbe,
    AnomalyProbe,
    AutoAttackProbe,
):
    register_probe(_probe)
