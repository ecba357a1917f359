"""Shares of probes in the time of batteries, as a section of a page."""

from __future__ import annotations

from collections.abc import Sequence

from perf.page import line
from perf.share_rows import ProbeTime, ShareRow


def render_shares(rows: Sequence[ShareRow]) -> str:
    """A table with a line per probe and a column per model, as Markdown.

    Args:
        rows: in the order of the columns.
    """
    if not rows:
        return "Nothing has been measured yet.\n"
    probes = list(dict.fromkeys(time.probe for row in rows for time in row.probes))
    lines = [line(["probe", *(row.conditions.model for row in rows)])]
    lines.append(line(["---", *["---:"] * len(rows)]))
    lines += [line([name, *(_cell(row, row.time_of(name)) for row in rows)]) for name in probes]
    lines.append(line(["**battery**", *(f"**{_seconds(row.seconds)} s**" for row in rows)]))
    machines = _machines(rows)
    planned = [_planned(row) for row in rows if row.generation is not None]
    settings = [_setting_heading(), *map(_setting, rows)]
    parts = [[*machines, *planned], lines, settings, _with_noise(rows)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _with_noise(rows: Sequence[ShareRow]) -> list[str]:
    """What the battery of models that draw numbers takes beside that of the network itself."""
    by_model = {row.conditions.model: row for row in rows}
    found = []
    for name, noisy in by_model.items():
        own = by_model.get(name.partition(", noise")[0])
        if own is not None and own is not noisy:
            found.append(
                f"`{noisy.conditions.battery}` on {name} ({noisy.conditions.examples} examples), "
                f"takes {noisy.seconds / own.seconds:.0%} of the time of "
                f"`{own.conditions.battery}` on the network itself ({own.conditions.examples})."
            )
    return found


def _planned(row: ShareRow) -> str:
    return (
        f"{row.conditions.model} is planned for one GPU and not measured, except that all "
        f"corrupted versions of one image take {1000 * (row.generation or 0):.0f} ms of this "
        "processor."
    )


def _cell(row: ShareRow, time: ProbeTime | None) -> str:
    if time is None:
        return "-"
    share = time.seconds / row.seconds
    text = f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"
    plus = "+" if time.on_request else ""
    return f"{_seconds(time.seconds)} s, {plus}{text}"


def _seconds(seconds: float) -> str:
    digits = 2 if seconds < 9.995 else 1 if seconds < 99.95 else 0
    return f"{seconds:,.{digits}f}"


def _setting_heading() -> str:
    headings = ["model", "battery", "examples", "parameters", "forward", "backward", "slowdown"]
    return "\n".join([line(headings), line(["---", "---", *["---:"] * 5])])


def _setting(row: ShareRow) -> str:
    """What a column was measured with; passes are those of the default probes."""
    c, default = row.conditions, [time for time in row.probes if not time.on_request]
    return line(
        [
            c.model,
            f"`{c.battery}` {c.battery_sha256[:12]}",
            f"{c.examples}",
            f"{row.parameters:,}",
            _passes([time.forwards for time in default]),
            _passes([time.backwards for time in default]),
            f"{row.slowdown:.2f}",
        ]
    )


def _passes(counts: Sequence[int]) -> str:
    return f"{sum(counts):,}" if any(counts) else "-"


def _machines(rows: Sequence[ShareRow]) -> list[str]:
    """Machine, versions and sources, with the days of the measurements."""
    days: dict[str, set[str]] = {}
    for row in rows:
        c = row.conditions
        packages = ", ".join(f"{name} {version}" for name, version in c.versions.items())
        machine = (
            f"{c.processor}, {c.cores} cores, {c.threads} thread{'s' * (c.threads > 1)}, "
            f"{c.device}; {packages}; sources of `benchmark` {c.sources[:12]}"
        )
        days.setdefault(machine, set()).add(row.measured[:10])
    return [f"{machine}, {' and '.join(sorted(of))}." for machine, of in days.items()]
