"""Backdoors in models of texts: every rule and kind of trigger, with baselines, over seeds.

Run ``python -m perf.text_backdoors --data-root DIR`` from the root of a checkout, with the folder
that ``nonsingular prepare movies`` wrote to. The three standard networks are attacked with the
settings of ``movies-v1`` and one seed of triggers at a time. Each finished row is written
immediately, and rows that are up to date are not measured again. At the end the section of
``docs/probes/text-backdoor.md`` is written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict

from benchmark.batteries import load_battery
from benchmark.datasets import Dataset, load_dataset
from benchmark.probes.text_backdoor import TextBackdoorProbe, TextBackdoorSettings
from benchmark.probes.text_backdoor.pictures import (
    CLEAN_ACCURACY,
    RELATIVE_CHANGE,
    RULES,
    SMALLEST,
)
from benchmark.results import Bars, ProbeResult, Score
from benchmark.statistics import wilson
from benchmark.subject import subject_of
from models_zoo import load_model
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from perf.command import (
    ROOT,
    Device,
    Page,
    RenderOnly,
    RowsFile,
    Threads,
    compute_on,
    console,
    matches,
    run_command,
)
from perf.page import line, write_section
from perf.records import Circumstances, Measurement, Records, sources_sha256, surroundings

TOOL = "text_backdoors"
BATTERY = "movies-v1"
MODELS = ("movies/mean-linear-standard", "movies/text-cnn-standard", "movies/encoder-2-standard")
SEEDS = (0, 1, 2)
"""Seeds of the triggers, their places and the order of texts; the split is the same."""


class TextConditions(Circumstances):
    """Circumstances of a row.

    Attributes:
        settings: of the probe, as JSON.
        seed: the one of its settings.
    """

    settings: dict[str, Any]
    seed: int

    @property
    def case(self) -> tuple[str | float, ...]:
        """Device, model and seed."""
        return self.device, self.model, self.seed


class Figure(BaseModel):
    """A score, which may be infinite.

    Attributes:
        value: the score.
        n: number of texts.
        low: lower end of its 95% interval.
        high: upper end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    value: float
    n: int
    low: float
    high: float

    @classmethod
    def of(cls, score: Score) -> Figure:
        """The same numbers."""
        return cls(value=score.value, n=score.n, low=score.low, high=score.high)


class TextRow(Measurement):
    """What the probe found on a model with one seed.

    Attributes:
        scores: of the probe.
        bars: shares by chart, series and kind of trigger.
        smallest: smallest budget by rule; ``"none"`` where there is none.
        change: mean relative change of the weights at the headline, by rule.
        drop: clean drop at the headline, by rule.
        processor_seconds: of all threads.
    """

    conditions: TextConditions
    scores: dict[str, Figure]
    bars: dict[str, dict[str, dict[str, Figure]]]
    smallest: dict[str, float | str]
    change: dict[str, float]
    drop: dict[str, float]
    processor_seconds: float


def settings_of(seed: int) -> TextBackdoorSettings:
    """The settings of the battery with one seed."""
    settings = load_battery(BATTERY).probes["text-backdoor"]
    if not isinstance(settings, TextBackdoorSettings):
        raise InputError(f"the battery {BATTERY} has no probe text-backdoor")
    return settings.model_copy(update={"seeds": (seed,)})


def measure(
    model: Classifier,
    data: Dataset,
    settings: TextBackdoorSettings,
    records: Records[TextRow],
    device: str = "cpu",
) -> bool:
    """Measure a row and keep it, unless it was measured under the same conditions before.

    Args:
        model: the model.
        data: the texts.
        settings: with one seed.
        records: where rows are kept.
        device: where to compute.

    Returns:
        Whether it was measured.

    Raises:
        InputError: the probe does not apply to the model.
    """
    (seed,) = settings.seeds
    name = model.card.name
    conditions = TextConditions(
        model=name,
        fingerprint=model.fingerprint,
        examples=len(data),
        data_sha256=data.sha256,
        sources=sources_sha256(),
        settings=settings.model_dump(mode="json"),
        seed=seed,
        **surroundings(device),
    )
    if records.has(conditions):
        return False
    probe = TextBackdoorProbe(settings)
    with (
        console.status(name) as status,
        subject_of(
            model,
            data.images,
            data.labels,
            device=device,
            progress=lambda text: status.update(f"{name}, seed {seed}: {text}"),
            texts=True,
        ) as subject,
    ):
        if (reason := probe.applies(subject)) is not None:
            raise InputError(f"{name}: {reason}")
        start = time.process_time()
        result = probe(subject)
        seconds = time.process_time() - start
    records.put(row_of(result, conditions, model, seconds))
    return True


def row_of(
    result: ProbeResult, conditions: TextConditions, model: Classifier, seconds: float
) -> TextRow:
    """A row from a result of the probe."""
    found = {(each.picture, each.series): each for each in result.bars}

    def by_rule(picture: str, series: str) -> dict[str, float]:
        each = found[picture, series]
        return dict(zip(each.names, (score.value for score in each.y), strict=True))

    scores = result.scores
    before = scores["clean_accuracy"].value + scores["clean_drop"].value
    smallest = by_rule(SMALLEST, "smallest budget").items()
    accuracy = by_rule(RULES, CLEAN_ACCURACY).items()
    return TextRow(
        conditions=conditions,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        scores={name: Figure.of(each) for name, each in scores.items()},
        bars=_by_picture(result.bars),
        smallest={rule: each if math.isfinite(each) else "none" for rule, each in smallest},
        change=by_rule(RULES, RELATIVE_CHANGE),
        drop={rule: before - each for rule, each in accuracy},
        processor_seconds=round(seconds, 1),
    )


def _by_picture(bars: Sequence[Bars]) -> dict[str, dict[str, dict[str, Figure]]]:
    found: dict[str, dict[str, dict[str, Figure]]] = {}
    for each in bars:
        figures = {name: Figure.of(score) for name, score in zip(each.names, each.y, strict=True)}
        found.setdefault(each.picture, {})[each.series] = figures
    return found


def section(rows: Sequence[TextRow]) -> str:
    """The section of the page: machines, success by rule and trigger, smallest budgets."""
    if not rows:
        return "Not measured yet.\n"
    by_model: dict[str, list[TextRow]] = {}
    for row in sorted(rows, key=lambda each: each.conditions.case):
        by_model.setdefault(row.conditions.model, []).append(row)
    first = rows[0].conditions
    headline = first.settings["headline"]
    parts = [
        f"Standard networks, {first.examples:,} sentences, settings of `{BATTERY}`: "
        f"{first.settings['geometry']}, headline {headline}, {first.settings['steps']} steps, "
        f"both targets. Seeds per model: "
        + ", ".join(f"{name} {len(mine)}" for name, mine in by_model.items())
        + f". {_machine(rows)}",
        "Success at the headline budget, in percent, on average over targets and seeds, with the "
        "Wilson interval of the measured sentences; in brackets the success of the other trigger "
        "with the same weights:",
        _success(by_model),
        "The baselines, which bound no change, and the base rate:",
        _baselines(by_model),
        "Smallest budget of the best backdoor of each rule (90% success for at most a point of "
        "accuracy), by seed; at the headline budget the mean relative change of the tensors that "
        "may move and the clean drop in points, on average over seeds:",
        _smallest(by_model),
    ]
    return "\n\n".join(parts) + "\n"


def _success(by_model: dict[str, list[TextRow]]) -> str:
    kinds = _kinds(by_model)
    headings = ["model", "rule", *kinds]
    lines = [line(headings), line(["---", "---", *["---:"] * len(kinds)])]
    for name, mine in by_model.items():
        series = mine[0].bars["text_backdoor_triggers"]
        for rule in (each for each in series if each != "base rate"):
            others = _mean(mine, "text_backdoor_controls", f"other trigger, {rule}", kinds)
            found = _mean(mine, "text_backdoor_triggers", rule, kinds)
            cells = [
                f"{_interval(each)} [{100 * other.value:.0f}]"
                for each, other in zip(found, others, strict=True)
            ]
            lines.append(line([name, f"`{rule}`", *cells]))
    return "\n".join(lines)


def _baselines(by_model: dict[str, list[TextRow]]) -> str:
    kinds = _kinds(by_model)
    lines = [line(["model", "", *kinds]), line(["---", "---", *["---:"] * len(kinds)])]
    for name, mine in by_model.items():
        series = [("text_backdoor_triggers", "base rate")]
        series += [
            ("text_backdoor_baselines", each)
            for each in mine[0].bars["text_backdoor_baselines"]
            if not each.endswith("other trigger")
        ]
        for picture, which in series:
            cells = [_interval(each) for each in _mean(mine, picture, which, kinds)]
            lines.append(line([name, which, *cells]))
    return "\n".join(lines)


def _smallest(by_model: dict[str, list[TextRow]]) -> str:
    headings = ["model", "rule", "smallest budget", "relative change", "clean drop"]
    lines = [line(headings), line(["---", "---", "---:", "---:", "---:"])]
    for name, mine in by_model.items():
        for rule in mine[0].smallest:
            budgets = [row.smallest[rule] for row in mine]
            lines.append(
                line(
                    [
                        name,
                        f"`{rule}`",
                        " / ".join(f"{b:.3g}" if isinstance(b, float) else b for b in budgets),
                        f"{100 * _average([row.change[rule] for row in mine]):.2g}%",
                        f"{100 * _average([row.drop[rule] for row in mine]):.1f}",
                    ]
                )
            )
    return "\n".join(lines)


def _kinds(by_model: dict[str, list[TextRow]]) -> list[str]:
    first = next(iter(by_model.values()))[0]
    return list(next(iter(first.bars["text_backdoor_triggers"].values())))


def _mean(rows: Sequence[TextRow], picture: str, series: str, kinds: Sequence[str]) -> list[Score]:
    """The mean over seeds, with the interval of the texts of one: they are the same texts."""
    found = []
    for kind in kinds:
        figures = [row.bars[picture][series][kind] for row in rows]
        found.append(wilson(_average([each.value for each in figures]), figures[0].n))
    return found


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _interval(score: Score) -> str:
    return f"{100 * score.value:.0f} ({100 * score.low:.0f} to {100 * score.high:.0f})"


def _machine(rows: Sequence[TextRow]) -> str:
    stated = sorted({f"{row.conditions.processor}, {row.conditions.device}" for row in rows})
    seconds = sum(row.processor_seconds for row in rows)
    sources = sorted({row.conditions.sources[:12] for row in rows})
    return (
        f"{'; '.join(stated)}; {seconds:,.0f} processor seconds; sources of the attack "
        f"{', '.join(sources)}."
    )


def run(
    data_root: Annotated[
        Path | None, typer.Option(help="Folder with movies/; by default NONSINGULAR_DATA.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only models that match, such as '*/encoder*'.")
    ] = None,
    threads: Threads = None,
    device: Device = "cpu",
    out: RowsFile = ROOT / "docs/text_backdoors.jsonl",
    page: Page = ROOT / "docs/probes/text-backdoor.md",
    render: RenderOnly = False,
) -> None:
    """Measure backdoors in models of texts."""
    records = Records(out, TextRow)
    if not render:
        compute_on(device, threads)
        data = load_dataset("movies", "test", data_root, load_battery(BATTERY).examples)
        for seed in SEEDS:
            for name in MODELS:
                if matches(name, only):
                    new = measure(load_model(name), data, settings_of(seed), records, device)
                    console.print(f"{name}, seed {seed}: {'measured' if new else 'kept'}")
    write_section(page, TOOL, section(records.rows))
    console.print(f"{page}: {len(records.rows)} rows")


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
