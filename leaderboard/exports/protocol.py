"""The protocol of a battery as a paragraph for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from benchmark import headline
from benchmark.batteries import Battery, frozen_batteries, stored_headline_threats
from benchmark.headline import headline_probes
from benchmark.interval_kinds import INTERVALS, OVER_DRAWS
from benchmark.probes import PROBES
from benchmark.threats import AnyThreat, labels
from leaderboard.exports.bibliography import KEY, citation_keys
from leaderboard.exports.latex import latex_text, norms_as_symbols
from leaderboard.formatting.texts import probe_text
from models_zoo.text_sets import TEXT_SETS

HASH_DIGITS = 12
"""Digits of the battery's hash in the paragraph, enough to tell batteries apart."""


def protocol_paragraph(battery: Battery, examples: int | None = None) -> str:
    """The protocol of a battery in one paragraph of LaTeX, with the keys of ``bibliography``.

    Every number is the battery's own. References that run on request are left out.

    Args:
        battery: the battery.
        examples: number of test images that were evaluated; by default the battery's.
    """
    threats = stored_headline_threats(battery.model_dump(mode="json"))
    frozen = frozen_batteries().get(battery.sha256)
    count = battery.examples if examples is None else examples
    noun = "text" if battery.dataset in TEXT_SETS else "image"
    inputs = "as token ids" if noun == "text" else "with pixels in [0, 1]"
    images = f"all test {noun}s" if count is None else _first(count, noun)
    own = "" if frozen else ", which is not one of the suite's own batteries"
    sentences = [
        _cited(
            f"Models are evaluated with nonsingular {version('nonsingular')} and its battery "
            f"{battery.name} (SHA-256 {battery.sha256[:HASH_DIGITS]}{own}) on {images} of "
            f"{battery.dataset} {inputs}.",
            [KEY],
        ),
    ]
    if set(headline_probes()) <= set(battery.probes):
        sentences += _headline(threats)
    first = [name for name in headline_probes() if name in battery.probes]
    names = [*first, *(name for name in battery.default if name not in first)]
    sentences += [_method(name, threats) for name in names]
    perturbed = frozenset[str]().union(*(PROBES[name].perturbs for name in names))
    if perturbed:
        sentences.append(
            "Attacks are counted only where the perturbed example was measured to lie inside its "
            "set and was classified again, so that robust accuracies are upper bounds."
        )
    if "weights" in perturbed:
        sentences.append("Radii called relative are shares of the norm of each weight tensor.")
    sentences.append(_intervals(names, noun))
    return " ".join(filter(None, sentences))


def _intervals(names: Sequence[str], noun: str) -> str:
    """What the intervals are over: examples, or random draws where all of a probe's are."""
    repeated = [name for name in names if _is_repeated(name)]
    if not repeated:
        return f"Intervals are 95\\% intervals over test {noun}s."
    if len(repeated) == len(names):
        return "Intervals are 95\\% intervals over repetitions with other random draws."
    titles = ", ".join(probe_text(name).title.lower() for name in repeated)
    return (
        f"Intervals are 95\\% intervals over test {noun}s, and of {titles} over repetitions with "
        "other random draws."
    )


def _is_repeated(name: str) -> bool:
    kinds = {spec.interval for spec in PROBES[name].scores.values()} & INTERVALS.keys()
    return bool(kinds) and kinds <= OVER_DRAWS


def _first(count: int, noun: str) -> str:
    return f"the first {count:,} test {noun}s" if count > 1 else f"the first test {noun}"


def _headline(threats: dict[str, list[AnyThreat]]) -> list[str]:
    definition = headline.definition()
    parts = []
    for name in headline_probes():
        # The first threat of a probe is the one its headline outcome is about.
        at = f" ({threats[name][0].label})" if threats.get(name) else ""
        parts.append(f"{probe_text(name).title.lower()}{at}")
    text = definition.method.strip().format(parts=", ".join(parts))
    return [_cited(text, citation_keys(headline.NAME))]


def _method(name: str, threats: dict[str, list[AnyThreat]]) -> str:
    definition = probe_text(name).definition
    if definition is None:
        return ""
    method = definition.method.strip()
    if not method:
        return _cited(f"{probe_text(name).title} is measured as well.", citation_keys(name))
    return _cited(method.format(threats=_listed(threats.get(name, []))), citation_keys(name))


def _listed(threats: list[AnyThreat]) -> str:
    return labels(threats) or "no budget"


def _cited(sentence: str, keys: list[str]) -> str:
    """A sentence as LaTeX, with its citations before the full stop."""
    text = norms_as_symbols(latex_text(sentence.removesuffix(".")))
    return f"{text}~\\cite{{{','.join(keys)}}}." if keys else f"{text}."
