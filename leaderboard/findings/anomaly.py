"""(i) Does rejecting likely outliers keep a detector robust to contaminated training data?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.probes.anomaly import AnomalyProbe
from benchmark.probes.anomaly.pictures import ERRORS, RUNS
from leaderboard.effects import Effect, paired_means
from leaderboard.findings.figures import described_lines
from leaderboard.findings.finding import (
    Figure,
    Finding,
    Part,
    Source,
    Table,
    Vote,
    sign_of,
    vote_of,
)
from leaderboard.findings.panels import Checkpoint, Panel
from leaderboard.findings.wording import chance, missing_probe, points, scored

PROBE = AnomalyProbe.name
PLAIN, EARLY, ADVERSARIAL, REJECTING = (
    "anomaly-ae",
    "anomaly-ae-early",
    "anomaly-aae",
    "anomaly-aae-rejecting",
)
"""The methods that are compared, by the recipe on their card."""

JUDGED = (ADVERSARIAL, PLAIN)
"""Methods that the source compares the rejecting one with."""

COLUMNS = {
    "observed": "balanced_accuracy",
    "unobserved": "balanced_accuracy_unobserved",
    "without outliers": "balanced_accuracy_clean",
    "collapse": "collapse",
    "AUROC": "auroc",
    "training outliers": "auroc_outliers",
}
"""Scores by the heading of their column, all of them shares."""


def anomaly(panels: Sequence[Panel]) -> Finding:
    """Compare the rejecting adversarial autoencoder with the others, paired over runs."""
    return Finding(
        key="anomaly",
        title="Anomaly detection: rejecting likely outliers during training",
        claim="A plain autoencoder that is trained on contaminated data learns to reconstruct the "
        "outliers. An adversarial autoencoder that rejects likely outliers during training detects "
        "anomalies better than one that does not, and better than a plain one.",
        sources=[
            Source(
                "Beggel, Pfeiffer, Bischl 2019, Robust Anomaly Detection in Images using "
                "Adversarial Autoencoders",
                "https://arxiv.org/abs/1901.06355",
            )
        ],
        rule="The collapse of the plain autoencoder, from its best epoch to the last, supports the "
        "claim if it is significantly above 0, and is open otherwise; it cannot be below 0. At "
        "every contamination, the balanced accuracy on observed anomalies of the rejecting method "
        "minus that of the adversarial autoencoder, and minus that of the plain one, supports the "
        "claim if it is significantly above 0, contradicts it if significantly below, and is open "
        "otherwise; these are paired over classes and seeds. Differences from the early-stopped "
        "autoencoder are shown and not counted: the source does not speak of it.",
        caveats=[
            "The rejecting method is reconstructed from the abstract and a review, with choices of "
            "our own where these are silent, and is trained for minutes. The source trains wider "
            "networks for thousands of epochs.",
            "Intervals are over classes and seeds, so here they are over repeated training runs.",
            "The best epoch is chosen over the same runs and test images, so a small collapse may "
            "be chance.",
        ],
        parts=[_part(panel) for panel in panels],
    )


def runs_of(checkpoint: Checkpoint) -> dict[str, dict[str, float]]:
    """Balanced accuracy by contamination and run."""
    result = checkpoint.entry.results.get(PROBE)
    return {
        bars.series: dict(zip(bars.names, (score.value for score in bars.y), strict=True))
        for bars in (result.bars if result else [])
        if bars.picture == RUNS
    }


def difference(first: Mapping[str, float], second: Mapping[str, float]) -> Effect | None:
    """How much larger one method's balanced accuracy is, paired over the runs that both have."""
    shared = [name for name in first if name in second]
    if len(shared) < 2:
        return None
    ours, theirs = (np.array([each[name] for name in shared]) for each in (first, second))
    return paired_means(ours, theirs, most=1)


def _part(panel: Panel) -> Part:
    known = {c.recipe: c for c in panel.checkpoints if c.score(PROBE, "balanced_accuracy")}
    votes: list[Vote] = []
    rows: list[list[str]] = []
    plain = known.get(PLAIN)
    collapse = plain.score(PROBE, "collapse") if plain else None
    if collapse is not None:
        verdict = vote_of(sign_of(collapse))
        votes.append(verdict)
        rows.append(["collapse of the plain autoencoder", points(collapse), "-", verdict])
    ours = runs_of(known[REJECTING]) if REJECTING in known else {}
    for other in (*JUDGED, EARLY):
        theirs = runs_of(known[other]) if other in known else {}
        for contamination, runs in ours.items():
            effect = difference(runs, theirs.get(contamination, {}))
            if effect is None:
                continue
            name = f"rejecting against {known[other].name}, {contamination} outliers"
            counts = other in JUDGED and contamination != "0%"
            own: list[Vote] = [vote_of(effect.sign)] if counts else []
            votes += own
            said = own[0] if own else "not counted"
            rows.append([name, points(effect), chance(effect.p), said])
    scores = [
        [c.name, *(scored(c.score(PROBE, name), "share") for name in COLUMNS.values())]
        for c in known.values()
    ]
    missing = [
        f"`{panel.dataset}/{name}` is not scored: `nonsingular bench {panel.dataset}/{name} "
        f"--battery {panel.battery}`."
        for name in (PLAIN, EARLY, ADVERSARIAL, REJECTING)
        if name not in known
    ]
    without = [c for c in panel.checkpoints if c not in known.values()]
    return Part(
        panel.dataset,
        votes=votes,
        tables=[
            *([Table(["comparison", "difference (points)", "p", "verdict"], rows)] if rows else []),
            *([Table(["method", *COLUMNS], scores)] if scores else []),
        ],
        figures=_figures(panel, known),
        missing=missing + missing_probe(panel, [PROBE], without),
    )


def _figures(panel: Panel, known: Mapping[str, Checkpoint]) -> list[Figure]:
    """The errors of training examples over epochs, of the plain and the rejecting method."""
    series = {
        f"{known[name].name}, {curve.series.removeprefix('training set, ')}": list(
            zip(curve.x, curve.y, strict=True)
        )
        for name in (PLAIN, REJECTING)
        if name in known
        for curve in known[name].entry.results[PROBE].curves
        if curve.picture == ERRORS
    }
    title = f"Reconstruction error of training examples over epochs, {panel.dataset}"
    return described_lines(title, series, "epochs", "mean squared error", share=False)
