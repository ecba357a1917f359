"""Measured runs of batteries as sections of a page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.budgets import budget_text
from perf.battery_costs import BatteryRow
from perf.page import line

GB = 1e9


def render(rows: Sequence[BatteryRow]) -> str:
    """A table for each run, with what follows from it, as Markdown.

    Args:
        rows: the measurements, in the order of the tables.
    """
    if not rows:
        return "Nothing has been measured yet.\n"
    return "\n".join(part for row in rows for part in (*_heading(row), *_body(row)))


def _heading(row: BatteryRow) -> list[str]:
    c = row.conditions
    what = "Time" if c.kind == "time" else "Memory"
    return [
        f"**{what}: `{c.battery}` on {c.model}** ({row.parameters:,} parameters, {c.examples} "
        f"examples, {c.batch_size} at once). {c.processor}, {c.cores} cores, {c.threads} threads, "
        f"{c.device}; "
        + ", ".join(f"{name} {version}" for name, version in c.versions.items())
        + f"; battery {c.battery_sha256[:12]}, sources of `benchmark` {c.sources[:12]}, "
        f"{row.measured[:10]}.",
        "",
    ]


def _body(row: BatteryRow) -> list[str]:
    return _time(row) if row.conditions.kind == "time" else _memory(row)


def _peak_heading(row: BatteryRow) -> str:
    return "peak GB" if row.own_peaks else "peak GB so far"


def _time(row: BatteryRow) -> list[str]:
    headings = ["probe", "s", "share", "forwards", "backwards", _peak_heading(row)]
    lines = [line(headings), line(["---", *["---:"] * 5])]
    lines += [
        line(
            [
                probe.probe,
                f"{probe.seconds:.2f}",
                f"{probe.seconds / row.seconds:.0%}",
                f"{probe.forwards:,}",
                f"{probe.backwards:,}",
                f"{probe.peak_memory / GB:.2f}",
            ]
        )
        for probe in row.probes
    ]
    lines.append(
        line(
            [
                "all",
                f"{row.seconds:.2f}",
                "100%",
                f"{sum(probe.forwards for probe in row.probes):,}",
                f"{sum(probe.backwards for probe in row.probes):,}",
                f"{row.peak_memory / GB:.2f}",
            ]
        )
    )
    lines += [
        line(
            [
                f"AutoAttack alone, linf {budget_text(each.eps)}",
                f"{each.seconds:.2f}",
                f"{each.seconds / row.seconds:.0%}",
                f"{each.forwards:,}",
                f"{each.backwards:,}",
                "",
            ]
        )
        for each in row.autoattack
    ]
    verdicts = [
        f"- The battery takes {row.seconds / each.seconds:.0%} of the time of AutoAttack standard "
        f"alone at linf {budget_text(each.eps)} (which leaves {each.robust_accuracy:.2%})."
        for each in row.autoattack
    ]
    return [*lines, "", *verdicts, *([""] if verdicts else [])]


def _memory(row: BatteryRow) -> list[str]:
    headings = ["probe", "s", "forwards", "backwards", _peak_heading(row), "in copies of weights"]
    lines = [line(headings), line(["---", *["---:"] * 5])]
    copy = 4 * row.parameters
    lines += [
        line(
            [
                probe.probe,
                f"{probe.seconds:.0f}",
                f"{probe.forwards:,}",
                f"{probe.backwards:,}",
                f"{probe.peak_memory / GB:.2f}",
                f"{(probe.peak_memory - row.memory_before) / copy:.1f}",
            ]
        )
        for probe in row.probes
    ]
    return [
        *lines,
        "",
        f"- Before the first probe the process had used {row.memory_before / GB:.2f} GB; one "
        f"copy of the weights takes {copy / GB:.2f} GB.",
        f"- The peak of the whole battery is {row.peak_memory / GB:.2f} GB. With the "
        f"{row.copies_left_out} further copies of the weights that the battery's full lists of "
        f"budgets keep, it is at most "
        f"{(row.peak_memory + row.copies_left_out * copy) / GB:.2f} GB.",
        "",
    ]
