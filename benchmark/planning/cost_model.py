"""The cost model: how long a probe takes on a model, before it runs.

``seconds = pass_cost x (forward images x seconds per forward image + backward images x seconds per
backward image + calls x seconds per call)``: the times of passes are measured on the model, on its
device with the threads of this process (:mod:`benchmark.planning.pass_times`), the images and calls
are what the probe expects (:meth:`benchmark.probes.Probe.expected_work`), and ``pass_cost`` is the
probe's constant. ``docs/scaling.md`` has the fit and the check on models it was not fitted on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from torch import nn

from benchmark.arguments import Array, device_of
from benchmark.batteries import Battery
from benchmark.data_fit import require_examples
from benchmark.memory import DEFAULT_BATCH_SIZE, default_batch_size
from benchmark.planning.estimates import Estimate
from benchmark.planning.pass_times import SECONDS, pass_times, work_seconds
from benchmark.probes import PROBES
from benchmark.results import Cost
from benchmark.subject import Subject, subject_of


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
    seconds: float = SECONDS,
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
        seconds: about how long passes are timed.
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
    ) as subject:
        if batch_size is None:
            subject.batch_size = default_batch_size(subject.images)
        return _estimates(subject, battery, names, measured or {}, clock, seconds)


def _estimates(
    subject: Subject,
    battery: Battery,
    names: Sequence[str],
    measured: Mapping[str, Cost],
    clock: Callable[[], float],
    seconds: float,
) -> dict[str, Estimate]:
    probes = {name: PROBES[name](battery.probes[name], battery.probes) for name in names}
    reasons = {name: probe.obstacle(subject) for name, probe in probes.items()}
    needed = [name for name in names if reasons[name] is None and name not in measured]
    times = pass_times(subject, clock, seconds) if needed else None
    found = {}
    for name, probe in probes.items():
        reason, known = reasons[name], measured.get(name)
        if reason is not None:
            found[name] = Estimate(name, 0.0, 0, 0, left_out=reason)
        elif known is not None:
            found[name] = Estimate(
                name, known.seconds, known.forwards, known.backwards, from_similar=True
            )
        elif times is not None:
            work = probe.expected_work(subject)
            spent = probe.pass_cost * work_seconds(times, work, probe.forward_share)
            forwards = round(probe.forward_share * work.images)
            found[name] = Estimate(name, spent, forwards, round(work.images) - forwards)
    return found
