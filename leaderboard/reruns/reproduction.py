"""Running a stored result again from its record."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.evaluation import evaluate
from benchmark.subject import Progress
from benchmark.threads import computing_with
from leaderboard.reruns.agreement import Reproduction, compare
from leaderboard.store import Entry
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError


def battery_of(entry: Entry) -> Battery:
    """The battery as it was when a result was stored.

    Raises:
        InputError: this version of the suite cannot read it, or reads it differently.
    """
    recorded = entry.provenance.battery_sha256
    hint = f"install the version it was stored with, {entry.provenance.versions['nonsingular']}"
    try:
        battery = Battery.model_validate(entry.battery)
    except (ValueError, InputError) as error:
        raise InputError(
            f"this version cannot read the stored battery {shown(entry.provenance.battery)}; {hint}"
        ) from error
    if battery.algorithms != entry.provenance.algorithms:
        raise InputError(
            f"the stored battery {shown(entry.provenance.battery)} was run with other algorithms: "
            f"{_changed_algorithms(entry, battery)}; {hint}"
        )
    if battery.sha256 != recorded:
        raise InputError(
            f"the stored battery {shown(entry.provenance.battery)} has settings that this version "
            f"fills in differently; {hint}"
        )
    return battery


def _changed_algorithms(entry: Entry, battery: Battery) -> str:
    """Such as ``input 1, now 2``."""
    then = entry.provenance.algorithm
    versions = {name: (then(name), battery.algorithms.get(name, 1)) for name in battery.probes}
    changed = {name: pair for name, pair in versions.items() if pair[0] != pair[1]}
    return ", ".join(f"{name} {before}, now {now}" for name, (before, now) in changed.items())


def require_same(entry: Entry, model: Classifier, data: Dataset) -> None:
    """Check that model and examples are those of the stored result.

    Raises:
        InputError: one of them is not.
    """
    where = entry.provenance
    if model.fingerprint != where.fingerprint:
        raise InputError(
            f"{shown(model.card.name)} is not the model of the stored result: its fingerprint is "
            f"{model.fingerprint[:12]}, the stored one {where.fingerprint[:12]}"
        )
    if data.sha256 != where.data_sha256:
        raise InputError(
            f"the {len(data)} examples of {shown(data.name)} have the hash {data.sha256[:12]}, the "
            f"stored result's {where.data_sha256[:12]}; give their file with --data"
        )


def reproduce(
    entry: Entry,
    model: Classifier,
    data: Dataset,
    probes: Sequence[str],
    progress: Progress | None = None,
    device: str | None = None,
    threads: int | None = None,
) -> list[Reproduction]:
    """Run the recorded probes again, with the recorded seed.

    Args:
        entry: the stored results.
        model: the model of these results.
        data: the examples of these results.
        probes: the probes to run.
        progress: called with a few words whenever a piece of work is done.
        device: where to compute; by default where each result was computed.
        threads: CPU threads; by default as many as each result was computed with.

    Raises:
        InputError: model or data are not those of the stored result, or the battery cannot be read.
    """
    require_same(entry, model, data)
    battery = battery_of(entry)
    alike: dict[tuple[str, int], list[str]] = {}
    for name in probes:
        then = entry.provenances[name]
        alike.setdefault((device or then.device, threads or then.threads), []).append(name)
    found = {}
    for (where, count), names in alike.items():
        # The number of threads changes how sums are split.
        with computing_with(count):
            report = evaluate(
                model,
                data.images,
                data.labels,
                battery,
                names,
                seed=entry.provenance.seed,
                device=where,
                own_data=True,  # the examples are those of the stored result
                progress=progress,
            )
        for name in names:
            stored, then = entry.as_measured(name), entry.provenances[name]
            found[name] = compare(stored, report.results[name], then, report.provenance)
    return [found[name] for name in probes]
