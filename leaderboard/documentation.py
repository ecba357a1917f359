"""Documentation that is generated from the code.

``python -m leaderboard.documentation FOLDER`` writes ``scores.md`` into a folder of documentation,
and what comes from the code into other pages, see :func:`with_blocks`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from benchmark import headline
from benchmark.batteries import battery_histories, list_batteries, load_battery
from benchmark.corruptions import CORRUPTIONS, VALIDATION
from benchmark.probes import PROBES
from benchmark.probes.definition import Definition
from benchmark.results import ScoreSpec
from leaderboard.cli import app
from leaderboard.commands.reference import commands_markdown, common_options_table
from leaderboard.exports.protocol import HASH_DIGITS, protocol_paragraph
from leaderboard.formatting.texts import ProbeText, interval_meaning, plain, probe_text
from leaderboard.submissions.checks.file_checks import FILE_CHECKS
from leaderboard.submissions.checks.model_checks import MODEL_CHECKS
from leaderboard.terminal.output import say
from models_zoo.errors import InputError, unknown_name

UNITS = {
    "share": "share of examples, shown in percent",
    "nats": "nats",
    "radius": "radius, in the unit of the battery's ball",
    "loss": "loss",
    "count": "count",
    "": "none",
}
"""Units of scores in words."""

SEVERITIES = {"refused": "refused", "warning": "a warning", "note": "a note"}
"""What follows from a finding, in words."""

_DIRECTION = {True: "higher is better", False: "lower is better", None: "neither end is better"}

_INTRODUCTION = """\
# Scores

Questions, formulas, settings and scores of every probe, written from the code by `make docs`. Each
score comes with its number of examples `n` and, where there is one, its 95% interval;
[method](method.md#statistics) has the formulas and how often each covers the truth.

In the formulas `z` are the logits, `p` their softmax, `y` the label, `w` the weights and
`v` their displacement, one for all examples. Minima and maxima are over what the search
found. [probes](probes) has a page for each probe with its algorithm and limits.
"""


def scores_markdown() -> str:
    """The page ``docs/scores.md``: every probe with its settings and scores."""
    sections = [probe_markdown(name) for name in (headline.NAME, *PROBES)]
    return "\n".join([_INTRODUCTION, *sections])


def probe_markdown(name: str) -> str:
    """Question, formulas, sources, settings and scores of a probe, as a section of a page.

    Args:
        name: of any registered probe, or of the derived headline.

    Raises:
        InputError: there is no such probe.
    """
    text = _known(name)
    lines = [f"## {text.title} (`{text.name}`)", "", text.question, ""]
    if text.definition is not None:
        lines += _defined(text.definition)
    if name in PROBES and PROBES[name].Settings.model_fields:
        lines += [settings_table(name), ""]
    for score, spec in text.scores.items():
        lines += [
            f"**`{text.name}.{score}`** ({spec.label}; unit: {UNITS[spec.unit]}; "
            f"{_DIRECTION[spec.higher_is_better]}).",
            f"{spec.description} {interval_meaning(spec)}".rstrip(),
            "",
        ]
    lines += _in_other_norms(name)
    return "\n".join(lines).rstrip() + "\n"


def settings_table(name: str) -> str:
    """The settings of a probe with their defaults and meanings, as a table.

    Args:
        name: of any registered probe.

    Raises:
        InputError: there is no such probe.
    """
    _known(name)
    settings = PROBES[name].Settings
    if not settings.model_fields:
        return "There are no settings."
    meanings = settings.meanings()
    rows = [
        (f"`{setting}`", _default(field), _sentence(meanings.get(setting, "")) + _choices(field))
        for setting, field in settings.model_fields.items()
    ]
    return _table(("setting", "default", "meaning"), rows)


def scores_table(name: str) -> str:
    """The scores of a probe with their units and descriptions, as a table.

    Args:
        name: of any registered probe, or of the derived headline.

    Raises:
        InputError: there is no such probe.
    """
    rows = [
        (f"`{score}`", _unit(spec), _DIRECTION[spec.higher_is_better], spec.description)
        for score, spec in _known(name).scores.items()
    ]
    return _table(("score", "unit", "direction", "meaning"), rows)


BLOCKS = {"settings": settings_table, "scores": scores_table}
"""Tables in the page of a probe, by the name of their block."""


def with_tables(page: str, name: str) -> str:
    """The page of a probe with its tables up to date.

    The table of settings is between the lines ``<!-- settings: written by make docs -->`` and
    ``<!-- end of settings -->``, and that of scores between the same lines for ``scores``.

    Args:
        page: text of the page.
        name: of the probe.

    Raises:
        InputError: there is no such probe, or the page lacks the lines around a table.
    """
    return with_blocks(page, {block: table(name) for block, table in BLOCKS.items()})


def with_blocks(page: str, blocks: Mapping[str, str]) -> str:
    """A page with the parts of it that come from the code up to date.

    A part is between the lines ``<!-- NAME: written by make docs -->`` and
    ``<!-- end of NAME -->``.

    Args:
        page: text of the page.
        blocks: texts of its parts by name.

    Raises:
        InputError: the page lacks the lines around a part.
    """
    for block, text in blocks.items():
        first, last = f"<!-- {block}: written by make docs -->", f"<!-- end of {block} -->"
        before, begun, rest = page.partition(first + "\n")
        _, ended, after = rest.partition(last)
        if not (begun and ended):
            raise InputError(f"a page of the documentation lacks the lines {first!r} and {last!r}")
        page = f"{before}{first}\n{text}\n{last}{after}"
    return page


def page_blocks() -> dict[str, dict[str, str]]:
    """Parts of pages that come from the code, by the name of the page and of the part."""
    return {
        "commands.md": {
            "common options": common_options_table(app),
            "commands": commands_markdown(app),
        },
        "batteries.md": {"changelog": battery_changelog()},
        "submitting.md": {"findings": findings_markdown()},
        "probes/corruptions.md": {"kinds of corruption": corruptions_table()},
        "reporting.md": {f"protocol of {name}": protocol_block(name) for name in list_batteries()},
    }


def corruptions_table() -> str:
    """Every corruption with its definition and constants."""
    rows = [
        (
            f"`{name}`",
            each.family + ("" if name in CORRUPTIONS else ", for validation"),
            each.description,
            f"{each.constants}: {'; '.join(map(_constants, each.levels))}",
        )
        for name, each in (CORRUPTIONS | VALIDATION).items()
    ]
    return _table(("corruption", "family", "what it does", "constants, severity 1 to 5"), rows)


def _constants(level: object) -> str:
    numbers = level if isinstance(level, tuple) else (level,)
    shown = ("yes" if each is True else "no" if each is False else f"{each:g}" for each in numbers)
    return " ".join(shown)


def findings_markdown() -> str:
    """A section per check of a submission, whose heading is the id of its findings."""
    sections = [
        f"### {check.id}\n\n**{check.title}** ({SEVERITIES[check.severity]}). {check.meaning}\n\n"
        f"Fix: {check.fix}"
        for check in (*FILE_CHECKS, *MODEL_CHECKS)
    ]
    return "\n".join(["", "\n\n".join(sections), ""])


def battery_changelog() -> str:
    """Every frozen content of the bundled batteries, newest first, as a table."""
    current = {load_battery(name).sha256 for name in list_batteries()}
    frozen = [
        (history, each)
        for history, all_of_one in battery_histories().items()
        for each in reversed(all_of_one)
    ]
    rows = [
        (
            f"`{name}`",
            each.date.isoformat(),
            f"`{each.sha256[:HASH_DIGITS]}`" + (" (current)" if each.sha256 in current else ""),
            each.note,
        )
        for name, each in frozen
    ]
    return _table(("battery", "frozen", "SHA-256", "what it is, and what changed"), rows)


def protocol_block(battery: str) -> str:
    """The protocol of a bundled battery as a block of LaTeX.

    Args:
        battery: its name.
    """
    return f"```latex\n{protocol_paragraph(load_battery(battery))}\n```"


def probe_page(docs: Path, name: str) -> Path:
    """Where the page of a probe is; a probe of another package may have none."""
    return docs / "probes" / f"{name}.md"


def write_documentation(docs: Path) -> list[Path]:
    """Write the pages that come from the code, and the tables of others; returns the files written.

    Args:
        docs: folder of the documentation.

    Raises:
        InputError: a page lacks the lines around a table.
    """
    contents = {docs / "scores.md": scores_markdown()}
    for name, blocks in page_blocks().items():
        page = docs / name
        contents[page] = with_blocks(page.read_text("utf-8"), blocks)
    for name in PROBES:
        if (page := probe_page(docs, name)).is_file():
            text = contents.get(page) or page.read_text("utf-8")
            contents[page] = with_tables(text, name)
    for path, content in contents.items():
        path.write_text(content, "utf-8")
    return list(contents)


def _known(name: str) -> ProbeText:
    if name not in (headline.NAME, *PROBES):
        raise unknown_name("probe", name, [headline.NAME, *PROBES])
    return probe_text(name)


def _in_other_norms(probe: str) -> list[str]:
    """Meaning of scores in batteries whose headline is in another norm."""
    lines: list[str] = []
    for norm, scores in PROBES[probe].scores_by_norm.items() if probe in PROBES else ():
        for name, spec in scores.items():
            lines += [
                f"**`{probe}.{name}`** in batteries with the headline norm {norm} ({spec.label}).",
                spec.description,
                "",
            ]
    return lines


def _defined(definition: Definition) -> list[str]:
    lines: list[str] = []
    for formula in definition.formulas:
        lines += [f"{formula.gives}:", "", f"    {formula.text}", ""]
    lines += [f"- [{source.text}]({source.url}): {source.use}." for source in definition.sources]
    return [*lines, ""]


def _default(field: FieldInfo) -> str:
    """The default of a setting as text."""
    if field.is_required():
        return "required"
    return plain(field.get_default(call_default_factory=True))


def _choices(field: FieldInfo) -> str:
    """The values of a setting that has a fixed set of them, as a sentence."""
    annotation: Any = field.annotation
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = [each for each in get_args(annotation) if each is not NoneType][:1]
    if get_origin(annotation) is not Literal:
        return ""
    return " One of " + ", ".join(f"`{value}`" for value in get_args(annotation)) + "."


def _sentence(text: str) -> str:
    return text if text.endswith(".") else text + "."


def _unit(spec: ScoreSpec) -> str:
    return spec.unit or "none"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


if __name__ == "__main__":
    for path in write_documentation(Path(sys.argv[1])):
        say(str(path))
