"""Documentation that is written from the code, so that the two cannot drift apart."""

from __future__ import annotations

from leaderboard.texts import probe_texts

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
    """The page ``docs/scores.md``: every column of the leaderboard and what it means."""
    lines = [
        "# Scores",
        "",
        "Every score by probe, written from the code by `make docs`. Each comes with its number of",
        "examples `n` and its 95% interval: Wilson's for shares of examples, the normal one for",
        "means, that of order statistics for medians. Budgets, maxima and volumes have none.",
        "",
    ]
    for text in probe_texts().values():
        lines += [f"## {text.title} (`{text.name}`)", "", text.question, ""]
        for name, spec in text.scores.items():
            lines += [
                f"**`{text.name}.{name}`** ({spec.label}; unit: {_UNITS[spec.unit]}; "
                f"{_DIRECTION[spec.higher_is_better]}).",
                spec.description,
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(scores_markdown(), end="")
