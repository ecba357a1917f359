"""(c) Does flatness go with robust generalization?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.results import Score
from leaderboard.effects import Effect, difference, rank_correlation
from leaderboard.findings.figures import scatter
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, vote_of
from leaderboard.findings.panels import Checkpoint, Panel
from leaderboard.findings.wording import chance, missing_probe, points, scored, signed
from leaderboard.formatting.texts import ABSENT

MIN_CHECKPOINTS = 6
"""With fewer checkpoints no ranking can be significant at 5%."""

ROBUST = 0.1
"""Minimum robust accuracy on training images of a checkpoint that counts as robust."""

MEASURES = {
    "average_robust": "average, robust loss",
    "worst_robust": "worst case, robust loss",
    "average_calibrated": "average, calibrated",
    "average_error": "average, error rate",
    "average_clean": "average, clean loss",
    "relative_flatness": "relative flatness",
    "hessian_top": "largest Hessian eigenvalue",
    "asam": "ASAM",
}
"""Scores of the flatness probe; the first is the one that is judged."""

JUDGED = next(iter(MEASURES))

Gaps = Mapping[str, Effect]
"""Robustness on training images beyond that on test images, by the checkpoint's name."""

ACCURACY = ("input", "robust_accuracy")
LOSS = ("flatness", "robust_loss")
"""Probe and score of the two gaps; that of the loss, which the paper speaks of, is judged."""


@dataclass(frozen=True)
class _Group:
    """Checkpoints whose ranks are compared, and how the text calls them."""

    words: str
    checkpoints: Sequence[Checkpoint]


def generalization(panels: Sequence[Panel]) -> Finding:
    """Rank checkpoints by flatness and by their robust generalization gap."""
    return Finding(
        key="generalisation",
        title="Flat minima: better robust generalization",
        claim="Checkpoints whose robust loss is flat around the weights generalize their "
        "robustness better from training to test images.",
        sources=[
            Source(
                "Stutz, Hein, Schiele 2021, Relating Adversarially Robust Generalization to Flat "
                "Minima",
                "https://arxiv.org/abs/2104.04448",
            )
        ],
        rule="The gap is that of the paper: the adversarial cross-entropy on test images minus "
        "that on training images (`flatness.robust_loss`). Over all checkpoints of a data set "
        "whose gap is known, including those of early epochs, Spearman's rank correlation of "
        "average-case robust flatness (larger is sharper) with the gap supports the claim if it "
        "is significantly positive, contradicts it if it is significantly "
        f"negative, and is open otherwise. At least {MIN_CHECKPOINTS} checkpoints are needed. The "
        "correlation with the gap of robust accuracy under the input attack is also given.",
        caveats=[
            "Epochs of one training run and recipes on one architecture are not independent, so "
            "the p-values are too small rather than too large.",
            "A training run may have held out part of the training split (its card says so); the "
            "gap is then too small by about that part.",
            "The gap of a checkpoint without robustness says little, so the correlation over "
            f"those that are robust on at least {ROBUST:.0%} of the training images is also "
            "given.",
        ],
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    gaps = _gaps(panel.checkpoints, LOSS)
    kinds = {"loss": gaps, "accuracy": _gaps(panel.checkpoints, ACCURACY)}
    known = [c for c in panel.checkpoints if c.name in gaps and c.score("flatness", JUDGED)]
    robust = [c for c in known if _is_robust(c)]
    groups = [_Group("all", known)]
    if len(robust) < len(known):
        groups.append(_Group("robust ones", robust))
    groups = [group for group in groups if len(group.checkpoints) >= MIN_CHECKPOINTS]
    votes = [
        vote_of(effect.sign) for group in groups[:1] if (effect := _relation(group, gaps, JUDGED))
    ]
    tables = []
    if known:
        tables.append(_checkpoints(known, kinds))
    if groups:
        tables.append(_correlations(groups, kinds))
    missing = _missing_training(panel, [c for c in panel.checkpoints if c.name not in gaps])
    flat = [c for c in panel.checkpoints if c.score("flatness", JUDGED) is None]
    missing += missing_probe(panel, ["flatness"], flat)
    if len(known) < MIN_CHECKPOINTS:
        missing.append(
            f"{len(known)} checkpoints have flatness and a gap; at least "
            f"{MIN_CHECKPOINTS} are needed."
        )
    return Part(
        panel.dataset,
        votes=votes,
        tables=tables,
        figures=_figures(panel, known, gaps),
        missing=missing,
    )


def _is_robust(checkpoint: Checkpoint) -> bool:
    seen = checkpoint.score(*ACCURACY, training=True)
    return seen is not None and seen.value >= ROBUST


def _gaps(checkpoints: Sequence[Checkpoint], of: tuple[str, str]) -> dict[str, Effect]:
    """By how much accuracy is higher, or loss lower, on training images than on test images."""
    gaps = {}
    for checkpoint in checkpoints:
        seen, unseen = (checkpoint.score(*of, training=training) for training in (True, False))
        if seen is not None and unseen is not None:
            better, worse = (seen, unseen) if of == ACCURACY else (unseen, seen)
            gaps[checkpoint.name] = difference(better, worse)
    return gaps


def _relation(group: _Group, gaps: Gaps, measure: str) -> Effect | None:
    pairs = [
        (score.value, gaps[c.name].value)
        for c in group.checkpoints
        if c.name in gaps and (score := c.score("flatness", measure))
    ]
    return rank_correlation(*zip(*pairs, strict=True)) if len(pairs) >= MIN_CHECKPOINTS else None


def _checkpoints(known: Sequence[Checkpoint], kinds: Mapping[str, Gaps]) -> Table:
    gaps, further = kinds["loss"], kinds["accuracy"]
    rows = [
        [
            c.name,
            scored(c.score(*LOSS, training=True), "nats"),
            scored(c.score(*LOSS), "nats"),
            signed(gaps[c.name]),
            points(further[c.name]) if c.name in further else ABSENT,
            scored(c.score("flatness", JUDGED), "nats"),
        ]
        for c in sorted(known, key=lambda c: -gaps[c.name].value)
    ]
    head = ["checkpoint", "robust loss, training images", "robust loss, test images"]
    return Table([*head, "gap (nats)", "gap of accuracy (points)", "flatness (nats)"], rows)


def _correlations(groups: Sequence[_Group], kinds: Mapping[str, Gaps]) -> Table:
    rows = [
        [words, kind, group.words, str(effect.n), signed(effect), chance(effect.p)]
        for name, words in MEASURES.items()
        for kind, gaps in kinds.items()
        for group in groups
        if (effect := _relation(group, gaps, name))
    ]
    return Table(["measure", "gap of", "checkpoints", "n", "Spearman's rho", "p"], rows)


def _missing_training(panel: Panel, without: Sequence[Checkpoint]) -> list[str]:
    if not without:
        return []
    names = ", ".join(checkpoint.name for checkpoint in without)
    return [
        f"Without the robust loss on training images: {names}. `nonsingular bench --battery "
        f"{panel.battery} --split train --probe input --probe flatness --examples "
        f"{panel.entry.provenance.examples} ...` adds it."
    ]


def _figures(panel: Panel, known: Sequence[Checkpoint], gaps: Gaps) -> list[Figure]:
    shown = [
        (c, flatness, Score(value=gap.value, n=gap.n, low=gap.low, high=gap.high))
        for c in known
        if (flatness := c.score("flatness", JUDGED)) and (gap := gaps[c.name])
    ]
    if not shown:
        return []
    title = f"Flatness and the robust generalization gap, {panel.dataset}"
    values_text = " ".join(
        f"{c.name}: flatness {flatness.value:.3g} nats, gap {gap.value:.3g} nats."
        for c, flatness, gap in shown
    )
    axes = ("average-case robust flatness (nats)", "gap of the robust loss (nats)")
    return [Figure(title, scatter(shown, *axes, (False, False)), f"{title}. {values_text}")]
