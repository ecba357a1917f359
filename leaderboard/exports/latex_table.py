r"""A table for a paper in LaTeX, with ``\usepackage{booktabs}``."""

from __future__ import annotations

from leaderboard.exports.latex import latex_comment, latex_text, norms_as_symbols
from leaderboard.exports.paper_table import FLAG, NEAR_MARK, PaperCell, PaperRow, PaperTable

_SYMBOLS = {NEAR_MARK: r"$^{\dagger}$", FLAG: r"$^{\ddagger}$"}
_ARROWS = {True: r" $\uparrow$", False: r" $\downarrow$", None: ""}


def latex_table(table: PaperTable) -> str:
    r"""The table as a ``table`` environment.

    It needs no other package than booktabs. Intervals are on a line of their own below the scores,
    so that a table of five scores fits the width of a page.

    Args:
        table: what to show.
    """
    columns = "c" * len(table.heads)
    heads = [
        rf"\begin{{tabular}}[b]{{@{{}}c@{{}}}}{_broken(head)}{_ARROWS[up]}\end{{tabular}}"
        for head, up in table.heads
    ]
    below = ["Below each score: its 95% interval."] if table.intervals else []
    lines = [
        f"% {latex_comment(table.origin)}",
        *([f"% Licence of the results: {latex_comment(table.licence)}"] if table.licence else []),
        r"% Needs \usepackage{booktabs}.",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_text(' '.join([*table.caption, *below]))}}}",
        rf"  \label{{tab:nonsingular-{table.name}}}",
        r"  \small",
        r"  \setlength{\tabcolsep}{3pt}",
        rf"  \begin{{tabular}}{{@{{}}ll{columns}@{{}}}}",
        r"    \toprule",
        f"    & Model & {' & '.join(heads)} " + r"\\",
        r"    \midrule",
        *(f"    {line}" for row in table.rows for line in _lines(row)),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _lines(row: PaperRow) -> list[str]:
    """A model's line, and that of its intervals if it has some."""
    name = latex_text(row.name) + (_SYMBOLS[FLAG] if row.flagged else "")
    values = " & ".join([latex_text(row.rank), name, *map(_value, row.cells)])
    if not any(cell.interval for cell in row.cells):
        return [rf"{values} \\"]
    ends = [rf"{{\scriptsize {latex_text(c.interval)}}}" if c.interval else "" for c in row.cells]
    return [rf"{values} \\[-2pt]", rf"{' & '.join(['', '', *ends]).strip()} \\"]


def _value(cell: PaperCell) -> str:
    value = latex_text(cell.value)
    if cell.best:
        value = rf"\textbf{{{value}}}"
    return value + (_SYMBOLS[NEAR_MARK] if cell.near else "")


def _broken(head: str) -> str:
    """A heading with its unit on a second line."""
    label, bracket, unit = head.rpartition(" (")
    text = rf"{latex_text(label)} \\ ({latex_text(unit)}" if bracket else latex_text(head)
    return norms_as_symbols(text)


def _text(text: str) -> str:
    """A caption, with its marks as symbols."""
    for mark, symbol in _SYMBOLS.items():
        text = text.replace(mark, f"\0{symbol}\0")
    parts = text.split("\0")
    written = [part if place % 2 else latex_text(part) for place, part in enumerate(parts)]
    return norms_as_symbols("".join(written))
