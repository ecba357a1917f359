"""BibTeX of the suite and of the methods that scores come from."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from benchmark import headline
from benchmark.probes import PROBES
from benchmark.probes.definition import Source
from leaderboard.formatting.texts import probe_text

TITLE = (
    "nonsingular: a benchmark of robustness to perturbed inputs, weights, both at once and "
    "backdoors"
)
"""The title under which the suite is cited, as in ``CITATION.cff``."""

AUTHORS = "The nonsingular authors"

YEAR = 2026
"""Year of the version's release."""

KEY = "nonsingular"
"""Key of the suite's entry."""


def suite_entry() -> str:
    """The BibTeX entry of the suite, with its version."""
    return (
        f"@misc{{{KEY},\n"  # @software is unknown to the styles of BibTeX
        f"  title = {{{TITLE}}},\n"
        f"  author = {{{{{AUTHORS}}}}},\n"
        f"  year = {{{YEAR}}},\n"
        f"  note = {{Software, version {version('nonsingular')}}},\n"
        "}"
    )


def cited_sources(probe: str) -> list[Source]:
    """The sources of a probe, or of the headline, that have a BibTeX entry.

    Args:
        probe: name of a registered probe, or ``nonsingular``.
    """
    definition = probe_text(probe).definition
    return [] if definition is None else [each for each in definition.sources if each.bibtex]


def citation_keys(probe: str) -> list[str]:
    """Keys of the entries of a probe's sources, without repetition."""
    return list(dict.fromkeys(str(each.key) for each in cited_sources(probe)))


def bibliography(probes: Iterable[str] | None = None) -> str:
    """BibTeX of the suite and of the sources of probes; a comment says who takes what from each.

    Args:
        probes: names of registered probes, or ``nonsingular``; by default all.
    """
    names = [headline.NAME, *PROBES] if probes is None else list(dict.fromkeys(probes))
    entries: dict[str, str] = {}
    uses: dict[str, list[str]] = {}
    for name in names:
        for source in cited_sources(name):
            key = str(source.key)
            entries[key] = str(source.bibtex)
            uses.setdefault(key, []).append(f"% {name}: {source.use}")
    parts = [suite_entry()]
    parts += ["\n".join([*uses[key], entries[key]]) for key in sorted(entries)]
    return "\n\n".join(parts) + "\n"
