"""The cost model: how long a probe takes on a model, before it runs.

``seconds = step_cost x sum over kinds of passes (images x seconds per image + calls x seconds per
call)``. The kinds are steps of ascents over images, steps over weights and forward passes. Their
times are measured on the model, on its device with the threads of this process
(:mod:`benchmark.planning.step_times`). How many there are is what the probe expects
(:meth:`benchmark.probes.Probe.expected_steps`), from its settings, the number of examples and rough
distances of some of them to the decision boundary (:mod:`benchmark.attacks.inputs.pilot`).
``step_cost`` is the probe's constant. What a probe does besides, such as corrupting images, is
timed on some examples (:meth:`benchmark.probes.Probe.seconds_besides`). ``docs/scaling.md`` has the
fit, and the check on models that it was not fitted on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import torch
from torch import nn

from benchmark.applicability import applicable
from benchmark.arguments import Array, device_of
from benchmark.attacks.inputs.pilot import DESCENTS, Pilot
from benchmark.batteries import Battery
from benchmark.data_fit import require_examples
from benchmark.memory import DEFAULT_BATCH_SIZE, default_batch_size
from benchmark.planning.estimates import Estimate
from benchmark.planning.step_times import SECONDS, Line, StepTimes
from benchmark.probes import PROBES
from benchmark.probes.probe import Probe
from benchmark.requirements import missing_image_gradients
from benchmark.results import Cost
from benchmark.subject import Subject, subject_of
from benchmark.work import Steps
from models_zoo.classifier import Classifier

MIN_TRIED = 16
"""Least number of examples whose distances are estimated, if there are as many: of fewer, the share
that is close to a budget says little."""


def estimate(
    model: nn.Module,
    images: Array,
    labels: Array,
    battery: Battery,
    probes: Sequence[str] | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    own_data: bool = False,
    measured: Mapping[str, Cost] | None = None,
    alone: bool = False,
    seconds: float = SECONDS,
    tries: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Estimate]:
    """What the probes of a battery are expected to cost on a model.

    No score is computed. The arguments are those of :func:`benchmark.evaluate`.

    Args:
        model: from images (N, C, H, W) in [0, 1] to logits (N, classes).
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        battery: the battery.
        probes: names of its probes; by default all that are not references.
        seed: root of every random draw.
        device: such as ``"cpu"`` or ``"cuda"``.
        batch_size: images passed through the model at once; by default
            :func:`benchmark.memory.default_batch_size`.
        own_data: whether the examples may be unlike those of the battery's data set.
        measured: by probe, what it cost on similar models with about as many examples, which takes
            precedence.
        alone: whether each probe runs by itself, so that it repeats what it would otherwise take
            over from others.
        seconds: about how long steps are timed.
        tries: whether to try how robust the model is, for as long again; without, estimates do not
            depend on it.
        clock: the time, in seconds.

    Returns:
        One estimate per probe, in their order.

    Raises:
        InputError: images, labels and model that do not fit together, or an unknown probe.
    """
    names = battery.select(list(probes) if probes is not None else None)
    with subject_of(
        model,
        images,
        labels,
        seed=seed,
        device=str(device_of(device)),
        batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
        check=partial(require_examples, battery, own_data=own_data),
        texts=True,
    ) as subject:
        if batch_size is None:
            subject.batch_size = default_batch_size(subject.images)
        return estimate_on(
            subject,
            battery,
            names,
            measured=measured,
            alone=alone,
            seconds=seconds,
            tries=tries,
            clock=clock,
        )


def estimate_on(
    subject: Subject,
    battery: Battery,
    names: Sequence[str],
    *,
    measured: Mapping[str, Cost] | None = None,
    alone: bool = False,
    seconds: float = SECONDS,
    tries: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Estimate]:
    """As :func:`estimate`, on a model that is prepared already.

    Args:
        subject: model and examples.
        battery: the battery.
        names: of its probes.
        measured: as for :func:`estimate`, like the following.
        alone: whether each probe runs by itself.
        seconds: about how long steps are timed.
        tries: whether to try how robust the model is.
        clock: the time, in seconds.

    Raises:
        InputError: as :func:`benchmark.applicability.applicable`.
    """
    asked = applicable(subject, battery, names)
    known = measured or {}
    found = {}
    costs: _Costs | None = None
    for name, (probe, reason) in asked.items():
        cost = known.get(name)
        if reason is not None:
            found[name] = Estimate(name, 0.0, 0, 0, left_out=reason)
        elif cost is not None:
            passes = cost.seconds, cost.forwards, cost.backwards
            found[name] = Estimate(name, *passes, from_similar=True)
        elif probe.takes_methods:
            found[name] = _of_training(probe, subject, clock)
        else:
            costs = costs or _Costs(subject, seconds, tries, clock)
            others = [] if alone else [each for each in names if asked[each][1] is None]
            found[name] = costs.of(probe, others)
    return found


def _of_training(probe: Probe[Any], subject: Subject, clock: Callable[[], float]) -> Estimate:
    """The estimate for a probe that trains: half of its passes are backward."""
    passes = round(probe.expected_work(subject).images / 2)
    return Estimate(probe.name, probe.expected_seconds(subject, clock), passes, passes)


class _Costs:
    """What probes cost on a subject, from measured times of its passes."""

    def __init__(
        self, subject: Subject, seconds: float, tries: bool, clock: Callable[[], float]
    ) -> None:
        self._subject, self._seconds, self._clock = subject, seconds, clock
        self._times, self._tries = StepTimes(subject, clock, seconds), tries

    @cached_property
    def _pilot(self) -> Pilot | None:
        if not self._tries or missing_image_gradients(self._subject):
            return None
        return Pilot(self._tried)

    def of(self, probe: Probe[Any], others: Sequence[str]) -> Estimate:
        """The estimate for a probe; what it takes over from others is not part of it."""
        steps = [probe.expected_steps(self._subject, self._pilot)]
        surrogates = probe.surrogates(self._subject)
        each = self._seconds / max(len(surrogates), 1)
        lines = [self._line_of(one, each) for one in surrogates]
        seconds = probe.step_cost * seconds_of(steps[0], self._times, lines)
        seconds += probe.seconds_besides(self._subject, self._clock)
        taken_over = {}
        for part in probe.taken_over(self._subject, self._pilot):
            further = PROBES[part.probe].step_cost * seconds_of(part.steps, self._times)
            if part.probe in others:
                taken_over[part.probe] = further
            else:  # it runs by itself
                steps.append(part.steps)
                seconds += further
        return Estimate(
            probe.name,
            seconds,
            round(sum(each.forwards for each in steps)),
            round(sum(each.backwards for each in steps)),
            taken_over=taken_over,
        )

    def _tried(self) -> Subject:
        """As many examples as can be tried in the time, of those in one batch."""
        subject, line = self._subject, self._times.images
        steps = 2 * sum(descent.steps for descent in DESCENTS)  # in balls of two norms
        fitting = (self._seconds / steps - line.call) / max(line.image, 1e-9)
        return subject.head(max(MIN_TRIED, min(int(fitting), subject.batch_size)))

    def _line_of(self, surrogate: Subject, seconds: float) -> Line:
        """Time of a surrogate's steps over images, which is the same for all models of a plan."""
        model = surrogate.model
        device, threads = str(surrogate.images.device), torch.get_num_threads()
        name = model.fingerprint if isinstance(model, Classifier) else str(id(model))
        key = name, len(surrogate), surrogate.batch_size, device, threads
        if key not in _SURROGATES:
            _SURROGATES[key] = StepTimes(surrogate, self._clock, seconds).images
        return _SURROGATES[key]


_SURROGATES: dict[tuple[object, ...], Line] = {}


def seconds_of(steps: Steps, times: StepTimes, surrogates: Sequence[Line] = ()) -> float:
    """Time of some work.

    Args:
        steps: the work by kind.
        times: of the model.
        surrogates: times of steps over images of other models, over which these are spread.
    """
    seconds = 0.0
    if steps.images.images:
        lines = [times.images, *surrogates]
        seconds += sum(line.seconds(steps.images) for line in lines) / len(lines)
    if steps.weights.images:
        seconds += times.weights.seconds(steps.weights)
    if steps.forward.images:
        seconds += times.forward.seconds(steps.forward)
    return seconds
