"""The page that explains how to submit a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmark.batteries import battery_for, list_batteries, load_battery
from leaderboard.formatting.texts import probe_text
from models_zoo import list_architectures
from models_zoo.checkpoint.formats import REFUSED_SUFFIXES
from models_zoo.image_sets import IMAGE_SETS


@dataclass(frozen=True)
class Scored:
    """A data set and the battery its submissions are scored with.

    Attributes:
        dataset: what ``--dataset`` takes.
        battery: name of the one that ``submit`` uses.
        examples: default number of examples; ``None`` for all.
        probes: titles of the probes that run.
    """

    dataset: str
    battery: str
    examples: int | None
    probes: list[str]


def submit_values() -> dict[str, Any]:
    """The template's values, taken from the code that they describe."""
    known = dict.fromkeys(load_battery(name).dataset for name in list_batteries())
    datasets = [each for each in known if each in IMAGE_SETS]  # submissions are of images
    return {
        "datasets": [
            Scored(
                battery.dataset,
                battery.name,
                battery.examples,
                [probe_text(name).title for name in battery.default],
            )
            for battery in map(battery_for, datasets)
        ],
        "architectures": list_architectures(),
        # An .onnx is refused as weights only; a submission may be one.
        "refused": {end: why for end, why in REFUSED_SUFFIXES.items() if end != ".onnx"},
    }
