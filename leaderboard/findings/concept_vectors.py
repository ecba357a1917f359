"""(h) Do adversarial and Gram-Schmidt concept vectors find a concept more reliably?"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.probes.concepts import ConceptsProbe
from benchmark.results import Score
from leaderboard.findings.figures import dots
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
from leaderboard.findings.wording import missing_probe, scored

PROBE = ConceptsProbe.name


def concept_vectors(panels: Sequence[Panel]) -> Finding:
    """Compare reconstructed concept vectors with plain ones at equal false-positive rates."""
    return Finding(
        key="concepts",
        title="Concept vectors: more effective and more robust",
        claim="Adversarial concept vectors (A-CAV) retrieve more of the images that contain a "
        "concept than plain ones, and negatives sampled by a Gram-Schmidt process with an averaged "
        "classifier make that share scatter less over seeds.",
        sources=[
            Source(
                "Soni, Shah, Seng, Moore 2020, Adversarial TCAV",
                "https://arxiv.org/abs/2002.03549",
            )
        ],
        rule="A classifier that retrieves every image has full recall and no scatter, so both are "
        "judged at equal false-positive rates, that of the battery on images without the concept. "
        "Each checkpoint has two comparisons, paired over seeds. A-CAV supports the claim if its "
        "gain in recall (`concepts.acav_gain`) is significantly above 0, and contradicts it if "
        "significantly below. Gram-Schmidt supports it if the ratio of the standard deviations "
        "(`concepts.gs_spread`) is 0 or significantly below 1 while recall (`concepts.gs_gain`) is "
        "not significantly lower, and contradicts it if the ratio is significantly above 1 or "
        "recall is significantly lower. All else is open. The numbers at each classifier's own "
        "threshold, which the source reports, are beside them and do not count.",
        caveats=[
            "Of the source only the abstract and a survey's paragraph were available: all three "
            "methods are reconstructions. It reports VGG16 and photographs; here are drawn loops, "
            "a texture and small networks.",
            "Intervals are over seeds, which differ in the negatives, not over images of the "
            "concept or test images.",
        ],
        parts=[_part(panel) for panel in panels],
    )


ADVERSARIAL = {
    "plain recall": ("recall_at_fpr", "share"),
    "A-CAV gain": ("acav_gain", "share"),
    "gain, own threshold": ("acav_recall_gain", "share"),
    "false positives gained, own threshold": ("acav_false_positive_gain", "share"),
}
GRAM_SCHMIDT = {
    "plain spread": ("recall_at_fpr_deviation", ""),
    "Gram-Schmidt ratio": ("gs_spread", ""),
    "gain": ("gs_gain", "share"),
    "ratio, own threshold": ("gs_recall_spread", ""),
}
"""Scores of the probe by the heading of their column, with their units."""


def _part(panel: Panel) -> Part:
    known = [c for c in panel.checkpoints if c.score(PROBE, "recall_at_fpr")]
    adversarial = {c.name: _adversarial_vote(c) for c in known}
    orthogonal = {c.name: _orthogonal_vote(c) for c in known}
    tables = [
        Table(
            ["checkpoint", *columns, "verdict"],
            [
                [
                    c.name,
                    *(scored(c.score(PROBE, name), unit) for name, unit in columns.values()),
                    votes[c.name],
                ]
                for c in known
            ],
        )
        for columns, votes in ((ADVERSARIAL, adversarial), (GRAM_SCHMIDT, orthogonal))
    ]
    return Part(
        panel.dataset,
        votes=[*adversarial.values(), *orthogonal.values()],
        tables=tables if known else [],
        figures=_figures(panel, known),
        missing=missing_probe(panel, [PROBE], [c for c in panel.checkpoints if c not in known]),
    )


def _adversarial_vote(checkpoint: Checkpoint) -> Vote:
    return vote_of(_side(checkpoint.score(PROBE, "acav_gain"), 0))


def _orthogonal_vote(checkpoint: Checkpoint) -> Vote:
    ratio, gain = (checkpoint.score(PROBE, name) for name in ("gs_spread", "gs_gain"))
    if _side(gain, 0) < 0 or _side(ratio, 1) > 0:
        return "against"
    # Without any scatter there is no interval either.
    return "for" if _side(ratio, 1) < 0 or (ratio is not None and ratio.value == 0) else "open"


def _side(score: Score | None, of: float) -> int:
    """1 if the interval is above a number, -1 if below, 0 if it contains it or there is none."""
    if score is None or score.interval is None:
        return 0
    return sign_of(score, of)


def _figures(panel: Panel, known: Sequence[Checkpoint]) -> list[Figure]:
    shown = [(c, score) for c in known if (score := c.score(PROBE, "recall_at_fpr")) is not None]
    if not shown:
        return []
    title = f"Recall of plain concept vectors at the battery's false-positive rate, {panel.dataset}"
    values_text = " ".join(f"{checkpoint.name}: {score.value:.1%}." for checkpoint, score in shown)
    return [Figure(title, dots(shown, "recall", share=True), f"{title}. {values_text}")]
