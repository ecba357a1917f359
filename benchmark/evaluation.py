"""Evaluating a model with a battery."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.applicability import applicable, require_installed
from benchmark.arguments import Array, device_of
from benchmark.batches import Examples, examples_of
from benchmark.batteries import Battery, battery_for, list_batteries, load_battery
from benchmark.data_fit import require_trained_for
from benchmark.datasets import Dataset
from benchmark.objectives import cross_entropy
from benchmark.probes import Probe
from benchmark.progress import Step, TimeLeft
from benchmark.progress_display import Display, showing
from benchmark.report import Report
from benchmark.results import Cost, ProbeResult, Provenance
from benchmark.session import meter_of, opened, provenance_for, result_of
from benchmark.subject import Progress, Subject
from models_zoo.errors import InputError, shown

Known = (
    Mapping[str, ProbeResult] | Report | Callable[[Provenance], Mapping[str, ProbeResult] | Report]
)
"""Earlier results by probe, their report, or a function that looks them up by the provenance."""

LOSS_TOLERANCE = 1e-4
"""Relative difference of mean cross-entropies that counts as rounding. For the bundled digits
models one and two threads and batches of 7 to 600 images give the same to all digits; the float32
of another machine differs by about 1e-7 per operation."""

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
    images: Examples,
    labels: Array | None = None,
    battery: str | Path | Battery | None = None,
    probes: Sequence[str] | str | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    examples: int | None = None,
    own_data: bool = False,
    known: Known | None = None,
    on_result: Callable[[Provenance, ProbeResult], None] | None = None,
    progress: bool | Progress | None = None,
    on_step: Callable[[Step], None] | None = None,
    costs: Mapping[str, Cost] | None = None,
) -> Report:
    """Run the probes of a battery on a model.

    The model is evaluated in eval mode and restored afterwards. The same call on the same machine
    gives the same scores, whatever the order of the probes.

    A battery's budgets are chosen for its data set, so images and logits must have the shape, range
    and number of classes of that data set. Images of your own that have them may be evaluated, and
    others with ``own_data=True``; the report's provenance then has ``own_data``.

    Args:
        model: from images (N, C, H, W) in [0, 1] to logits (N, classes).
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches, which have the
            labels as well, see :mod:`benchmark.batches`.
        labels: int (N,).
        battery: a battery, its name, or the path of a file with one, which ends in ``.toml``; by
            default the newest one of a data set of this suite.
        probes: which of its probes to run; by default all that are not references.
        seed: root of every random draw.
        device: such as ``"cpu"``, ``"cuda"`` or ``"auto"``.
        batch_size: images passed through the model at once, which bounds memory; by default
            :func:`benchmark.memory.default_batch_size`.
        examples: maximum number of examples, the first ones; by default all.
        own_data: whether to accept images of another shape or range, or another number of classes,
            than those of the battery's data set.
        known: earlier results of the same model, examples, battery and seed, or their report, which
            are not computed again; or a function that looks them up by the provenance.
        on_result: called with each new result as soon as it is available.
        progress: ``True`` for a display on the terminal or in the notebook, or a function that is
            called with a short text whenever a piece of work is done.
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
            together or not the battery's data set, known results of another evaluation, or no probe
            that applies.
    """
    chosen = battery_of(battery, images)
    names = chosen.select(probes)
    require_installed(chosen, names)
    device = str(device_of(device))
    images, labels = examples_of(images, labels, examples)
    if not own_data:
        require_trained_for(chosen, model)
    with (
        showing(progress, chosen.name) as display,
        opened(
            *(model, images, labels, chosen),
            seed=seed,
            device=device,
            batch_size=batch_size,
            own_data=own_data,
            progress=display.say,
        ) as subject,
    ):
        provenance = provenance_for(subject, chosen, device)
        before = _results(known, provenance)
        results = {
            name: before[name] for name in names if name in before and not before[name].left_out
        }
        require_same_answers(before if results else {}, subject)
        asked = applicable(subject, chosen, [name for name in names if name not in results])
        _require_some(asked, results)
        if progress is True:
            on_step = _displayed(display, on_step)
        with meter_of(subject, chosen, asked, results, on_step, costs or {}) as meter:
            for name, (probe, reason) in asked.items():
                subject.progress(probe.title)
                meter.begin(name)
                results[name] = result_of(probe, reason, subject, subject.progress)
                subject.require_unchanged()
                meter.end()
                if on_result is not None:
                    on_result(provenance, results[name])
    return Report(provenance, {name: results[name] for name in names})


def _displayed(display: Display, on_step: Callable[[Step], None] | None) -> Callable[[Step], None]:
    """A listener that displays the share of the work and the time left."""
    left = TimeLeft()

    def step(now: Step) -> None:
        left.update(now.share)
        display.at(now.share, left.seconds)
        if on_step is not None:
            on_step(now)

    return step


def battery_of(battery: str | Path | Battery | None, images: object) -> Battery:
    """The battery that was asked for, or by default the newest one of the data set.

    Raises:
        InputError: there is no such battery, or none was asked for and the images are not a data
            set of this suite.
    """
    if isinstance(images, str):
        raise InputError(
            f"images must be a tensor, a data set, a loader or batches, got {shown(images)}; "
            "nonsingular.load_dataset loads a data set by its name"
        )
    if battery is None and isinstance(images, Dataset):
        return battery_for(images.name)
    if battery is None:
        raise InputError(
            "battery is missing: its budgets belong to a data set; give one of "
            f"{', '.join(list_batteries())}"
        )
    chosen = load_battery(battery) if isinstance(battery, str | Path) else battery
    if not isinstance(chosen, Battery):
        raise InputError(f"battery must be a Battery or the name of one, got {shown(battery)}")
    return chosen


def _results(known: object, provenance: Provenance) -> dict[str, ProbeResult]:
    """Known results by probe, with their types checked."""
    if callable(known):
        known = known(provenance)
    if isinstance(known, Report):
        _require_same(known.provenance, provenance)
        return known.results
    if known is None:
        return {}
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


def shows_answers(results: Mapping[str, ProbeResult]) -> bool:
    """Whether :func:`require_same_answers` can compare a model with results, by probe."""
    return "clean" in results


def require_same_answers(results: Mapping[str, ProbeResult], subject: Subject) -> None:
    """Refuse known results that cannot be from this model and these examples.

    The outcomes on clean images must be those of the model, except for ties that another machine
    breaks differently. Results of other probes have no outcome that is cheap to check.

    Args:
        results: by probe.
        subject: model and examples.

    Raises:
        InputError: the outcomes on clean images are others.
    """
    clean = results.get("clean")
    answers = None if clean is None else clean.outcomes.get("headline")
    if clean is None or answers is None:
        return
    correct = subject.correct().cpu().numpy()
    if (
        len(answers) != len(correct)
        or (answers != correct).sum() > 1 + len(correct) // 100
        or not _same_loss(clean, subject)
    ):
        raise InputError(
            "known results of the probe clean are of another model or of other examples (perhaps "
            "the same weights with another forward); pass those of this evaluation, or none, or "
            "another file as the cache"
        )


def _same_loss(clean: ProbeResult, subject: Subject) -> bool:
    """Whether the mean cross-entropy is as before, up to the rounding of another machine.

    Models with the same weights and layers have the same fingerprint, whatever their ``forward``
    does between the layers.
    """
    before = clean.scores.get("cross_entropy")
    if before is None:
        return True
    now = float(cross_entropy(subject.logits(), subject.labels).double().mean())
    return math.isclose(before.value, now, rel_tol=LOSS_TOLERANCE, abs_tol=LOSS_TOLERANCE) or (
        not math.isfinite(before.value) and not math.isfinite(now)
    )


def _require_some(
    asked: Mapping[str, tuple[Probe[Any], str | None]], results: Mapping[str, ProbeResult]
) -> None:
    """Raise an error if all requested probes would be left out."""
    reasons = {name: reason for name, (_, reason) in asked.items() if reason is not None}
    if asked and not results and len(reasons) == len(asked):
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise InputError(f"no probe applies to this model and these examples: {said}")
