"""The findings as Markdown with separate figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from leaderboard.charts.svg import NOT_DRAWN, Painter
from leaderboard.findings.finding import RULE, Finding, Part, Table
from leaderboard.findings.panels import Panel
from leaderboard.formatting.slugs import slug
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError

PAGE = "findings.md"
FOLDER = "findings"

_VARIABLE = re.compile(r"var\(--[\w-]+, ([^()]+)\)")


def write_findings(findings: Sequence[Finding], panels: Sequence[Panel], out: Path) -> Path:
    """Write ``findings.md`` and the SVG files it shows; earlier figures are removed.

    Args:
        findings: what to write.
        panels: what they were made from.
        out: folder of the page; its figures go into ``findings`` below.

    Returns:
        Path of the page.

    Raises:
        InputError: the folder cannot be written.
    """
    painter = Painter()
    figures: dict[str, str] = {}
    text = _page(findings, panels, painter, figures)
    folder = out / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.svg"):
            if old.name not in figures:
                old.unlink()
        for name, svg in figures.items():
            write_bytes(folder / name, svg.encode())
        write_bytes(out / PAGE, text.encode())
    except OSError as error:
        raise InputError(
            f"cannot write findings to {str(out)!r}: {error.strerror}; name another with --out"
        ) from error
    return out / PAGE


def _page(
    findings: Sequence[Finding],
    panels: Sequence[Panel],
    painter: Painter,
    figures: dict[str, str],
) -> str:
    blocks = [
        "# Findings",
        "What the stored scores say about the claims from the literature on which the benchmark "
        "is built. `make findings` generates this page from the database alone.",
        _evaluated(panels),
        f"**How a claim is judged.** {RULE}",
        _summary(findings),
    ]
    for letter, finding in zip("abcdefghijklmnopqrstuvwxyz", findings, strict=False):
        blocks.append(f"## ({letter}) {finding.title}")
        sources = "; ".join(f"[{source.text}]({source.url})" for source in finding.sources)
        blocks.append(f"**Claim.** {finding.claim} ({sources})")
        blocks.append(f"**{finding.verdict}**")
        blocks.append(f"**When a comparison supports the claim.** {finding.rule}")
        blocks += finding.caveats
        for part in finding.parts:
            blocks += _part(finding.key, part, painter, figures)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _evaluated(panels: Sequence[Panel]) -> str:
    if not panels:
        return "The database is empty: run `nonsingular bench` first."
    rows = []
    for panel in panels:
        where = panel.entry.provenance
        trained = sum(checkpoint.training is not None for checkpoint in panel.checkpoints)
        rows.append(
            [
                panel.dataset,
                f"{panel.battery} (`{where.battery_sha256[:12]}`)",
                f"{where.examples:,} (`{where.data_sha256[:12]}`)",
                str(where.seed),
                str(len(panel.checkpoints)),
                str(trained),
            ]
        )
    head = ["data set", "battery", "test examples", "seed", "checkpoints"]
    return _table(Table([*head, "also on training images"], rows))


def _summary(findings: Sequence[Finding]) -> str:
    rows = [
        [f"({letter}) {finding.title}", finding.verdict]
        for letter, finding in zip("abcdefghijklmnopqrstuvwxyz", findings, strict=False)
    ]
    return _table(Table(["claim", "here"], rows))


def _part(key: str, part: Part, painter: Painter, figures: dict[str, str]) -> list[str]:
    text = map(_prose, part.text)
    blocks = [f"### {_cell(part.dataset)}", *text, *map(_table, part.tables)]
    for place, figure in enumerate(part.figures, 1):
        name = f"{key}-{slug(part.dataset)}{f'-{place}' if place > 1 else ''}.svg"
        svg, _ = painter.draw(figure.chart, figure.description)
        if svg == NOT_DRAWN:
            blocks.append(f"{_cell(figure.title)}: this picture could not be drawn.")
            continue
        figures[name] = _alone(svg)
        blocks.append(f"![{_cell(figure.title)}]({FOLDER}/{name})")
    if part.missing:
        blocks.append("Missing:\n\n" + "\n".join(f"- {_prose(line)}" for line in part.missing))
    return blocks


def _alone(svg: str) -> str:
    """The drawing for a page without the site's style sheet: plain colors on a white background."""
    plain = _VARIABLE.sub(r"\1", str(svg))
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return re.sub(r"(<svg [^>]*>)", rf"\1{ground}", plain, count=1)


def _table(table: Table) -> str:
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """Text that stays in its cell, whatever a model is called."""
    return re.sub(r"([|<\[\]])", r"\\\1", text.replace("\n", " "))


def _prose(text: str) -> str:
    """Text whose code spans stay as they are, whatever a model is called."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _cell(part) for part in parts)
