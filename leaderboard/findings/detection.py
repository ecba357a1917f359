"""(i) Does mutual information help a detector of adversarial images?"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.batteries import stored_probes
from benchmark.probes.detection import DetectionProbe, DetectionSettings
from leaderboard.findings.figures import described_lines
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, sign_of, vote_of
from leaderboard.findings.panels import Panel
from leaderboard.findings.wording import missing_probe, scored
from leaderboard.formatting.texts import number

PROBE, JUDGED = DetectionProbe.name, "mi_gain"

COLUMNS = {
    "MagNet": "magnet_detection",
    "MagNet + MI": "mi_detection",
    "gain": JUDGED,
    "gain, linf attack": "linf_mi_gain",
    "false positives": "false_positive_rate",
    "false positives, + MI": "mi_false_positive_rate",
}
"""Scores by the heading of their column, all of them shares."""

AFTER = {
    "accuracy, defended": "mi_clean_accuracy",
    "oblivious success": "oblivious_success",
    "adaptive success": "adaptive_success",
    "adaptive success, MagNet alone": "magnet_adaptive_success",
    "adaptive success, any size": "adaptive_l2_success",
}
"""The same for the table of attacks on the whole defence."""

_MAX_LINES = 12


def detection(panels: Sequence[Panel]) -> Finding:
    """Compare MagNet with and without the MI detector at equal false positives, by checkpoint."""
    return Finding(
        key="detection",
        title="Detection: mutual information beside MagNet",
        claim="A detector of the mutual information between an image and a condition, approximated "
        "by conditional generation, strengthens MagNet against powerful attacks.",
        sources=[
            Source(
                "Hsu, Lu, Chen, Yu 2018, On The Utility of Conditional Generation Based Mutual "
                "Information for Characterizing Adversarial Subspaces",
                "https://arxiv.org/abs/1809.08986",
            ),
            Source(
                "Meng, Chen 2017, MagNet: a Two-Pronged Defense against Adversarial Examples",
                "https://arxiv.org/abs/1705.09064",
            ),
        ],
        rule="A checkpoint supports the claim if MagNet with the MI detector detects significantly "
        "more of the same C&W and EAD images than MagNet alone, with thresholds at the same total "
        "rate of false positives on clean validation images; it contradicts the claim if it "
        "detects significantly fewer, and is open otherwise (`detection.mi_gain`).",
        caveats=[
            "Only the abstract of the source was available. The MI detector is this suite's own "
            "estimator, so the claim is tested for it and not for the source's.",
            "Detection rates are about attacks that do not know the defence. The columns on "
            "adaptive attacks say what remains against an adversary that does.",
        ],
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    known = [c for c in panel.checkpoints if c.score(PROBE, JUDGED)]
    scores = [c.score(PROBE, JUDGED) for c in known]
    votes = [vote_of(sign_of(score)) for score in scores if score is not None]
    rows = [
        [c.name, *(scored(c.score(PROBE, name), "share") for name in COLUMNS.values()), vote]
        for c, vote in zip(known, votes, strict=True)
    ]
    after = [
        [c.name, *(scored(c.score(PROBE, name), "share") for name in AFTER.values())] for c in known
    ]
    return Part(
        panel.dataset,
        votes=votes,
        text=_text(panel) if known else [],
        tables=[
            Table(["checkpoint", *COLUMNS, "verdict"], rows),
            Table(["checkpoint", *AFTER], after),
        ]
        if rows
        else [],
        figures=_figures(panel),
        missing=missing_probe(panel, [PROBE], [c for c in panel.checkpoints if c not in known]),
    )


def _text(panel: Panel) -> list[str]:
    """At which rate, and against what."""
    probe = stored_probes(panel.entry.battery).get(PROBE)
    settings = probe.settings if probe else None
    if not isinstance(settings, DetectionSettings):
        return []
    confidences = ", ".join(f"{each:g}" for each in settings.confidences)
    return [
        f"Thresholds allow {number(settings.false_positive_rate, 'share')} of false positives in "
        f"total; C&W and EAD images have confidences {confidences}, and the attacks of the second "
        f"table but the last are within {settings.threat.label}. Success means an image that "
        "passes all detectors and is misclassified behind the reformer."
    ]


def _figures(panel: Panel) -> list[Figure]:
    series = {
        f"{checkpoint.name}, {curve.series}": list(zip(curve.x, curve.y, strict=True))
        for checkpoint in panel.checkpoints
        if PROBE in checkpoint.entry.results
        for curve in checkpoint.entry.results[PROBE].curves
        if curve.picture == "detection_over_confidence"
    }
    shown = dict(list(series.items())[:_MAX_LINES])
    title = f"Share of adversarial images detected over their confidence, {panel.dataset}"
    return described_lines(title, shown, "confidence kappa (logits)", "share detected", share=True)
