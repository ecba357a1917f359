"""Pages from templates, with every text escaped."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from leaderboard.board.cell_texts import RANK_MEANING
from leaderboard.board.rows import profile_words
from leaderboard.formatting.texts import (
    ABSENT,
    SHOWN_UNITS,
    interval_meaning,
    plain,
    probe_text,
    size,
)
from leaderboard.formatting.web_links import web_link
from leaderboard.pages.findings import prose
from leaderboard.pages.formulas import mathml
from leaderboard.pages.score_rows import (
    cost_rows,
    direction,
    flag_rows,
    score_cells,
    score_rows,
    terms,
)
from leaderboard.store.seeds import seed_text


def render_page(template: str, root: str, **values: Any) -> str:
    """One page from its template; ``root`` leads from it to the top of the site."""
    given: dict[str, Any] = {"links": ()} | values
    return environment().get_template(template).render(root=root, **given)


@cache
def environment() -> Environment:
    """The templates with their filters; texts are escaped, and a missing value is an error."""
    made = Environment(
        loader=PackageLoader("leaderboard.pages"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "direction": direction,
        "interval_meaning": interval_meaning,
        "mathml": mathml,
        "cost_rows": cost_rows,
        "flag_rows": flag_rows,
        "plain": plain,
        "profile_words": profile_words,
        "prose": prose,
        "score_cells": score_cells,
        "score_rows": score_rows,
        "seed_text": seed_text,
        "size": size,
        "terms": terms,
        "web_link": web_link,
    }
    made.globals |= {
        "absent": ABSENT,
        "verification_labels": {
            "measured": "measured",
            "imported": "measured elsewhere, imported",
            "rerun": "measured, run again by others",
            "rerun-differs": "run again by others, differs",
            "self-reported": "self-reported",
        },
        "probe_text": probe_text,
        "rank_meaning": RANK_MEANING,
        "units": SHOWN_UNITS,
        "version": importlib.metadata.version("nonsingular"),
    }
    return made
