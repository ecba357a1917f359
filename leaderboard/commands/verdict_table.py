"""The verdict on a submission, as text for a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from leaderboard.submissions.finding import Facts, Verdict
from leaderboard.terminal.output import console, print_to_fit

LISTED = 12
"""Maximum number of checks that are named where they were not made."""

COLORS = {"refused": "red", "warning": "yellow", "note": "cyan"}


def print_verdict(name: str, verdict: Verdict) -> None:
    """Print what was found with what to do, what is known of the model, and the verdict.

    Args:
        name: of the submission, for messages.
        verdict: of its checks.
    """
    output = console()
    for line in _facts(verdict.facts):
        output.print(line, soft_wrap=True)
    if verdict.findings:
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 1, 0))
        for each in verdict.findings:
            text = Text(f"{each.title}\n", style="bold")
            text.append(f"{each.saw}\n", style="not bold")
            text.append(f"fix: {each.fix}\n", style="not bold")
            text.append(each.page, style="not bold dim")
            table.add_row(Text(each.severity, style=COLORS[each.severity]), text)
        output.print()
        print_to_fit(table)
    reasons: dict[str, list[str]] = {}
    for check, reason in verdict.left_out.items():
        reasons.setdefault(reason, []).append(check)
    for reason, checks in reasons.items():
        listed = ", ".join(checks) if len(checks) <= LISTED else f"{len(checks)} checks"
        output.print(f"not made, {reason}: {listed}", soft_wrap=True)
    said = "acceptable" if verdict.accepted else "refused"
    counts = f"{len(verdict.made)} checks in {verdict.seconds:.1f} s of processor time"
    output.print(f"{name}: {said} ({counts})", style="green" if verdict.accepted else "red")


def _facts(facts: Facts) -> list[str]:
    lines = []
    if facts.sha256 is not None:
        lines.append(f"file: {facts.format or 'unknown'}, {facts.size:,} bytes, {facts.sha256}")
    if facts.architecture is not None:
        count = f", {facts.parameters:,} parameters" if facts.parameters else ""
        lines.append(f"model: {facts.architecture}{count}, {facts.classes} classes")
        lines += [f"  {each}" for each in facts.notes]
    if facts.clean_accuracy is not None:
        score = facts.clean_accuracy
        lines.append(
            f"clean accuracy: {score.value:.1%} of {score.n:,} images "
            f"(95% interval {score.low:.1%} to {score.high:.1%})"
        )
    return lines
