"""Documentation that is generated from the code."""

from __future__ import annotations

from benchmark.probes import PROBES
from benchmark.probes.definition import Definition
from leaderboard.formatting.texts import probe_texts
from leaderboard.terminal.output import say

_UNITS = {
    "share": "share of examples, shown in percent",
    "nats": "nats",
    "radius": "radius, in the unit of the battery's ball",
    "loss": "loss",
    "count": "count",
    "": "none",
}
_DIRECTION = {True: "higher is better", False: "lower is better", None: "neither end is better"}


def scores_markdown() -> str:
    """The page ``docs/scores.md``: every score and its meaning."""
    lines = [
        "# Scores",
        "",
        "Every score by probe, written from the code by `make docs`. Each comes with its number of",
        "examples `n` and its 95% interval: Wilson's for shares of examples, Student's for",
        "means, that of order statistics for medians. Budgets, maxima and volumes have none.",
        "",
        "In the formulas `z` are the logits, `p` their softmax, `y` the label, `w` the weights and",
        "`v` their displacement, one for all examples. Minima and maxima are over what the search",
        "found. [probes](probes) has a page for each with its algorithm and limits.",
        "",
    ]
    for text in probe_texts().values():
        lines += [f"## {text.title} (`{text.name}`)", "", text.question, ""]
        if text.definition:
            lines += _defined(text.definition)
        for name, spec in text.scores.items():
            lines += [
                f"**`{text.name}.{name}`** ({spec.label}; unit: {_UNITS[spec.unit]}; "
                f"{_DIRECTION[spec.higher_is_better]}).",
                spec.description,
                "",
            ]
        lines += _in_other_norms(text.name)
    return "\n".join(lines).rstrip() + "\n"


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


if __name__ == "__main__":
    say(scores_markdown(), end="")
