"""Charts of the corruptions probe: curves over severities, heat maps, and corrupted images."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

import numpy as np
import torch

from benchmark.corruptions import CORRUPTIONS, SEVERITIES, VALIDATION, corrupt
from benchmark.probes.corruptions.images import to_images
from benchmark.probes.corruptions.scores import Measured, Right
from benchmark.results import Curve, Score, Surface, Thumbnail
from benchmark.statistics import bounded_mean, proportion

BENCHMARK, FOR_VALIDATION = "corruptions_by_severity", "validation_corruptions_by_severity"
"""Names of the heat maps, and of the images in their cells."""

CLEAN = "clean"
"""Caption of the example from which the images can be generated."""


def curves_of(measured: Measured) -> list[Curve]:
    """Accuracy over severities, of all corruptions and of each family; 0 is clean."""
    families: dict[str, list[int]] = {}
    for place, name in enumerate(measured.names):
        families.setdefault(CORRUPTIONS[name].family, []).append(place)
    groups = {"all corruptions": list(range(len(measured.names)))} | families
    clean = proportion(measured.clean)
    return [
        _curve(label, [clean, *_by_severity(measured.right[places])])
        for label, places in groups.items()
    ]


def _by_severity(right: Right) -> list[Score]:
    return [bounded_mean(right[:, place].mean(axis=0)) for place in range(len(SEVERITIES))]


def _curve(series: str, y: list[Score]) -> Curve:
    return Curve(
        picture="accuracy_by_severity",
        series=series,
        x_label="severity (0: clean)",
        y_label="accuracy",
        x=[0.0, *map(float, SEVERITIES)],
        x_text=["0", *map(str, SEVERITIES)],
        y=y,
        unit="share",
        role="control",
    )


def surfaces_of(measured: Measured) -> list[Surface]:
    """Accuracy by corruption and severity, of the benchmark and of the validation corruptions."""
    surfaces = [_surface(BENCHMARK, measured.names, measured.right)]
    if measured.validation_names:
        surfaces.append(_surface(FOR_VALIDATION, measured.validation_names, measured.validation))
    return surfaces


def _surface(picture: str, names: Sequence[str], right: Right) -> Surface:
    titles = [(CORRUPTIONS | VALIDATION)[name].title for name in names]
    return Surface(
        picture=picture,
        x_label="severity",
        y_label="corruption",
        z_label="accuracy",
        x=[float(severity) for severity in SEVERITIES],
        y=[float(place) for place in range(len(names))],
        x_text=[str(severity) for severity in SEVERITIES],
        y_text=titles,
        z=[[float(share) for share in row] for row in right.mean(axis=2)],
        unit="share",
        role="control",
    )


def thumbnails_of(surfaces: Sequence[Surface], example: Thumbnail) -> list[Thumbnail]:
    """An example under each corruption of some heat maps, generated from the clean one.

    Draws are those of seed 0: the images illustrate, the scores are of many.

    Args:
        surfaces: heat maps whose rows are titles of corruptions.
        example: the clean image.
    """
    by_title = {each.title: name for name, each in (CORRUPTIONS | VALIDATION).items()}
    image = np.frombuffer(b64decode(example.pixels), np.uint8).reshape(1, *example.shape)
    return [
        thumbnail(surface.picture, title, severity, corrupt(image, by_title[title], severity)[0])
        for surface in surfaces
        for title in surface.y_text
        for severity in SEVERITIES
    ]


def thumbnail(picture: str, title: str, severity: int, image: np.ndarray) -> Thumbnail:
    """An example under a corruption, for the cell of a heat map.

    Args:
        picture: name of the heat map.
        title: of the corruption.
        severity: of the corruption.
        image: uint8 (C, H, W).
    """
    shown = to_images(image, torch.device("cpu"))
    return Thumbnail.of(picture, f"{title}, severity {severity}", shown)
