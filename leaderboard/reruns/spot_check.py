"""Running a random part of the stored results again, within a time budget."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from benchmark.datasets import Dataset
from benchmark.evaluation import evaluate
from benchmark.probes import PROBES
from benchmark.results import ProbeResult
from benchmark.threads import computing_with
from leaderboard.reruns.agreement import Reproduction, compare
from leaderboard.reruns.reproduction import battery_of, reproduce, require_same
from leaderboard.store import Entry
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError

MAX_SHARE = 0.25
"""Largest share of the time budget for one result, so that several are run."""

MIN_EXAMPLES = 10
"""Smallest part of a result's examples that is worth a run."""


@dataclass(frozen=True)
class SpotCheck:
    """One stored result that was chosen.

    Attributes:
        entry: the model on a battery, data and seed.
        probe: the probe.
        examples: number of examples that were run again, of :attr:`total`.
        total: number of examples of the result.
        found: how the rerun compares; ``None`` if it was not run.
        reason: why it was not run; empty if it was.
    """

    entry: Entry
    probe: str
    examples: int
    total: int
    found: Reproduction | None = None
    reason: str = ""


def spot_checks(
    entries: Sequence[Entry],
    model_of: Callable[[Entry], Classifier],
    data_of: Callable[[Entry], Dataset],
    *,
    seconds: float,
    seed: int,
    device: str | None = None,
) -> Iterator[SpotCheck]:
    """Run results again in random order, until the time is used up.

    A result that would take more than a quarter of the time is run on a random part of its
    examples, if the outcomes of an example do not depend on the others
    (:attr:`benchmark.probes.Probe.example_wise`), and is not run otherwise.

    Args:
        entries: stored results.
        model_of: loads the model of an entry.
        data_of: loads its examples.
        seconds: the time budget.
        seed: of the choice.
        device: where to compute; by default where each result was computed.
    """
    rng = random.Random(seed)  # noqa: S311  # a choice that can be repeated
    pairs = [(entry, probe) for entry in entries for probe in entry.results]
    pairs = [(e, p) for e, p in pairs if e.results[p].left_out is None]
    rng.shuffle(pairs)
    end, pace = time.monotonic() + seconds, 1.0
    for entry, probe in pairs:
        total = entry.provenance.examples
        share = min(MAX_SHARE * seconds, end - time.monotonic())
        if share <= 0:
            return
        expected = pace * entry.results[probe].cost.seconds
        count = total if expected <= share else int(total * share / expected)
        partial = probe in PROBES and PROBES[probe].example_wise
        if count < (min(MIN_EXAMPLES, total) if partial else total):
            yield SpotCheck(entry, probe, 0, total, reason="it would take too long")
            continue
        chosen = sorted(rng.sample(range(total), count))
        try:
            model, data = model_of(entry), data_of(entry)
            started = time.monotonic()
            found = _run(entry, probe, model, data, chosen, device)
        except InputError as error:
            yield SpotCheck(entry, probe, 0, total, reason=str(error))
            continue
        spent = time.monotonic() - started
        if expected > 1:
            pace = max(0.1, pace * spent / (expected * count / total))
        yield SpotCheck(entry, probe, count, total, found)


def _run(
    entry: Entry,
    probe: str,
    model: Classifier,
    data: Dataset,
    chosen: Sequence[int],
    device: str | None,
) -> Reproduction:
    if len(chosen) == len(data):
        (found,) = reproduce(entry, model, data, [probe], device=device)
        return found
    require_same(entry, model, data)
    then = entry.provenances[probe]
    places = torch.tensor(chosen)
    with computing_with(then.threads):
        report = evaluate(
            model,
            data.images[places],
            data.labels[places],
            battery_of(entry),
            [probe],
            seed=then.seed,
            device=device or then.device,
            own_data=True,
        )
    stored = _outcomes_alone(entry.as_measured(probe), chosen)
    again = _outcomes_alone(report.results[probe])
    return compare(stored, again, then, report.provenance)


def _outcomes_alone(result: ProbeResult, chosen: Sequence[int] | None = None) -> ProbeResult:
    """A result without scores, which are about all examples, on some of the examples."""
    outcomes = {
        name: bits if chosen is None else bits[list(chosen)]
        for name, bits in result.outcomes.items()
    }
    return ProbeResult(probe=result.probe, scores={}, outcomes=outcomes)
