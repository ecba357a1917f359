"""What a model's page says about each battery it was scored with."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.results import Flag, ProbeResult, ScoreSpec, Surface
from leaderboard.site.bars import bars_pictures
from leaderboard.site.charts import Picture, curves_pictures, share_unit
from leaderboard.site.svg import Painter
from leaderboard.site.thumbnails import Strip, strips
from leaderboard.store import Entry
from leaderboard.texts import ABSENT, ProbeText, interval, number, plain, probe_text
from models_zoo.card import Card


@dataclass(frozen=True)
class ScoreLine:
    """A score with what it means; the texts are as shown."""

    name: str
    spec: ScoreSpec
    text: str
    interval: str
    n: int
    finite: bool


@dataclass(frozen=True)
class HeatMap:
    """A surface as a table; ``strength`` in [0, 1] shades a cell.

    Attributes:
        surface: the axes with their labels and texts.
        cells: text and strength, a row for each of the surface's ``y``.
    """

    surface: Surface
    title: str
    cells: list[list[tuple[str, float]]]


@dataclass(frozen=True)
class Section:
    """A probe's answer on a model's page."""

    text: ProbeText
    result: ProbeResult
    scores: list[ScoreLine]
    pictures: list[Picture]
    heat_maps: list[HeatMap]
    strips: list[Strip]


@dataclass(frozen=True)
class FlagLine:
    """A check with its figure as shown and the title of the probe that made it."""

    flag: Flag
    figure: str
    probe: str


@dataclass(frozen=True)
class Evaluation:
    """One battery, data set and seed on a model's page.

    Attributes:
        flags: what the probes checked, raised flags first.
        versions: probes that were computed with the same versions, and those versions.
        command: gives the same numbers again.
    """

    entry: Entry
    battery_page: str
    flags: list[FlagLine]
    sections: list[Section]
    versions: list[tuple[str, str]]
    command: str


def make_evaluation(entry: Entry, battery_page: str, painter: Painter) -> Evaluation:
    """Everything a page shows of an entry; ``battery_page`` is a path within the site."""
    order = [name for name in entry.battery.get("probes", {}) if name in entry.results]
    names = dict.fromkeys(["nonsingular", *order, *entry.results])
    answers = [entry.answers[name] for name in names if name in entry.answers]
    sections = [_section(answer, painter, entry.card.name) for answer in answers]
    flags = [line for answer in answers for line in _flags(answer)]
    flags.sort(key=lambda line: not line.flag.raised)
    return Evaluation(entry, battery_page, flags, sections, _versions(entry), reproduce(entry))


def _flags(result: ProbeResult) -> list[FlagLine]:
    title = probe_text(result.probe).title
    return [
        FlagLine(flag, ABSENT if flag.figure is None else f"{flag.figure:.3g}", title)
        for flag in result.flags
    ]


def _versions(entry: Entry) -> list[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for probe, where in entry.provenances.items():
        groups.setdefault(plain(where.versions), []).append(probe)
    return [(", ".join(probes), versions) for versions, probes in groups.items()]


def _section(result: ProbeResult, painter: Painter, model: str) -> Section:
    text = probe_text(result.probe)
    scores = []
    for name, score in result.scores.items():
        spec = text.spec(name)
        ends = interval(score, spec.unit) or "none"
        shown = number(score.value, spec.unit)
        scores.append(ScoreLine(name, spec, shown, ends, score.n, math.isfinite(score.value)))
    pictures = curves_pictures(result.curves, painter, model)
    pictures += bars_pictures(result.bars, painter, model)
    heat_maps = [_heat_map(surface) for surface in result.surfaces]
    return Section(text, result, scores, pictures, heat_maps, strips(result.thumbnails))


def _heat_map(surface: Surface) -> HeatMap:
    unit = share_unit(surface.z_label)
    values = [value for row in surface.z for value in row if math.isfinite(value)]
    low, high = (0.0, 1.0) if unit else (min(values, default=0.0), max(values, default=1.0))
    span = (high - low) or 1.0
    cells = [
        [(number(v, unit), min(max((v - low) / span, 0.0), 1.0)) for v in row] for row in surface.z
    ]
    return HeatMap(surface, surface.picture.replace("_", " ").capitalize(), cells)


_OWN = ("file", "submitted")
"""Sources whose models have no name by which they can be loaded: a file must be at hand."""


def how_to_load(card: Card) -> str:
    """Python that loads the model."""
    if card.source not in (*_OWN, "memory"):
        return f"from models_zoo import load_model\n\nmodel = load_model({card.name!r})"
    if card.source == "memory":
        return "# scored in memory by benchmark.evaluate(); its weights were not stored"
    return "\n".join(
        [
            "from models_zoo import load_file",
            "",
            "model = load_file(",
            f"    {card.checkpoint or 'checkpoint.safetensors'!r},",
            *_architecture(card),
            f"    dataset={card.dataset!r},",
            f"    classes={card.classes},",
            f"    input_shape={card.input_shape!r},",
            f"    mean={card.mean!r},",
            f"    std={card.std!r},",
            ")",
        ]
    )


def _architecture(card: Card) -> list[str]:
    """What a file needs besides its description: a network is in it, or is named."""
    if card.brings_network:
        return ["    trust=True,"] if card.architecture.startswith("pt2:") else []
    return [f"    architecture={card.architecture!r},"]


def reproduce(entry: Entry) -> str:
    """The command that gives the same numbers on the same kind of machine."""
    card, where = entry.card, entry.provenance
    probes = _probes(entry)
    if card.source == "memory":
        asked = f", probes={probes!r}" if probes else ""
        return (
            f"evaluate(model, images, labels, battery={where.battery!r}{asked}, seed={where.seed})"
        )
    command = ["nonsingular", "bench"]
    if card.source not in _OWN:
        command.append(card.name)
    else:
        command += ["--checkpoint", card.checkpoint or "FILE"]
        if not card.brings_network:
            command += ["--architecture", card.architecture]
        elif card.architecture.startswith("pt2:"):
            command.append("--trust")
        command += ["--mean", _numbers(card.mean), "--std", _numbers(card.std)]
    command += ["--battery", where.battery, "--examples", str(where.examples)]
    command += ["--split", "train"] if entry.on_training_data else []
    command += ["--seed", str(where.seed)]
    if where.device != "cpu":
        command += ["--device", where.device]
    for probe in probes:
        command += ["--probe", probe]
    return shlex.join(command)


def _probes(entry: Entry) -> list[str]:
    """The probes to name: none where those that ran are the battery's own default."""
    ran = list(entry.results)
    return [] if set(ran) == set(entry.battery.get("default", ())) else ran


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value!r}" for value in values)
