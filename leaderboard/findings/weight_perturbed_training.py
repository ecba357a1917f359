"""(b) Does training with perturbed weights flatten the robust loss?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.probes import PROBES
from leaderboard.effects import Effect, difference, paired_means
from leaderboard.findings.figures import dots
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, Vote
from leaderboard.findings.panels import PERTURBED, Checkpoint, Panel
from leaderboard.findings.wording import chance, missing_probe, missing_recipes, scored, signed
from leaderboard.formatting.texts import ABSENT

MEASURE = "average_robust"

LOSSES = ("robust loss", "robust loss, mean over random weights")
"""Each example's own losses, before and after, by the names under which the probe stores them."""

FURTHER_MEASURES = {
    "worst_robust": "worst case",
    "average_calibrated": "average, calibrated",
    "average_error": "average, error rate",
}
"""Further measures of flatness, shown with the one that is judged."""


def weight_perturbed_training(panels: Sequence[Panel]) -> Finding:
    """Compare the flatness of checkpoints trained with and without weight perturbation."""
    return Finding(
        key="weight-perturbed-training",
        title="Adversarial weight perturbation: a flatter robust loss",
        claim="Training on adversarially perturbed weights flattens the robust loss around the "
        "weights, compared with the same adversarial training without weight perturbations.",
        sources=[
            Source(
                "Wu, Xia, Wang 2020, Adversarial Weight Perturbation Helps Robust Generalization",
                "https://arxiv.org/abs/2004.05884",
            )
        ],
        rule="Every checkpoint trained with weight perturbation is compared with every one of the "
        "same recipe without it, of the same architecture and training images: "
        + ", ".join(f"`{awp}` with `{plain}`" for awp, plain in PERTURBED.items())
        + ". The difference of their average-case robust flatness (`flatness.average_robust`, "
        "smaller is flatter) supports the claim if its interval over the random draws lies below "
        "zero, and contradicts it if it lies above; if per-example losses are stored, only if "
        "that of the paired difference over the examples does too.",
        caveats=[
            "A less confident model has a smaller loss everywhere and so looks flatter: also "
            "compare the calibrated measure and the error rate."
        ],
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    rows: list[list[str]] = []
    votes: list[Vote] = []
    for awp, plain in PERTURBED.items():
        for perturbed, usual in panel.pairs([awp], [plain]):
            draws = _difference(perturbed, usual)
            if draws is None:
                continue
            examples = _paired(perturbed, usual)
            votes.append(_vote(draws, examples))
            rows.append(
                [
                    f"{perturbed.name} against {usual.name}",
                    *(scored(c.score("flatness", MEASURE), "nats") for c in (perturbed, usual)),
                    signed(draws),
                    signed(examples) if examples else ABSENT,
                    chance(examples.p if examples else None),
                    *(_beside(perturbed, usual, name) for name in FURTHER_MEASURES),
                    votes[-1],
                ]
            )
    head = ["checkpoints", "with (nats)", "without (nats)", "difference, over draws"]
    head += ["difference, over examples", "p", *FURTHER_MEASURES.values()]
    groups = [group for group in PERTURBED.items() if not panel.pairs([group[0]], [group[1]])]
    wanted = [(name,) for group in groups for name in group]
    return Part(
        panel.dataset,
        votes=votes,
        tables=[Table([*head, "verdict"], rows)] if rows else [],
        figures=_figures(panel),
        missing=missing_recipes(panel, *wanted)
        + missing_probe(
            panel,
            ["flatness"],
            [c for c in panel.checkpoints if c.score("flatness", MEASURE) is None],
        ),
    )


def _vote(draws: Effect, examples: Effect | None) -> Vote:
    sign = draws.sign
    if not sign or (examples is not None and examples.sign != sign):
        return "open"
    return "for" if sign < 0 else "against"


def _difference(first: Checkpoint, second: Checkpoint) -> Effect | None:
    one, other = first.score("flatness", MEASURE), second.score("flatness", MEASURE)
    return None if one is None or other is None else difference(one, other)


def _paired(first: Checkpoint, second: Checkpoint) -> Effect | None:
    one, other = example_increases(first), example_increases(second)
    if one is None or other is None or len(one) != len(other):
        return None
    return paired_means(one, other)


def example_increases(checkpoint: Checkpoint) -> NDArray[np.float64] | None:
    """Average-case increase of the robust loss per example, (n,); ``None`` if not stored."""
    result = checkpoint.entry.results.get("flatness")
    losses = [result.values.get(name) for name in LOSSES] if result else []
    if len(losses) != len(LOSSES) or any(values is None for values in losses):
        return None
    own, moved = (np.asarray(values, np.float64) for values in losses)
    return np.asarray(moved - own)


def _beside(first: Checkpoint, second: Checkpoint, name: str) -> str:
    unit = PROBES["flatness"].scores[name].unit
    return " / ".join(scored(c.score("flatness", name), unit) for c in (first, second))


def _figures(panel: Panel) -> list[Figure]:
    shown = [(c, score) for c in panel.checkpoints if (score := c.score("flatness", MEASURE))]
    if not shown:
        return []
    title = f"Average-case robust flatness, {panel.dataset}"
    values_text = " ".join(
        f"{checkpoint.name}: {score.value:.3g} nats." for checkpoint, score in shown
    )
    axis = "increase of the adversarial loss (nats)"
    return [Figure(title, dots(shown, axis, share=False), f"{title}. {values_text}")]
