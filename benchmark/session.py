"""A model that is prepared for the probes of a battery, which share what they compute alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from benchmark.applicability import applicable
from benchmark.arguments import Array
from benchmark.batteries import Battery
from benchmark.data_fit import require_classes, require_examples, require_trained_for
from benchmark.memory import DEFAULT_BATCH_SIZE, default_batch_size, halved, out_of_memory
from benchmark.probes import PROBES, Probe
from benchmark.probes.divisible import ask_shard
from benchmark.progress import Meter, Step, plans_of
from benchmark.provenance import provenance_of
from benchmark.results import Cost, ProbeResult, Provenance
from benchmark.shards import Shard, ShardResult
from benchmark.subject import Progress, Subject, subject_of
from models_zoo.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """A model that is prepared for the probes of a battery, one after the other.

    Probes share what they compute alike, such as the attack in a ball that two of them need.

    Attributes:
        subject: the model and the examples.
        battery: the battery.
        provenance: of the results.
    """

    subject: Subject
    battery: Battery
    provenance: Provenance

    def run(
        self,
        name: str,
        *,
        note: Callable[[str], None] | None = None,
        on_step: Callable[[Step], None] | None = None,
        cost: Cost | None = None,
    ) -> ProbeResult:
        """Run a probe; its scores are those that :func:`evaluate` gives.

        Args:
            name: name of the probe.
            note: called with a line for the user when memory ran out.
            on_step: called with the share of the probe's work that is done, as by :func:`evaluate`.
            cost: what it cost on a similar model; makes these shares more precise.

        Returns:
            The result. A probe that does not apply is left out, with the reason.

        Raises:
            InputError: as :func:`evaluate`.
        """
        subject = self.subject
        asked = applicable(subject, self.battery, [name])
        probe, reason = asked[name]
        costs = {} if cost is None else {name: cost}
        with meter_of(subject, self.battery, asked, {}, on_step, costs) as meter:
            meter.begin(name)
            result = result_of(probe, reason, subject, note or subject.progress)
            subject.require_unchanged()
            meter.end()
        return result

    def run_shard(
        self,
        name: str,
        shard: Shard,
        *,
        note: Callable[[str], None] | None = None,
        on_step: Callable[[Step], None] | None = None,
        cost: Cost | None = None,
    ) -> ShardResult:
        """Run a probe on a shard of the examples.

        Args:
            name: name of a :class:`benchmark.probes.divisible.Divisible` probe.
            shard: the shard.
            note: as in :meth:`run`, like the following.
            on_step: called with the share of the shard's work that is done.
            cost: what such a shard cost on a similar model.

        Returns:
            What was found, for :func:`benchmark.probes.divisible.join_shards`.

        Raises:
            InputError: as :func:`evaluate`, or the probe does not apply.
        """
        asked = applicable(self.subject, self.battery, [name])
        probe, reason = asked[name]
        if reason is not None:
            raise InputError(f"{probe.title} does not apply, so it has no shards: {reason}")
        rows = torch.tensor(shard.rows(len(self.subject)), device=self.subject.images.device)
        some = self.subject.take(rows)
        costs = {} if cost is None else {name: cost}
        with meter_of(some, self.battery, asked, {}, on_step, costs) as meter:
            meter.begin(name)
            found = _patiently(
                lambda: ask_shard(probe, some, shard), probe, some, note or some.progress
            )
            some.require_unchanged()
            meter.end()
        return found


@contextmanager
def session_of(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    battery: Battery,
    *,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    own_data: bool = False,
) -> Iterator[Session]:
    """Prepare a model for the probes of a battery, and restore it exactly afterwards.

    The arguments are those of :func:`evaluate`.

    Raises:
        InputError: as :func:`evaluate`.
    """
    if not own_data:
        require_trained_for(battery, model)
    with opened(
        *(model, images, labels, battery),
        seed=seed,
        device=device,
        batch_size=batch_size,
        own_data=own_data,
    ) as subject:
        yield Session(subject, battery, provenance_for(subject, battery, device))


@contextmanager
def opened(
    model: nn.Module,
    images: Array,
    labels: Array,
    battery: Battery,
    *,
    seed: int,
    device: str,
    batch_size: int | None,
    own_data: bool,
    progress: Progress | None = None,
) -> Iterator[Subject]:
    """The subject of an evaluation with a battery, after its examples and classes are checked."""
    with subject_of(
        model,
        images,
        labels,
        seed=seed,
        device=device,
        batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
        progress=progress,
        check=partial(require_examples, battery, own_data=own_data),
        texts=True,
    ) as subject:
        if not own_data:
            require_classes(battery, subject.classes)
        if batch_size is None:
            subject.batch_size = default_batch_size(subject.images)
        yield subject


def result_of(
    probe: Probe[Any], reason: str | None, subject: Subject, note: Callable[[str], None]
) -> ProbeResult:
    """The result of a probe, or why it is left out."""
    if reason is not None:
        return probe.left_out(reason)
    return _patiently(lambda: probe(subject), probe, subject, note)


def _patiently(
    ask: Callable[[], T], probe: Probe[Any], subject: Subject, note: Callable[[str], None]
) -> T:
    """What a probe finds; in batches of half the size whenever memory runs out.

    The size of batches changes scores by rounding at most.
    """
    while True:
        try:
            return ask()
        except (RuntimeError, MemoryError) as error:
            if subject.batch_size == 1 or not out_of_memory(error):
                raise
        # Only here is what the traceback referred to free again.
        subject.batch_size = halved(subject.batch_size, len(subject), subject.images.device)
        note(f"memory ran out; {probe.title} begins again in batches of {subject.batch_size:,}")


def meter_of(
    subject: Subject,
    battery: Battery,
    asked: Mapping[str, tuple[Probe[Any], str | None]],
    results: Mapping[str, ProbeResult],
    on_step: Callable[[Step], None] | None,
    costs: Mapping[str, Cost],
) -> Meter:
    """The meter of the work of all requested probes; ``results`` are those that are known."""
    if on_step is None:
        return Meter(subject.passes, {}, {}, None)
    probes = {name: PROBES[name](battery.probes[name], battery.probes) for name in results}
    probes |= {name: probe for name, (probe, reason) in asked.items() if reason is None}
    known = {name: result.cost for name, result in results.items()}
    return Meter(subject.passes, plans_of(subject, probes, costs), known, on_step)


def provenance_for(subject: Subject, battery: Battery, device: str) -> Provenance:
    """The provenance of results on a subject."""
    return provenance_of(
        subject.model, subject.images, subject.labels, battery, subject.seed, device
    )
