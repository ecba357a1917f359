"""(a) Does adversarial training on inputs also help against changed weights?"""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.effects import Effect, paired_shares
from leaderboard.findings.figures import scatter
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, Vote
from leaderboard.findings.panels import ADVERSARIAL, STANDARD, Checkpoint, Panel
from leaderboard.findings.wording import (
    chance,
    missing_probe,
    missing_recipes,
    points,
    scored,
)

MARGIN = 0.02
"""A checkpoint counts as no more robust when the interval ends below this difference."""

PROBES = ("input", "weight")


def inputs_and_weights(panels: Sequence[Panel]) -> Finding:
    """Compare adversarially and normally trained checkpoints under both singular attacks."""
    return Finding(
        key="inputs-and-weights",
        title="Adversarial training: robust inputs, fragile weights",
        claim="Models trained against perturbed inputs resist them, and are as fragile to "
        "perturbed weights as normally trained models, or more so.",
        sources=[
            Source(
                "Tsai, Hsu, Yu, Chen 2021, Non-Singular Adversarial Robustness of Neural Networks",
                "https://arxiv.org/abs/2102.11935",
            ),
            Source(
                "Tsai, Hsu, Yu, Chen 2021, Formalizing Generalization and Robustness of Neural "
                "Networks to Weight Perturbations",
                "https://arxiv.org/abs/2103.02200",
            ),
        ],
        rule="Every adversarially trained checkpoint "
        f"({', '.join(f'`{name}`' for name in ADVERSARIAL)}) is compared with every `standard` one "
        "of its architecture and training images, "
        "per example at the headline budgets. "
        "If it is significantly more robust to inputs, the comparison supports the claim if the "
        "interval of the gain under the weight attack ends below "
        f"{100 * MARGIN:g} points, and contradicts it if the checkpoint is significantly more "
        "robust to weights too. Otherwise the comparison is open.",
        caveats=[
            "All examples share one weight perturbation, so outcomes under it are not "
            "independent: the tests are about the perturbation that was found."
        ],
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    rows, votes = [], []
    for trained, standard in panel.pairs(ADVERSARIAL, STANDARD):
        effects = [_gain(trained, standard, probe) for probe in PROBES]
        inputs, weights = effects
        if inputs is None or weights is None:
            continue
        votes.append(_vote(inputs, weights))
        row = [f"{trained.name} against {standard.name}"]
        for probe, effect in zip(PROBES, (inputs, weights), strict=True):
            shares = (c.score(probe, "robust_accuracy") for c in (trained, standard))
            row += [" / ".join(scored(share, "share") for share in shares)]
            row += [points(effect), chance(effect.p)]
        rows.append([*row, votes[-1]])
    head = ["checkpoints", "input robust", "gain (points)", "p"]
    head += ["weight robust", "gain (points)", "p", "verdict"]
    without = [c for c in panel.checkpoints if any(c.outcomes(p) is None for p in PROBES)]
    return Part(
        panel.dataset,
        votes=votes,
        tables=[Table(head, rows)] if rows else [],
        figures=_figures(panel),
        missing=missing_recipes(panel, ADVERSARIAL, STANDARD)
        + missing_probe(panel, PROBES, without),
    )


def _gain(first: Checkpoint, second: Checkpoint, probe: str) -> Effect | None:
    one, other = first.outcomes(probe), second.outcomes(probe)
    return None if one is None or other is None else paired_shares(one, other)


def _vote(inputs: Effect, weights: Effect) -> Vote:
    if inputs.sign <= 0:
        return "open"
    if weights.sign > 0:
        return "against"
    return "for" if weights.high < MARGIN else "open"


def _figures(panel: Panel) -> list[Figure]:
    shown = [
        (checkpoint, inputs, weights)
        for checkpoint in panel.checkpoints
        if (inputs := checkpoint.score("input", "robust_accuracy"))
        and (weights := checkpoint.score("weight", "robust_accuracy"))
    ]
    if not shown:
        return []
    title = f"Robust to inputs against robust to weights, {panel.dataset}"
    values_text = " ".join(
        f"{checkpoint.name}: input {inputs.value:.1%}, weight {weights.value:.1%}."
        for checkpoint, inputs, weights in shown
    )
    axes = ("input robust accuracy", "weight robust accuracy")
    return [Figure(title, scatter(shown, *axes, (True, True)), f"{title}. {values_text}")]
