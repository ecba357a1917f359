"""(b) Does training with perturbed weights flatten the robust loss?"""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.findings.drawings import dots
from leaderboard.findings.effects import Effect, difference
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, Vote
from leaderboard.findings.panels import PERTURBED, Checkpoint, Panel
from leaderboard.findings.words import missing_probe, missing_recipes, scored, signed

MEASURE = "average_robust"

BESIDE = {
    "worst_robust": "worst case",
    "average_calibrated": "average, calibrated",
    "average_error": "average, error rate",
}
"""Further measures of flatness that stand beside the one that is judged."""


def weight_perturbed_training(panels: Sequence[Panel]) -> Finding:
    """Compare the flatness of checkpoints trained with and without weight perturbation."""
    return Finding(
        key="weight-perturbed-training",
        title="Adversarial weight perturbation: a flatter robust loss",
        claim="Training on adversarially perturbed weights flattens the robust loss around the "
        "weights, compared with the same adversarial training without.",
        sources=[
            Source(
                "Wu, Xia, Wang 2020, Adversarial Weight Perturbation Helps Robust Generalization",
                "https://arxiv.org/abs/2004.05884",
            )
        ],
        rule="Every checkpoint with weight perturbation is compared with every one of the same "
        "recipe without, of the same architecture: "
        + ", ".join(f"`{awp}` with `{plain}`" for awp, plain in PERTURBED.items())
        + ". The difference of their average-case robust flatness (`flatness.average_robust`, "
        "smaller is flatter) speaks for the claim where its interval over the random draws lies "
        "below zero, against it where it lies above.",
        caveats=[
            "A less confident model has a smaller loss everywhere and looks flatter: read the "
            "calibrated measure and the error rate beside it."
        ],
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    rows: list[list[str]] = []
    votes: list[Vote] = []
    for awp, plain in PERTURBED.items():
        for perturbed, usual in panel.pairs([awp], [plain]):
            effect = _difference(perturbed, usual, MEASURE)
            if effect is None:
                continue
            votes.append("open" if not effect.sign else "for" if effect.sign < 0 else "against")
            rows.append(
                [
                    f"{perturbed.name} against {usual.name}",
                    *(scored(c.score("flatness", MEASURE), "nats") for c in (perturbed, usual)),
                    signed(effect),
                    *(_beside(perturbed, usual, name) for name in BESIDE),
                    votes[-1],
                ]
            )
    head = ["checkpoints", "with (nats)", "without (nats)", "difference", *BESIDE.values()]
    groups = [group for group in PERTURBED.items() if not panel.pairs([group[0]], [group[1]])]
    wanted = [(name,) for group in groups for name in group]
    return Part(
        panel.dataset,
        votes=votes,
        tables=[Table([*head, "speaks"], rows)] if rows else [],
        figures=_figures(panel),
        missing=missing_recipes(panel, *wanted)
        + missing_probe(
            panel,
            ["flatness"],
            [c for c in panel.checkpoints if c.score("flatness", MEASURE) is None],
        ),
    )


def _difference(first: Checkpoint, second: Checkpoint, name: str) -> Effect | None:
    one, other = first.score("flatness", name), second.score("flatness", name)
    return None if one is None or other is None else difference(one, other)


def _beside(first: Checkpoint, second: Checkpoint, name: str) -> str:
    unit = "share" if name.endswith("_error") else "nats"
    return " / ".join(scored(c.score("flatness", name), unit) for c in (first, second))


def _figures(panel: Panel) -> list[Figure]:
    shown = [(c, score) for c in panel.checkpoints if (score := c.score("flatness", MEASURE))]
    if not shown:
        return []
    title = f"Average-case robust flatness, {panel.dataset}"
    told = " ".join(f"{checkpoint.name}: {score.value:.3g} nats." for checkpoint, score in shown)
    axis = "rise of the adversarial loss (nats)"
    return [Figure(title, dots(shown, axis, share=False), f"{title}. {told}")]
