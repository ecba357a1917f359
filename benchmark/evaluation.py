"""Evaluating a model with a battery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.arguments import Array, device_of
from benchmark.batteries import Battery, load_battery
from benchmark.memory import DEFAULT_BATCH_SIZE, default_batch_size
from benchmark.probes import PROBES, Probe
from benchmark.progress import Meter, Step, plans_of
from benchmark.provenance import provenance_of
from benchmark.report import Report
from benchmark.results import Cost, ProbeResult, Provenance
from benchmark.subject import Progress, Subject, subject_of
from models_zoo.errors import InputError, shown

SHARED_FIELDS = {
    "fingerprint": "model",
    "data_sha256": "set of examples",
    "battery_sha256": "battery",
    "seed": "seed",
}
"""Fields of the provenance that known results must share with the evaluation, with their names in
messages."""


def evaluate(
    model: nn.Module,
    images: Array,
    labels: Array,
    battery: str | Path | Battery,
    probes: Sequence[str] | str | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    known: Mapping[str, ProbeResult] | Report | None = None,
    on_result: Callable[[Provenance, ProbeResult], None] | None = None,
    progress: Progress | None = None,
    on_step: Callable[[Step], None] | None = None,
    costs: Mapping[str, Cost] | None = None,
) -> Report:
    """Run the probes of a battery on a model.

    The model is evaluated in eval mode and restored afterwards. The same call on the same machine
    gives the same scores, whatever the order of the probes.

    Args:
        model: from images (N, C, H, W) in [0, 1] to logits (N, classes).
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        battery: a battery, its name, or the path of a file with one, which ends in ``.toml``.
        probes: which of its probes to run; by default all that are not references.
        seed: root of every random draw.
        device: such as ``"cpu"``, ``"cuda"`` or ``"auto"``.
        batch_size: images passed through the model at once, which bounds memory; by default
            :func:`benchmark.memory.default_batch_size`.
        known: earlier results of the same model, examples, battery and seed, or their report, which
            are not computed again.
        on_result: called with each new result as soon as it is available.
        progress: called with a short text whenever a piece of work is done.
        on_step: called with the share of the work that is done, when a probe begins or ends and in
            between every fifth of a second; :class:`benchmark.progress.TimeLeft` says how long the
            rest takes.
        costs: by probe, what it cost on a similar model with about as many examples; makes these
            shares more precise.

    Returns:
        The results of the requested probes, including known ones. A probe that does not apply to
        this model or these examples is left out, with the reason.

    Raises:
        InputError: an unknown battery, probe or device, images, labels and model that do not fit
            together, known results of another evaluation, or no probe that applies.
    """
    chosen = load_battery(battery) if isinstance(battery, str | Path) else battery
    if not isinstance(chosen, Battery):
        raise InputError(f"battery must be a Battery or the name of one, got {shown(battery)}")
    names, before = chosen.select(probes), known
    device = str(device_of(device))
    known = known.results if isinstance(known, Report) else _results(known or {})
    results = {name: known[name] for name in names if name in known and not known[name].left_out}
    with subject_of(
        model,
        images,
        labels,
        seed=seed,
        device=device,
        batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
        progress=progress,
    ) as subject:
        if batch_size is None:
            subject.batch_size = default_batch_size(subject.images)
        provenance = provenance_of(
            subject.model, subject.images, subject.labels, chosen, seed, device
        )
        if isinstance(before, Report):
            _require_same(before.provenance, provenance)
        _require_same_answers(results, subject)
        asked = _applicable(subject, chosen, [name for name in names if name not in results])
        _require_some(asked, results)
        with _meter(subject, chosen, asked, results, on_step, costs or {}) as meter:
            for name, (probe, reason) in asked.items():
                subject.progress(probe.title)
                meter.begin(name)
                results[name] = probe(subject) if reason is None else probe.left_out(reason)
                subject.require_unchanged()
                meter.end()
                if on_result is not None:
                    on_result(provenance, results[name])
    return Report(provenance, {name: results[name] for name in names})


def _results(known: object) -> dict[str, ProbeResult]:
    """Known results by probe, with their types checked."""
    found: dict[Any, Any] = dict(known) if isinstance(known, Mapping) else {"": known}
    for name, result in found.items():
        if not isinstance(result, ProbeResult) or result.probe != name:
            raise InputError(
                "known must be a report, or results by the name of their probe as in "
                f"report.results, got {shown(result)} for {shown(name)}"
            )
    return found


def _require_same(before: Provenance, now: Provenance) -> None:
    for name, title in SHARED_FIELDS.items():
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            raise InputError(
                f"known results are of another {title} ({name} {shown(old)}, not {shown(new)}); "
                "pass those of this evaluation, or none"
            )


def _require_same_answers(results: Mapping[str, ProbeResult], subject: Subject) -> None:
    """Refuse known results that cannot be from this model and these examples.

    The outcomes on clean images must be those of the model, except for ties that another machine
    breaks differently. Results of other probes have no outcome that is cheap to check.
    """
    answers = results["clean"].outcomes.get("headline") if "clean" in results else None
    if answers is None:
        return
    correct = subject.correct().cpu().numpy()
    if len(answers) != len(correct) or (answers != correct).sum() > 1 + len(correct) // 100:
        raise InputError(
            "known results of the probe clean are of another model or of other examples; pass "
            "those of this evaluation, or none"
        )


def _applicable(
    subject: Subject, battery: Battery, names: Sequence[str]
) -> dict[str, tuple[Probe[Any], str | None]]:
    """The probes with the reason why each is left out, determined before the first one runs."""
    probes = {name: PROBES[name](battery.probes[name], battery.probes) for name in names}
    return {name: (probe, probe.obstacle(subject)) for name, probe in probes.items()}


def _meter(
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


def _require_some(
    asked: Mapping[str, tuple[Probe[Any], str | None]], results: Mapping[str, ProbeResult]
) -> None:
    """Raise an error if all requested probes would be left out."""
    reasons = {name: reason for name, (_, reason) in asked.items() if reason is not None}
    if asked and not results and len(reasons) == len(asked):
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise InputError(f"no probe applies to this model and these examples: {said}")
