"""(e) How small a change of the weights plants a backdoor?"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.batteries import stored_probes
from benchmark.probes.backdoor import BackdoorProbe, BackdoorSettings
from benchmark.probes.text_backdoor import TextBackdoorProbe, TextBackdoorSettings
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
            "search or more images may find a smaller one.",
            "For texts this is the paper's method on a language task of this suite: its own is not "
            "published with its code.",
        ],
        parts=[_part(panel) for panel in panels],
    )


COLUMNS = {
    "smallest budget": ("smallest_budget", "radius"),
    "mean change there": ("smallest_change", "share"),
    "success at the headline": ("success", "share"),
    "at any cost": ("success_at_any_cost", "share"),
    "mean change": ("relative_change", "share"),
    "clean accuracy lost": ("clean_drop", "share"),
}
"""Scores of the probe ``backdoor`` by the heading of their column, with their units."""

TEXT_COLUMNS = {
    "smallest budget": ("smallest_budget", "radius"),
    "mean change there": ("smallest_change", "share"),
    "without the embedding": ("no_embedding_smallest_budget", "radius"),
    "success at the headline": ("success", "share"),
    "gain": ("gain", "share"),
    "success without the embedding": ("no_embedding_success", "share"),
    "gain without it": ("no_embedding_gain", "share"),
    "clean accuracy lost": ("clean_drop", "share"),
}
"""The same of the probe ``text-backdoor``."""


def _part(panel: Panel) -> Part:
    probe, columns = _asked(panel)
    known = [c for c in panel.checkpoints if c.score(probe, "smallest_budget")]
    known.sort(key=lambda each: _smallest(each, probe))
    votes = [_vote(checkpoint, probe) for checkpoint in known]
    rows = [
        [
            c.name,
            *(scored(c.score(probe, name), unit) for name, unit in columns.values()),
            vote,
        ]
        for c, vote in zip(known, votes, strict=True)
    ]
    return Part(
        panel.dataset,
        votes=votes,
        text=_text(panel, probe) if known else [],
        tables=[Table(["checkpoint", *columns, "verdict"], rows)] if rows else [],
        figures=_figures(panel, known, probe),
        missing=missing_probe(panel, [probe], [c for c in panel.checkpoints if c not in known]),
    )


def _asked(panel: Panel) -> tuple[str, dict[str, tuple[str, str]]]:
    """The probe that injects backdoors into the models of a panel, and its columns."""
    if TextBackdoorProbe.name in stored_probes(panel.entry.battery):
        return TextBackdoorProbe.name, TEXT_COLUMNS
    return BackdoorProbe.name, COLUMNS


def _smallest(checkpoint: Checkpoint, probe: str) -> float:
    score = checkpoint.score(probe, "smallest_budget")
    return score.value if score else float("nan")


def _vote(checkpoint: Checkpoint, probe: str) -> Vote:
    budget = _smallest(checkpoint, probe)
    if budget == float("inf"):
        return "open"
    change = checkpoint.score(probe, "smallest_change")
    return "for" if min(budget, change.value if change else budget) <= SMALL else "open"


def _text(panel: Panel, name: str) -> list[str]:
    """What the battery asks of a backdoor."""
    probe = stored_probes(panel.entry.battery).get(name)
    settings = probe.settings if probe else None
    if isinstance(settings, BackdoorSettings):
        return [f"A backdoor counts as working with {settings.goal}."]
    if isinstance(settings, TextBackdoorSettings):
        return [
            f"Inserted words are the triggers, and a backdoor counts as working with "
            f"{settings.goal}. Every weight may move, or all but the embedding of tokens; gain is "
            "success less the larger one of the base rate and the success of other words."
        ]
    return []


def _figures(panel: Panel, known: Sequence[Checkpoint], probe: str) -> list[Figure]:
    series = {}
    for checkpoint in known:
        successes = [c for c in checkpoint.entry.results[probe].curves if c.role == "success"]
        for curve in successes[:1]:  # for texts, of the first rule: every weight may move
            series[checkpoint.name] = list(zip(curve.x, curve.y, strict=True))
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
