"""The headline in one sentence, with the numbers of a battery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.headline.nonsingular import headline_probes
from benchmark.threats import AnyThreat


def headline_sentence(threats: Mapping[str, Sequence[AnyThreat]]) -> str:
    """What an example has to survive to count in non-singular robust accuracy.

    Args:
        threats: those that the scores of a battery's probes are about, by probe, the main one
            first, as :func:`benchmark.batteries.stored_headline_threats` returns them.

    Returns:
        Such as ``right on the clean image, under any change of the image within linf 8/255 and
        under any change of the weights within 0.5% per layer``.
    """
    main = [threats[probe][0] for probe in headline_probes() if threats.get(probe)]
    clauses = ["right on the clean image", *(f"under {threat.clause}" for threat in main)]
    *first, last = clauses
    return f"{', '.join(first)} and {last}" if first else last
