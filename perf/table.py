"""Measured rows as a table of a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import geometric_mean

from benchmark.budgets import budget_text
from benchmark.comparison import Ours, Side
from perf.fresh_definitions import HALVES
from perf.page import line, write_section
from perf.records import Row

TOOL = "input_attack"
FRESH_TOOL = "fresh_models"
EFFORTS = ("quick", "standard")

ROBUST = 0.1
"""Speed-ups are averaged over rows with a higher robust accuracy under AutoAttack; on the others
AutoAttack is fast as well."""

LARGE = 250_000
"""Number of parameters above which a network's own passes should take nearly all of the time."""

HEADINGS = (
    "model",
    "budget",
    "n",
    "clean %",
    "AA %",
    "quick %",
    "standard %",
    "quick missed",
    "standard missed",
    "AA s",
    "quick s",
    "standard s",
    "quick faster",
    "standard faster",
    "AA passes",
    "quick passes",
    "standard passes",
    "AA in model",
    "standard in model",
)
"""Column headings, which the page explains."""


def write_table(page: Path, rows: Sequence[Row]) -> None:
    """Write the tables into a page: that of the fresh models into a section of its own.

    Args:
        page: the page.
        rows: what was measured.

    Raises:
        InputError: the page is missing or lacks the marks, or cannot be written.
    """
    fresh = [row for row in rows if _half(row) in HALVES]
    write_section(page, TOOL, render([row for row in rows if row not in fresh]))
    write_section(page, FRESH_TOOL, render_halves(fresh))


def render_halves(rows: Sequence[Row]) -> str:
    """The tables of the fresh models, one for each half, as Markdown.

    Args:
        rows: those of the fresh models.
    """
    return "\n".join(
        f"#### {half}\n\n{render([row for row in rows if _half(row) == half])}" for half in HALVES
    )


def _half(row: Row) -> str:
    return row.conditions.model.partition("/")[0]


def render(rows: Sequence[Row]) -> str:
    """Conditions, table and summary, as Markdown.

    Args:
        rows: what was measured, in the order of the table.
    """
    if not rows:
        return "Nothing has been measured yet.\n"
    table = [line(HEADINGS), line(["---", "---", *["---:"] * (len(HEADINGS) - 2)])]
    table += [line(_cells(row)) for row in rows]
    account = [line for effort in EFFORTS for line in _searches(effort, rows)]
    return "\n".join([*_conditions(rows), "", *table, "", *_summary(rows), "", *account])


def _conditions(rows: Sequence[Row]) -> list[str]:
    """One item for each set of conditions that rows were measured under."""
    kinds = Counter(
        f"{c.processor}, {c.cores} cores, {c.threads} threads, {c.device}; "
        + ", ".join(f"{name} {version}" for name, version in c.versions.items())
        + f"; sources of `benchmark` {c.sources[:12]}"
        for c in (row.conditions for row in rows)
    )
    return [f"- {count} rows: {text}" for text, count in kinds.items()]


def _cells(row: Row) -> list[str]:
    found = row.comparison
    quick, standard = (found.efforts[effort] for effort in EFFORTS)
    sides: tuple[Side, ...] = (found.autoattack, quick, standard)
    return [
        row.conditions.model,
        f"{found.norm} {budget_text(found.eps)}",
        str(found.examples),
        f"{100 * found.clean_accuracy:.2f}",
        *(f"{100 * side.robust_accuracy:.2f}" for side in sides),
        *(str(len(ours.only_autoattack)) for ours in (quick, standard)),
        *(f"{side.seconds:.2f}" for side in sides),
        *(f"{ours.speedup:.1f}" for ours in (quick, standard)),
        *(_or_dash(side.passes_per_robust_example, "{:,.0f}") for side in sides),
        *(_or_dash(side.model_share, "{:.0%}") for side in (found.autoattack, standard)),
    ]


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _summary(rows: Sequence[Row]) -> list[str]:
    """The summary of the table for each effort, one list item per statement."""
    lines = []
    for effort in EFFORTS:
        ours = [(row, row.comparison.efforts[effort]) for row in rows]
        lines += _strength(effort, ours) + _speed(effort, ours)
    large = [
        (share, row)
        for row in rows
        if row.parameters >= LARGE
        and (share := row.comparison.efforts["standard"].model_share) is not None
    ]
    if large:
        share, row = min(large, key=lambda each: each[0])
        lines.append(
            f"- `standard` on networks of {LARGE:,} parameters or more: at least {share:.0%} of "
            f"its time is the model's own forward and backward passes ({_name(row)})."
        )
    return lines


def _strength(effort: str, ours: Sequence[tuple[Row, Ours]]) -> list[str]:
    missed = [(row, side) for row, side in ours if side.only_autoattack]
    extra = sum(len(side.only_ours) for _, side in ours)
    above, worst = max(
        (
            (side.robust_accuracy - row.comparison.autoattack.robust_accuracy, row)
            for row, side in ours
        ),
        key=lambda each: each[0],
    )
    lines = [
        f"- `{effort}` over all {len(ours)} rows: robust accuracy minus AutoAttack's is at most "
        f"{100 * above:+.2f} points ({_name(worst)}); only AutoAttack broke "
        f"{sum(len(side.only_autoattack) for _, side in missed)} examples, only `{effort}` "
        f"{extra}."
    ]
    return lines + [
        f"    - {_name(row)}: only AutoAttack broke {', '.join(map(str, side.only_autoattack))}"
        for row, side in missed
    ]


def _speed(effort: str, ours: Sequence[tuple[Row, Ours]]) -> list[str]:
    counted = [
        (side.speedup, row)
        for row, side in ours
        if row.comparison.norm == "linf" and row.comparison.autoattack.robust_accuracy > ROBUST
    ]
    if not counted:
        return []
    least, slowest = min(counted, key=lambda each: each[0])
    return [
        f"- `{effort}` is {geometric_mean([speedup for speedup, _ in counted]):.1f} times as fast "
        f"as AutoAttack (geometric mean over the {len(counted)} linf rows on which accuracy "
        f"under AutoAttack is above {ROBUST:.0%}) and at least {least:.1f} times "
        f"({_name(slowest)})."
    ]


def _searches(effort: str, rows: Sequence[Row]) -> list[str]:
    """A table of what each search of an effort was run on, found and cost, over all rows."""
    totals: dict[str, list[int]] = {}
    for row in rows:
        for each in row.comparison.efforts[effort].searches:
            counts = totals.setdefault(each.search, [0, 0, 0, 0])
            for place, count in enumerate(
                (each.attacked, each.broken, each.passes, each.broken > 0)
            ):
                counts[place] += count
    passes = max(sum(counts[2] for counts in totals.values()), 1)
    headings = ["search of `" + effort + "`", "run on", "broken", "rows it found in", "passes"]
    lines = [line(headings), line(["---", *["---:"] * 4])]
    for search, (attacked, broken, spent, where) in totals.items():
        share = f"{spent / passes:.1%}"
        lines.append(line([search, f"{attacked:,}", f"{broken:,}", str(where), share]))
    return [*lines, ""]


def _name(row: Row) -> str:
    return f"{row.conditions.model}, {row.comparison.norm} {budget_text(row.comparison.eps)}"
