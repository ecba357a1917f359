"""(e) How small a change of the weights plants a backdoor?"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.batteries import stored_probes
from benchmark.probes.backdoor.settings import BackdoorSettings
from leaderboard.findings.figures import lines
from leaderboard.findings.finding import Figure, Finding, Part, Source, Table, Vote
from leaderboard.findings.panels import Checkpoint, Panel
from leaderboard.findings.wording import missing_probe, scored

SMALL = 0.1
"""The largest average relative change of the weights that still counts as small."""

_MAX_LINES = 12


def backdoors(panels: Sequence[Panel]) -> Finding:
    """List the smallest relative weight change that plants a backdoor, by checkpoint."""
    return Finding(
        key="backdoors",
        title="Backdoors: planted by a small change of the weights",
        claim="A very small relative change of the weights of a trained model plants a backdoor "
        "that leaves its accuracy on clean images almost unchanged.",
        sources=[
            Source(
                "Garg, Kumar, Goel, Liang 2020, Can Adversarial Weight Perturbations Inject Neural "
                "Backdoors?",
                "https://arxiv.org/abs/2008.01761",
            )
        ],
        rule="The paper's abstract calls the average relative change of the weights *very small* "
        f"without a number; here small is an average of {SMALL:.0%}. A checkpoint "
        "supports the claim if a backdoor was found that succeeds as often as the battery "
        "requires, at no more than the clean accuracy it allows, and changes the weights by no "
        "more than that on average (`backdoor.smallest_change`). It is open if every such backdoor "
        "found changes them by more, or none was found: a search that fails refutes nothing, and "
        "no checkpoint can contradict the claim. Results without `smallest_change` support the "
        "claim if the budget, which bounds the change of every weight and so the average, is as "
        "small.",
        caveats=[
            "The smallest budget is that of the best injection found, an upper bound. A longer "
            "search or more images may find a smaller one."
        ],
        parts=[_part(panel) for panel in panels],
    )


def _part(panel: Panel) -> Part:
    known = [c for c in panel.checkpoints if c.score("backdoor", "smallest_budget")]
    known.sort(key=_smallest)
    columns = {
        "smallest budget": ("smallest_budget", "radius"),
        "mean change there": ("smallest_change", "share"),
        "success at the headline": ("success", "share"),
        "at any cost": ("success_at_any_cost", "share"),
        "mean change": ("relative_change", "share"),
        "clean accuracy lost": ("clean_drop", "share"),
    }
    votes = [_vote(checkpoint) for checkpoint in known]
    rows = [
        [
            c.name,
            *(scored(c.score("backdoor", name), unit) for name, unit in columns.values()),
            vote,
        ]
        for c, vote in zip(known, votes, strict=True)
    ]
    return Part(
        panel.dataset,
        votes=votes,
        text=_text(panel) if known else [],
        tables=[Table(["checkpoint", *columns, "verdict"], rows)] if rows else [],
        figures=_figures(panel, known),
        missing=missing_probe(
            panel, ["backdoor"], [c for c in panel.checkpoints if c not in known]
        ),
    )


def _smallest(checkpoint: Checkpoint) -> float:
    score = checkpoint.score("backdoor", "smallest_budget")
    return score.value if score else float("nan")


def _vote(checkpoint: Checkpoint) -> Vote:
    budget = _smallest(checkpoint)
    if budget == float("inf"):
        return "open"
    change = checkpoint.score("backdoor", "smallest_change")
    return "for" if min(budget, change.value if change else budget) <= SMALL else "open"


def _text(panel: Panel) -> list[str]:
    """What the battery asks of a backdoor."""
    probe = stored_probes(panel.entry.battery).get("backdoor")
    settings = probe.settings if probe else None
    if not isinstance(settings, BackdoorSettings):
        return []
    return [f"A backdoor counts as working with {settings.goal}."]


def _figures(panel: Panel, known: Sequence[Checkpoint]) -> list[Figure]:
    series = {
        checkpoint.name: list(zip(curve.x, curve.y, strict=True))
        for checkpoint in known
        for curve in checkpoint.entry.results["backdoor"].curves
        if curve.role == "success"
    }
    shown = dict(list(series.items())[:_MAX_LINES])
    if not shown:
        return []
    title = f"Success of the best backdoor over weight budgets, {panel.dataset}"
    if len(shown) < len(series):
        title += f", the {len(shown)} checkpoints with the smallest backdoors"
    values_text = " ".join(
        f"{name}: {', '.join(f'{y.value:.0%} at {x:g}' for x, y in budgets)}."
        for name, budgets in shown.items()
    )
    chart = lines(shown, "relative change of every weight, at most", "success", share=True)
    return [Figure(title, chart, f"{title}. {values_text}")]
