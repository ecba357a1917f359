"""(f) Does the intrinsic metric rank models as attacks do?"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.results import Score
from leaderboard.effects import Effect, kendall_tau, rank_correlation
from leaderboard.findings.figures import scatter
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, Vote, vote_of
from leaderboard.findings.panels import Checkpoint, Panel
from leaderboard.findings.wording import chance, missing_probe, scored, signed

MIN_CHECKPOINTS = 6
"""With fewer checkpoints no ranking can be significant at 5%."""

WEAK = 0.5
"""Where the interval ends below this, the rankings do not agree by more than half."""

METRICS = {
    "psi": "psi, 1 / mean divergence",
    "psi_median": "psi, median",
    "normalized_psi": "psi, normalized logits",
    "normalized_psi_median": "psi, normalized logits, median",
}
"""Scores of the intrinsic probe, larger is more robust; the first is the one that is judged."""

JUDGED = next(iter(METRICS))


def intrinsic_metric(panels: Sequence[Panel]) -> Finding:
    """Rank checkpoints by psi and by robust accuracy at the same input budget."""
    return Finding(
        key="intrinsic-metric",
        title="Prediction divergence: a ranking without labels",
        claim="The largest divergence of predictions within the allowed input perturbation "
        "measures how robust a model is, comparably across networks: a ranking by it agrees with "
        "one by robust accuracy.",
        sources=[
            Source(
                "Yu, Qin, Liu, Zhao, Wang, Chen 2019, Interpreting and Evaluating Neural Network "
                "Robustness",
                "https://arxiv.org/abs/1905.04270",
            )
        ],
        rule="Over all checkpoints of a data set, Spearman's rank correlation of psi (larger is "
        "more robust) with robust accuracy under the input attack, at the same linf budget if "
        "that is among the attack's budgets, supports the claim if it is significantly "
        "positive, and contradicts it if it is significantly negative or its "
        f"interval ends below {WEAK:g}. At least {MIN_CHECKPOINTS} checkpoints are needed.",
        caveats=[
            "Psi does not use labels: a model that predicts the same class for every image has "
            "the best one. Agreement among accurate models says nothing about such a model."
        ],
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    known = [c for c in panel.checkpoints if c.score("intrinsic", JUDGED) and robust_accuracy(c)]
    judged = _relation(known, JUDGED)
    tables = []
    if known:
        tables.append(_checkpoints(known))
    if judged:
        tables.append(_correlations(known))
    without = [c for c in panel.checkpoints if c not in known]
    missing = missing_probe(panel, ["intrinsic", "input"], without)
    if judged is None:
        missing.append(
            f"{len(known)} checkpoints have both numbers; at least {MIN_CHECKPOINTS} are needed."
        )
    return Part(
        panel.dataset,
        votes=[_vote(judged)] if judged else [],
        tables=tables,
        figures=_figures(panel, known),
        missing=missing,
    )


def robust_accuracy(checkpoint: Checkpoint) -> Score | None:
    """Robust accuracy at the intrinsic probe's budget, or else at the headline budget."""
    answers = checkpoint.entry.results
    if "input" not in answers or "intrinsic" not in answers:
        return None
    for threat in answers["intrinsic"].headline_threats:
        for curve in answers["input"].curves:
            for place, score in enumerate(curve.y):
                if curve.role == "budget" and curve.threat_at(place) == threat:
                    return score
    return checkpoint.score("input", "robust_accuracy")


def _pairs(known: Sequence[Checkpoint], metric: str) -> list[tuple[float, float]]:
    return [
        (score.value, robust.value)
        for c in known
        if (score := c.score("intrinsic", metric)) and (robust := robust_accuracy(c))
    ]


def _relation(known: Sequence[Checkpoint], metric: str) -> Effect | None:
    pairs = _pairs(known, metric)
    return rank_correlation(*zip(*pairs, strict=True)) if len(pairs) >= MIN_CHECKPOINTS else None


def _vote(effect: Effect) -> Vote:
    if effect.sign:
        return vote_of(effect.sign)
    return "against" if effect.high < WEAK else "open"


def _checkpoints(known: Sequence[Checkpoint]) -> Table:
    ranked = sorted(known, key=lambda c: -_value(robust_accuracy(c)))
    by_metric = sorted(known, key=lambda c: -_value(c.score("intrinsic", JUDGED)))
    rows = [
        [
            c.name,
            scored(robust_accuracy(c), "share"),
            str(place),
            scored(c.score("intrinsic", JUDGED), ""),
            str(1 + by_metric.index(c)),
        ]
        for place, c in enumerate(ranked, 1)
    ]
    return Table(["checkpoint", "robust accuracy", "rank", "psi", "rank by psi"], rows)


def _value(score: Score | None) -> float:
    return score.value if score else float("nan")


def _correlations(known: Sequence[Checkpoint]) -> Table:
    rows = []
    for name, words in METRICS.items():
        effect = _relation(known, name)
        if effect is not None:
            tau = kendall_tau(*zip(*_pairs(known, name), strict=True))
            rows.append([words, str(effect.n), signed(effect), chance(effect.p), f"{tau:+.2f}"])
    return Table(["metric", "n", "Spearman's rho", "p", "Kendall's tau"], rows)


def _figures(panel: Panel, known: Sequence[Checkpoint]) -> list[Figure]:
    shown = [
        (c, psi, robust)
        for c in known
        if (psi := c.score("intrinsic", JUDGED)) and (robust := robust_accuracy(c))
    ]
    if not shown:
        return []
    title = f"Psi and robust accuracy, {panel.dataset}"
    values_text = " ".join(
        f"{c.name}: psi {psi.value:.3g}, robust accuracy {robust.value:.1%}."
        for c, psi, robust in shown
    )
    axes = ("psi, larger is more robust", "robust accuracy")
    return [Figure(title, scatter(shown, *axes, (False, True)), f"{title}. {values_text}")]
