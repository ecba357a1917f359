"""Findings: what the stored scores say about claims from the literature."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.findings.anomaly import anomaly
from leaderboard.findings.backdoors import backdoors
from leaderboard.findings.concept_vectors import concept_vectors
from leaderboard.findings.detection import detection
from leaderboard.findings.finding import RULE, Finding
from leaderboard.findings.flatness_and_confidence import flatness_and_confidence
from leaderboard.findings.generalization import generalization
from leaderboard.findings.inputs_and_weights import inputs_and_weights
from leaderboard.findings.intrinsic_metric import intrinsic_metric
from leaderboard.findings.joint_volume import joint_volume
from leaderboard.findings.panels import Panel, make_panels
from leaderboard.findings.weight_perturbed_training import weight_perturbed_training
from leaderboard.store import Entry

FINDINGS = (
    inputs_and_weights,
    weight_perturbed_training,
    generalization,
    joint_volume,
    backdoors,
    intrinsic_metric,
    flatness_and_confidence,
)
"""In the order of the page, on batteries of attacks."""

ON_TRACKS = {"concepts": concept_vectors, "detection": detection, "anomaly": anomaly}
"""The finding on each of :data:`~leaderboard.findings.panels.TRACKS`, last on the page."""

__all__ = ["FINDINGS", "ON_TRACKS", "RULE", "Finding", "Panel", "make_findings", "make_panels"]


def make_findings(entries: Sequence[Entry]) -> list[Finding]:
    """Every finding, from what a store holds.

    Args:
        entries: everything stored, results on training images included.
    """
    panels = make_panels(entries)
    return [
        *(find([panel for panel in panels if not panel.track]) for find in FINDINGS),
        *(find([p for p in panels if p.track == track]) for track, find in ON_TRACKS.items()),
    ]
