"""Table of a comparison with AutoAttack on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmark.budgets import budget_text
from benchmark.comparison import Comparison, Ours, Side
from leaderboard.terminal.output import print_full_width, say

COLUMNS = (
    "accuracy",
    "only\nit",
    "only\nAA",
    "seconds",
    "times\nfaster",
    "forwards",
    "backwards",
    "times\nfewer",
    "per robust\nexample",
    "inside\nmodel",
)


def print_comparison_table(comparisons: Sequence[Comparison]) -> None:
    """Print rows per budget and attack, and remarks below the table.

    ``only it`` and ``only AA`` count the examples that only the row's effort or only AutoAttack
    broke; ``per robust example`` is the number of passes of both kinds per robust example.

    Args:
        comparisons: of one model, one per budget.
    """
    table = Table(
        box=None, pad_edge=False, collapse_padding=True, padding=(0, 1), header_style="bold"
    )
    table.add_column("budget", no_wrap=True, vertical="bottom")
    table.add_column("attack", no_wrap=True, vertical="bottom")
    for heading in COLUMNS:
        table.add_column(heading, justify="right", vertical="bottom")
    for each in comparisons:
        clean = f"{each.clean_accuracy:.2%}"
        table.add_row(_budget(each), f"clean ({each.examples})", clean)
        table.add_row("", "AutoAttack", *_cells(each.autoattack))
        for effort, ours in each.efforts.items():
            table.add_row("", effort, *_cells(ours))
        table.add_section()
    print_full_width(table)
    for line in (line for each in comparisons for line in remarks(each)):
        say(line)


def remarks(comparison: Comparison) -> list[str]:
    """Further remarks on a comparison, one line each.

    Args:
        comparison: at one budget.
    """
    budget, reference = _budget(comparison), comparison.autoattack
    lines = [
        f"{budget}: AutoAttack broke what {effort} did not, examples "
        + ", ".join(map(str, ours.only_autoattack))
        for effort, ours in comparison.efforts.items()
        if ours.only_autoattack
    ]
    if reference.claimed != reference.n_robust:
        lines.append(
            f"{budget}: AutoAttack reports {reference.claimed} robust examples; by its images, "
            f"measured and classified again, {reference.n_robust} are robust"
        )
    return lines + [f"{budget}: AutoAttack warns that {text}" for text in reference.warnings]


def _budget(comparison: Comparison) -> str:
    return f"{comparison.norm} {budget_text(comparison.eps)}"


def _cells(side: Side) -> list[str]:
    ours = side if isinstance(side, Ours) else None
    each = side.passes_per_robust_example
    return [
        f"{side.robust_accuracy:.2%}",
        str(len(ours.only_ours)) if ours else "",
        str(len(ours.only_autoattack)) if ours else "",
        f"{side.seconds:.2f}",
        f"{ours.speedup:.1f}" if ours else "",
        f"{side.forwards:,}",
        f"{side.backwards:,}",
        f"{ours.fewer_passes:.1f}" if ours else "",
        "-" if each is None else f"{each:,.0f}",
        "-" if side.model_share is None else f"{side.model_share:.0%}",
    ]
