"""The evaluations on a model's page: one per battery, data set and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.headline import nonsingular
from benchmark.passages import Passage
from benchmark.probes import PROBES
from benchmark.results import Flag, ProbeResult, Score, ScoreSpec
from benchmark.threats import labels
from leaderboard.charts.heat_maps import HeatMap, heat_maps, images_in_cells
from leaderboard.charts.svg import Painter
from leaderboard.charts.thumbnails import Sheet, Strip, sheet_of, strips
from leaderboard.formatting.texts import (
    ABSENT,
    ProbeText,
    interval,
    number,
    plain,
    probe_text,
)
from leaderboard.pages.model_pictures import (
    Pictures,
    pictures_of,
    shown_thumbnails,
)
from leaderboard.reruns.command_lines import bench_command, reproduce_commands
from leaderboard.reruns.verification import Verification, verification_of
from leaderboard.store import Entry, Summary

_MOST_SCORES, _LEADING_SCORES = 8, 6
"""Maximum number of scores of a probe without folding, and the number shown if there are more."""


@dataclass(frozen=True)
class MainScore:
    """A score in the line that a reader unfolds: its value and, where there is one, interval."""

    text: str
    interval: str | None


@dataclass(frozen=True)
class ShownMap:
    """A heat map on a page.

    Attributes:
        map: the heat map.
        sheet: the images of its cells in one picture; ``None`` if there are none.
        source: address of the picture.
    """

    map: HeatMap
    sheet: Sheet | None
    source: str


@dataclass(frozen=True)
class Section:
    """The result of a probe on a model's page.

    Attributes:
        text: texts about the probe.
        result: its result.
        budget: the budgets of its scores as text; may be empty.
        scores: the scores that are shown first, each with its meaning.
        further: scores that a reader can unfold.
        pictures: curves and bars.
        heat_maps: surfaces.
        strips: small images.
        passages: sentences with a marked part.
        command: runs the probe again and compares.
        verification: whether the result was confirmed by reruns.
    """

    text: ProbeText
    result: ProbeResult
    budget: str
    scores: list[tuple[ScoreSpec, Score]]
    further: list[tuple[ScoreSpec, Score]]
    pictures: Pictures
    heat_maps: list[ShownMap]
    strips: list[Strip]
    passages: Sequence[Passage]
    command: str
    verification: Verification

    @property
    def main(self) -> MainScore | None:
        """Its first headline score as shown; ``None`` if it has none."""
        for spec, score in self.scores:
            if spec.headline:
                return MainScore(number(score.value, spec.unit), interval(score, spec.unit))
        return None

    @property
    def drawn(self) -> bool:
        """Whether there are charts or images."""
        return bool(self.pictures.leading or self.heat_maps or self.strips)


@dataclass(frozen=True)
class FlagLine:
    """A check with its figure as shown and the title of the probe that made it."""

    flag: Flag
    figure: str
    probe: str


@dataclass(frozen=True)
class LoweredScore:
    """A score that counterexamples have lowered, as it was measured and as it is now."""

    title: str
    measured: str
    now: str


@dataclass(frozen=True)
class Evaluation:
    """One battery, data set and seed on a model's page.

    Attributes:
        flags: all checks, raised flags first.
        lowered: scores that counterexamples have lowered.
        versions: probes that were computed with the same versions and processor, and those.
        command: computes all scores again.
    """

    entry: Entry
    battery_page: str
    flags: list[FlagLine]
    sections: list[Section]
    lowered: list[LoweredScore]
    versions: list[tuple[str, str]]
    command: str

    @property
    def raised(self) -> int:
        """Number of raised flags."""
        return sum(line.flag.raised for line in self.flags)


def make_evaluation(
    entry: Entry, battery_page: str, painter: Painter, among: Sequence[Entry | Summary] = ()
) -> Evaluation:
    """Everything a page shows of an entry.

    Args:
        entry: the stored results.
        battery_page: path of the battery's page within the site.
        painter: draws the pictures.
        among: all stored results of this model and of others with its name, from which commands
            have to distinguish it.
    """
    answers = entry.answers
    order = ["nonsingular", *entry.battery.get("probes", {}), *entry.results]
    commands = reproduce_commands(entry, among or [entry])
    sections = [
        _section(entry, answers[name], painter, commands[name])
        for name in dict.fromkeys(order)
        if name in answers
    ]
    flags = [line for section in sections for line in _flags(section.result)]
    flags.sort(key=lambda line: not line.flag.raised)
    return Evaluation(
        entry,
        battery_page,
        flags,
        sections,
        _lowered(entry),
        _versions(entry),
        bench_command(entry),
    )


def _lowered(entry: Entry) -> list[LoweredScore]:
    """The scores that counterexamples have lowered, and the headline that follows from them."""
    measured = {probe: entry.as_measured(probe) for probe in entry.results}
    headline = nonsingular(measured) if entry.measured else None
    pairs = [(entry.measured[probe], entry.results[probe]) for probe in entry.measured]
    if headline is not None:
        pairs.insert(0, (headline, entry.answers[headline.probe]))
    lowered = []
    for then, now in pairs:
        text = probe_text(now.probe, entry.battery)
        for name, score in now.scores.items():
            before, spec = then.scores.get(name), text.spec(name)
            if before is None or before == score:
                continue
            values = (number(each.value, spec.unit) for each in (before, score))
            lowered.append(LoweredScore(f"{text.title}: {spec.label}", *values))
    return lowered


def _flags(result: ProbeResult) -> list[FlagLine]:
    title = probe_text(result.probe).title
    return [
        FlagLine(flag, ABSENT if flag.figure is None else f"{flag.figure:.3g}", title)
        for flag in result.flags
    ]


def _versions(entry: Entry) -> list[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for probe, where in entry.provenances.items():
        named = {**where.versions, "processor": where.processor or "not recorded"}
        if where.carried_from is not None:
            named["computed for version"] = where.carried_from[:12]
        groups.setdefault(plain(named), []).append(probe)
    return [(", ".join(probes), versions) for versions, probes in groups.items()]


def _section(entry: Entry, result: ProbeResult, painter: Painter, command: str) -> Section:
    text = probe_text(result.probe, entry.battery)
    scores = [(text.spec(name), score) for name, score in result.scores.items()]
    first = len(scores) if len(scores) <= _MOST_SCORES else _LEADING_SCORES
    references = (
        entry.results.get(name)
        for name, probe in PROBES.items()
        if probe.reference_for == result.probe
    )
    reference = next((found for found in references if found is not None), None)
    thumbnails = shown_thumbnails(result)
    in_cells = images_in_cells(result.surfaces, thumbnails)
    return Section(
        text=text,
        result=result,
        budget=labels(result.headline_threats),
        scores=scores[:first],
        further=scores[first:],
        pictures=pictures_of(result, reference, painter, entry.card.name),
        heat_maps=[_shown_map(each, painter) for each in heat_maps(result.surfaces, thumbnails)],
        strips=strips([each for each in thumbnails if each.picture not in in_cells]),
        passages=result.passages,
        command=command,
        verification=verification_of(entry, result.probe),
    )


def _shown_map(heat_map: HeatMap, painter: Painter) -> ShownMap:
    if not heat_map.images:
        return ShownMap(heat_map, None, "")
    sheet = sheet_of(heat_map.images)
    return ShownMap(heat_map, sheet, painter.image(sheet.png))
