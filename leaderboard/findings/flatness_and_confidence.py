"""(g) Does flatness follow confidence?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.effects import Effect
from leaderboard.findings.figures import scatter
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, vote_of
from leaderboard.findings.panels import Checkpoint, Panel
from leaderboard.findings.rank_bootstrap import (
    Statistic,
    bootstrapped,
    change,
    kendall,
    partial,
    spearman,
)
from leaderboard.findings.wording import missing_probe, scored, signed

MIN_CHECKPOINTS = 6
"""As for other rankings."""

MEASURES = {
    "average_robust": "average, robust loss",
    "average_clean": "average, clean loss",
    "relative_flatness": "relative flatness",
}
"""Scores of both probes; the first is the one that is judged."""

JUDGED = next(iter(MEASURES))

OWN, MATCHED = "flatness", "matched-flatness"
"""The probes with the models' own logits and with those of equal confidence."""

ROBUST = ("input", "robust_accuracy")
CONFIDENCE = (MATCHED, "confidence")


def flatness_and_confidence(panels: Sequence[Panel]) -> Finding:
    """Rank checkpoints by flatness before and after all are made equally confident."""
    return Finding(
        key="flatness-and-confidence",
        title="Flatness: robustness, or low confidence?",
        claim="Flatness gives robustness only locally, and it is tied to a model's confidence.",
        sources=[
            Source(
                "When Flatness Does (Not) Guarantee Adversarial Robustness, ICLR 2026, of which "
                "only the abstract was read",
                "https://arxiv.org/abs/2510.14231",
            )
        ],
        rule="Tested here is whether flatter models are still the more robust ones once all are "
        "equally confident. All correlations are over the checkpoints of a data set, of "
        "average-case robust flatness (larger is sharper), by Spearman's rho, with intervals from "
        f"resampled checkpoints. At least {MIN_CHECKPOINTS} are needed. Two comparisons are made. "
        "The correlation of flatness with confidence (the mean of the largest probability) "
        "supports the claim if it is significantly positive and contradicts it if it is "
        "significantly negative. And the correlation of flatness with robust accuracy under the "
        "input attack is taken before and after the logits of each model are divided by the "
        "temperature at which its mean confidence is the same for all: if it is significantly "
        "larger after, so that flatter models are less often the more robust ones, that supports "
        "the claim, and if it is significantly smaller, that contradicts it.",
        caveats=[
            "The intervals resample checkpoints, of which there are about ten per data set. They "
            "are rough, and epochs and recipes on one architecture are not independent.",
            "The claim is about all models and all flat regions; this is about a ranking of few.",
            "The matched confidence is that on clean test images. A model that is often wrong "
            "becomes overconfident by it.",
        ],
        parts=[_part(panel) for panel in panels],
    )


@dataclass(frozen=True)
class _Columns:
    """The numbers of the checkpoints that have all of them, one per checkpoint."""

    own: list[float]
    matched: list[float]
    robust: list[float]
    confidence: list[float]

    @classmethod
    def of(cls, checkpoints: Sequence[Checkpoint], measure: str) -> _Columns:
        """Those of the checkpoints that have a measure in both probes."""
        asked = ((OWN, measure), (MATCHED, measure), ROBUST, CONFIDENCE)
        rows = [[c.score(*each) for each in asked] for c in checkpoints]
        full = [[s.value for s in row if s is not None] for row in rows]
        columns = [row for row in full if len(row) == len(asked)]
        return (
            cls(*(list(column) for column in zip(*columns, strict=True)))
            if columns
            else cls([], [], [], [])
        )

    def __len__(self) -> int:
        return len(self.robust)

    def with_confidence(self, correlation: Statistic) -> Effect:
        """Correlation of the models' own flatness with confidence."""
        return bootstrapped(correlation, [self.own, self.confidence])

    def before(self, correlation: Statistic) -> Effect:
        """Correlation of the models' own flatness with robust accuracy."""
        return bootstrapped(correlation, [self.own, self.robust])

    def after(self, correlation: Statistic) -> Effect:
        """The same at equal confidence."""
        return bootstrapped(correlation, [self.matched, self.robust])

    def at_fixed_confidence(self, correlation: Statistic) -> Effect:
        """The partial correlation of the models' own flatness, given confidence."""
        return bootstrapped(partial(correlation), [self.own, self.robust, self.confidence])

    def change(self, correlation: Statistic) -> Effect:
        """After minus before."""
        return bootstrapped(change(correlation), [self.own, self.robust, self.matched])


def _part(panel: Panel) -> Part:
    known = [
        c
        for c in panel.checkpoints
        if all(c.score(*each) for each in ((OWN, JUDGED), (MATCHED, JUDGED), ROBUST, CONFIDENCE))
    ]
    without = [c for c in panel.checkpoints if c not in known]
    missing = missing_probe(panel, [MATCHED, OWN, ROBUST[0]], without)
    if len(known) < MIN_CHECKPOINTS:
        missing.append(
            f"{len(known)} checkpoints have flatness with and without equal confidence; at least "
            f"{MIN_CHECKPOINTS} are needed."
        )
        return Part(panel.dataset, tables=[_checkpoints(known)] if known else [], missing=missing)
    judged = _Columns.of(known, JUDGED)
    follows, moved = judged.with_confidence(spearman), judged.change(spearman)
    return Part(
        panel.dataset,
        votes=[vote_of(follows.sign), vote_of(moved.sign)],
        text=[_in_words(judged, follows, moved)],
        tables=[_checkpoints(known), _correlations(known)],
        figures=_figures(panel, known),
        missing=missing,
    )


def _in_words(judged: _Columns, follows: Effect, moved: Effect) -> str:
    """What the intervals allow to say."""
    sentences = [
        f"Over {len(judged)} checkpoints, sharpness and confidence correlate by {signed(follows)}; "
        f"sharpness and robust accuracy by {signed(judged.before(spearman))} with the models' own "
        f"logits and by {signed(judged.after(spearman))} at equal confidence, a change of "
        f"{signed(moved)}."
    ]
    unclear = [
        words
        for words, effect in {
            "the correlation with confidence": follows,
            "the correlation with robust accuracy (own logits)": judged.before(spearman),
            "the correlation with robust accuracy (equal confidence)": judged.after(spearman),
            "the change": moved,
        }.items()
        if not effect.sign
    ]
    if unclear:
        sentences.append(
            f"Zero is in these intervals, so that nothing is shown about the sign: "
            f"{'; '.join(unclear)}."
        )
    return " ".join(sentences)


def _checkpoints(known: Sequence[Checkpoint]) -> Table:
    rows = [
        [
            c.name,
            scored(c.score(*ROBUST), "share"),
            scored(c.score(*CONFIDENCE), "share"),
            scored(c.score(MATCHED, "temperature"), ""),
            scored(c.score(OWN, JUDGED), "nats"),
            scored(c.score(MATCHED, JUDGED), "nats"),
        ]
        for c in sorted(known, key=lambda c: -_value(c, *ROBUST))
    ]
    head = ["checkpoint", "robust accuracy", "confidence", "temperature"]
    return Table([*head, "flatness (nats)", "at equal confidence (nats)"], rows)


def _value(checkpoint: Checkpoint, probe: str, name: str) -> float:
    score = checkpoint.score(probe, name)
    return score.value if score else float("nan")


def _correlations(known: Sequence[Checkpoint]) -> Table:
    rows = []
    for name, words in MEASURES.items():
        columns = _Columns.of(known, name)
        if len(columns) < MIN_CHECKPOINTS:
            continue
        compared = {
            "confidence, own logits": columns.with_confidence,
            "robust accuracy, own logits": columns.before,
            "robust accuracy, equal confidence": columns.after,
            "robust accuracy, own logits, given confidence": columns.at_fixed_confidence,
            "change by equal confidence": columns.change,
        }
        rows += [
            [words, what, str(len(columns)), signed(of(spearman)), signed(of(kendall))]
            for what, of in compared.items()
        ]
    head = ["flatness (larger is sharper)", "with", "n", "Spearman's rho", "Kendall's tau"]
    return Table(head, rows)


def _figures(panel: Panel, known: Sequence[Checkpoint]) -> list[Figure]:
    figures = []
    for probe, words in ((OWN, "own logits"), (MATCHED, "equal confidence")):
        shown = [
            (c, sharp, robust)
            for c in known
            if (sharp := c.score(probe, JUDGED)) and (robust := c.score(*ROBUST))
        ]
        title = f"Flatness and robust accuracy, {words}, {panel.dataset}"
        values = " ".join(
            f"{c.name}: flatness {sharp.value:.3g} nats, robust accuracy {robust.value:.1%}."
            for c, sharp, robust in shown
        )
        axes = ("average-case robust flatness (nats)", "robust accuracy")
        figures.append(Figure(title, scatter(shown, *axes, (False, True)), f"{title}. {values}"))
    return figures
