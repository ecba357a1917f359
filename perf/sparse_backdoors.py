"""Sparse backdoors over the zoo: the smallest k, and what the triggers do alone.

Run ``python -m perf.sparse_backdoors`` from the root of a checkout. Every bundled model whose test
images are available and every shared checkpoint is attacked with the fixed triggers of its
battery's probe ``backdoor`` and with optimized ones, for the first of its targets. Each finished
row is written immediately, and rows that are up to date are not measured again. At the end the
section of ``docs/probes/backdoor-sparse.md`` is written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict

from benchmark.batteries import load_battery
from benchmark.probes.backdoor import BackdoorSettings
from benchmark.probes.backdoor_sparse import SparseBackdoorProbe, SparseBackdoorSettings
from benchmark.probes.backdoor_sparse.specs import AT_ONE, FAMILIES, STORED, smallest_name
from benchmark.results import Score
from benchmark.subject import subject_of
from models_zoo.errors import InputError
from perf.cases import WholeModel, whole_models
from perf.command import (
    ROOT,
    Device,
    Page,
    RenderOnly,
    RowsFile,
    Shared,
    Threads,
    compute_on,
    console,
    matches,
    run_command,
    shared_folder,
)
from perf.page import line, write_section
from perf.records import Circumstances, Measurement, Records, sources_sha256, surroundings

TOOL = "sparse_backdoors"
EXAMPLES = {"digits": 540, "mnist": 600, "cifar10": 200}
"""Examples of each data set; half of them are to optimize on, and three tenths are measured."""

THREE = ("weights-unbounded", "float32-bits", "int8-bits")
BY_DATASET: dict[str, dict[str, Any]] = {
    "digits": {"storages": THREE, "optimized": ("pixels",)},
    "mnist": {"storages": THREE, "optimized": ("pixels",)},
    "cifar10": {"storages": THREE},
}
"""Settings of each data set. Noise of 8/255 is far below what changes the classes of digits."""

SLOW: dict[str, dict[str, Any]] = {
    "cifar10-resnet20-standard": {
        "storages": ("float32-bits", "int8-bits"),
        "deep_steps": 2,
        "trigger_steps": 30,
        "rounds": 0,
    },
    "cifar10-resnet56-standard": {
        "storages": ("float32-bits", "int8-bits"),
        "deep_steps": 2,
        "trigger_steps": 30,
        "rounds": 0,
    },
    "cifar10-resnet18-at8": {
        "examples": 100,
        "storages": ("float32-bits", "int8-bits"),
        "shortlist": 8,
        "deep_steps": 1,
        "trigger_steps": 30,
        "starts": 1,
        "rounds": 0,
    },
}
"""Fewer examples and less effort for the largest networks; 0 rounds are no second search."""


class SparseConditions(Circumstances):
    """Circumstances of a row.

    Attributes:
        settings: of the probe, as JSON.
    """

    settings: dict[str, Any]


class Spent(BaseModel):
    """What a row cost.

    Attributes:
        processor_seconds: of all threads.
        forwards: images passed forward.
        backwards: images passed backward.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor_seconds: float
    forwards: int
    backwards: int


class Figure(BaseModel):
    """A score of the probe, which may be infinite.

    Attributes:
        value: the score.
        low: lower end of its 95% interval.
        high: upper end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, score: Score) -> Figure:
        """The same without the number of examples, which the row has."""
        return cls(value=score.value, low=score.low, high=score.high)


class SparseRow(Measurement):
    """What the probe found on a model.

    Attributes:
        scores: of the probe.
        measured_on: number of images that no search and no choice looked at.
        cost: of all storages and triggers together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    conditions: SparseConditions
    scores: dict[str, Figure]
    measured_on: int
    cost: Spent


def settings_of(case: WholeModel) -> SparseBackdoorSettings:
    """The settings for a model: the triggers and the first target of its battery."""
    dense = load_battery(case.battery).probes["backdoor"]
    if not isinstance(dense, BackdoorSettings):
        raise InputError(f"the battery {case.battery} has no probe backdoor")
    chosen = BY_DATASET[case.battery.partition("-")[0]] | SLOW.get(case.model, {})
    effort = {k: v for k, v in chosen.items() if k != "examples"}
    return SparseBackdoorSettings.model_validate(
        {"triggers": dense.triggers, "targets": dense.targets[:1], **effort}
    )


def measure(case: WholeModel, records: Records[SparseRow], device: str = "cpu") -> bool:
    """Measure a row and keep it, unless it was measured under the same conditions before.

    Args:
        case: the model.
        records: where rows are kept.
        device: where to compute.

    Returns:
        Whether it was measured.

    Raises:
        InputError: the probe does not apply to the model.
    """
    model, whole, settings = case.load(), case.examples(), settings_of(case)
    dataset = case.battery.partition("-")[0]
    count = SLOW.get(case.model, {}).get("examples", EXAMPLES[dataset])
    data = whole.head(min(count, len(whole)))
    conditions = SparseConditions(
        model=case.model,
        fingerprint=model.fingerprint,
        examples=len(data),
        data_sha256=data.sha256,
        sources=sources_sha256(),
        settings=settings.model_dump(mode="json"),
        **surroundings(device),
    )
    if records.has(conditions):
        return False
    probe = SparseBackdoorProbe(settings)
    with (
        console.status(case.model) as status,
        subject_of(
            model,
            data.images,
            data.labels,
            device=device,
            progress=lambda text: status.update(f"{case.model}: {text}"),
        ) as subject,
    ):
        if (reason := probe.applies(subject)) is not None:
            raise InputError(f"{case.model}: {reason}")
        start = time.process_time()
        result = probe(subject)
        seconds = time.process_time() - start
    records.put(
        SparseRow(
            conditions=conditions,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            measured=datetime.now(UTC).isoformat(timespec="seconds"),
            scores={name: Figure.of(each) for name, each in result.scores.items()},
            measured_on=result.scores[_first_name(settings)].n,
            cost=Spent(
                processor_seconds=round(seconds, 1),
                forwards=result.cost.forwards,
                backwards=result.cost.backwards,
            ),
        )
    )
    return True


def _first_name(settings: SparseBackdoorSettings) -> str:
    """Name of a score that is about all measured images."""
    return smallest_name(settings.storages[0], settings.families[0])


def section(rows: Sequence[SparseRow]) -> str:
    """The section of the page: the machine, the smallest k, and one flipped bit."""
    if not rows:
        return "Not measured yet.\n"
    ordered = sorted(rows, key=lambda row: row.conditions.case)
    parts = [
        _machines(ordered),
        "Smallest k with the battery's fixed triggers / optimized pixels / optimized noise, and "
        "what it cost to search everything:",
        _smallest(ordered),
        "The effort of each row, largest networks with less: storages and kinds of optimized "
        "triggers, the examples of all three splits, `trigger_steps` / `starts` / `rounds`, and "
        "`shortlist` / `deep_steps` of the search in any layer:",
        _efforts(ordered),
    ]
    for storage, prefix in AT_ONE.items():
        parts += [
            f"At most one change, {STORED[storage][0]}: success, that of the trigger alone, the "
            "gain with its 95% interval, and the clean drop with its:",
            _one_change(ordered, prefix),
        ]
    return "\n\n".join(parts) + "\n"


def _smallest(rows: Sequence[SparseRow]) -> str:
    headings = ["model", "measured on", *(short for short, _ in STORED.values())]
    headings += ["processor seconds", "passes, thousands"]
    lines = [line(headings), line(["---", *["---:"] * (len(headings) - 1)])]
    for row in rows:
        counts = row.conditions.settings["counts"]
        found = [
            " / ".join(_count(row.scores.get(smallest_name(s, f)), counts[-1]) for f in FAMILIES)
            for s in STORED
        ]
        passes = (row.cost.forwards + row.cost.backwards) / 1000
        spent = [f"{row.cost.processor_seconds:.0f}", f"{passes:,.0f}"]
        lines.append(line([row.conditions.model, str(row.measured_on), *found, *spent]))
    return "\n".join(lines)


def _efforts(rows: Sequence[SparseRow]) -> str:
    """Models of one effort in one line."""
    by_effort: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        by_effort.setdefault(_effort(row.conditions), []).append(f"`{row.conditions.model}`")
    headings = ["storages", "optimized", "examples", "trigger", "any layer", "models"]
    lines = [line(headings), line(["---"] * len(headings))]
    lines += [line([*effort, ", ".join(models)]) for effort, models in by_effort.items()]
    return "\n".join(lines)


def _effort(conditions: SparseConditions) -> tuple[str, ...]:
    s = conditions.settings
    return (
        ", ".join(f"`{name}`" for name in s["storages"]),
        ", ".join(s["optimized"]),
        f"{conditions.examples}",
        f"{s['trigger_steps']} / {s['starts']} / {s['rounds']}",
        f"{s['shortlist']} / {s['deep_steps']}",
    )


def _one_change(rows: Sequence[SparseRow], prefix: str) -> str:
    headings = ["model"]
    for kind, _ in FAMILIES.values():
        headings += [f"{kind}: success", "alone", "gain", "clean drop"]
    lines = [line(headings), line(["---", *["---:"] * (len(headings) - 1)])]
    for row in rows:
        cells = [row.conditions.model]
        for family in FAMILIES:
            names = ("success", "trigger_alone", "gain", "clean_drop")
            scores = [row.scores.get(f"{prefix}{name}_{family}") for name in names]
            cells += [_share(each) for each in scores[:2]]
            cells += [_share_and_interval(each) for each in scores[2:]]
        lines.append(line(cells))
    return "\n".join(lines)


def _count(score: Figure | None, most: int) -> str:
    if score is None:
        return "-"
    return f">{most}" if math.isinf(score.value) else f"{score.value:.0f}"


def _share(score: Figure | None) -> str:
    return "-" if score is None else f"{100 * score.value:.0f}%"


def _share_and_interval(score: Figure | None) -> str:
    if score is None:
        return "-"
    return f"{100 * score.value:.0f} ({100 * score.low:.0f} to {100 * score.high:.0f})"


def _machines(rows: Sequence[SparseRow]) -> str:
    """Machine, versions and sources of the attack, with the models that were measured there."""
    found: dict[str, list[SparseRow]] = {}
    for row in rows:
        c = row.conditions
        packages = ", ".join(f"{name} {version}" for name, version in c.versions.items())
        machine = (
            f"{c.processor}, {c.cores} cores, {c.threads} threads, {c.device}; {packages}; "
            f"sources of the attack {c.sources[:12]}"
        )
        found.setdefault(machine, []).append(row)
    most = max(map(len, found.values()))
    lines = []
    for machine, mine in found.items():
        names = ", ".join(row.conditions.model for row in mine)
        days = " and ".join(sorted({row.measured[:10] for row in mine}))
        which = names if len(mine) < most else f"{len(mine)} models"
        lines.append(f"- {machine}, {days}: {which}.")
    return "\n".join(lines)


def run(
    shared: Shared = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only models that match, such as 'digits/*'.")
    ] = None,
    threads: Threads = None,
    device: Device = "cpu",
    out: RowsFile = ROOT / "docs/sparse_backdoors.jsonl",
    page: Page = ROOT / "docs/probes/backdoor-sparse.md",
    render: RenderOnly = False,
) -> None:
    """Measure sparse backdoors over the zoo."""
    records = Records(out, SparseRow)
    if not render:
        compute_on(device, threads)
        for case in whole_models(shared_folder(shared)):
            if matches(case.model, only):
                new = measure(case, records, device)
                console.print(f"{case.model}: {'measured' if new else 'kept'}")
    write_section(page, TOOL, section(records.rows))
    console.print(f"{page}: {len(records.rows)} rows")


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
