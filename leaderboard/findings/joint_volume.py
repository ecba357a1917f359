"""(d) Does joint regularization improve robustness to inputs and weights at once?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.results import Score
from benchmark.statistics import bounded_mean
from leaderboard.effects import paired_means
from leaderboard.findings.figures import dots
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, Vote
from leaderboard.findings.panels import JOINT, Checkpoint, Panel
from leaderboard.findings.wording import chance, missing_probe, missing_recipes, points, scored


def joint_volume(panels: Sequence[Panel]) -> Finding:
    """Compare the volume under the joint surface of `nonsingular` with that of the others."""
    return Finding(
        key="joint-volume",
        title="Joint regularization: more robust to inputs and weights at once",
        claim="Training that bounds the joint effect of perturbed inputs and perturbed weights "
        "improves robustness to both at once over training against one of them or none.",
        sources=[
            Source(
                "Tsai, Hsu, Yu, Chen 2021, Non-Singular Adversarial Robustness of Neural Networks",
                "https://arxiv.org/abs/2102.11935",
            )
        ],
        rule="Every `nonsingular` checkpoint is compared with every other one of its "
        "architecture and training images "
        "by `joint.volume`, the volume under accuracy over the grid of input budgets and weight "
        "radii, per example. A significant difference (its 95% interval over the test examples "
        "excludes 0) supports the claim if it is positive, and contradicts it if it is negative.",
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    volumes = {
        checkpoint.name: volume
        for checkpoint in panel.checkpoints
        if (volume := example_volumes(checkpoint)) is not None
    }
    others = sorted({c.recipe for c in panel.checkpoints} - set(JOINT))
    rows: list[list[str]] = []
    votes: list[Vote] = []
    for ours, other in panel.pairs(JOINT, others):
        if ours.name not in volumes or other.name not in volumes:
            continue
        effect = paired_means(volumes[ours.name], volumes[other.name], most=1)
        votes.append("open" if not effect.sign else "for" if effect.sign > 0 else "against")
        shown = (scored(bounded_mean(volumes[c.name]), "share") for c in (ours, other))
        names = f"{ours.name} against {other.name}"
        rows.append([names, *shown, points(effect), chance(effect.p), votes[-1]])
    head = ["checkpoints", "volume, nonsingular", "volume, other", "difference (points)", "p"]
    without = [c for c in panel.checkpoints if c.name not in volumes]
    return Part(
        panel.dataset,
        votes=votes,
        tables=[Table([*head, "verdict"], rows)] if rows else [],
        figures=_figures(panel, {name: bounded_mean(volume) for name, volume in volumes.items()}),
        missing=missing_recipes(panel, JOINT) + missing_probe(panel, ["joint"], without),
    )


def example_volumes(checkpoint: Checkpoint) -> NDArray[np.float64] | None:
    """Each example's own share (N,) of the joint volume; their mean is ``joint.volume``.

    ``None`` where the joint probe was not run, or its outcomes do not make up its surface.
    """
    result = checkpoint.entry.results.get("joint")
    surface = next((s for s in result.surfaces if s.role == "budget"), None) if result else None
    if result is None or surface is None:
        return None
    robust = {each.threat: each.robust for each in result.outcomes_as("budget").values()}
    grid = [
        [surface.threat_at(row, column) for column in range(len(surface.x))]
        for row in range(len(surface.y))
    ]
    if any(threat not in robust for row in grid for threat in row):
        return None
    cells = np.array([[robust[threat] for threat in row] for row in grid], np.float64)
    over_radii = np.trapezoid(cells, surface.x, axis=1)
    volumes = np.trapezoid(over_radii, surface.y, axis=0)
    return np.asarray(volumes / (surface.x[-1] * surface.y[-1]), np.float64)


def _figures(panel: Panel, volumes: dict[str, Score]) -> list[Figure]:
    shown = [(c, volumes[c.name]) for c in panel.checkpoints if c.name in volumes]
    if not shown:
        return []
    title = f"Volume under the joint surface, {panel.dataset}"
    values_text = " ".join(f"{checkpoint.name}: {score.value:.1%}." for checkpoint, score in shown)
    return [Figure(title, dots(shown, "joint volume", share=True), f"{title}. {values_text}")]
