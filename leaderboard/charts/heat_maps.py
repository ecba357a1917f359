"""Scores over pairs, such as of budgets, as tables whose cells are shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import altair as alt

from benchmark.results import Surface, Thumbnail
from leaderboard.charts.curves import titled
from leaderboard.charts.labels import distinct, short
from leaderboard.charts.style import COLORS, INK, Layers, styled
from leaderboard.charts.thumbnails import image_address
from leaderboard.formatting.texts import number

_CELL = (74, 40)
"""Width and height of a cell of a chart, in pixels."""

_IMAGE = 48
"""Width and height of an image in a cell of a chart, in pixels."""

_LEAST_HEIGHT = 170
"""Height at which the title of the vertical axis fits, in pixels."""

_TICK = 24
"""Width of the longest tick of a chart, in columns of a terminal."""


@dataclass(frozen=True)
class HeatCell:
    """A cell as shown; ``strength`` in [0, 1] shades it, ``proven`` is shown below its text."""

    text: str
    strength: float
    proven: str | None


@dataclass(frozen=True)
class HeatMap:
    """A surface as a table.

    Attributes:
        surface: the axes with their labels and texts.
        title: caption.
        cells: a row for each of the surface's ``y``.
        proven: whether the cells also hold the lower envelope.
        images: an image for each cell; empty if there are none.
    """

    surface: Surface
    title: str
    cells: list[list[HeatCell]]
    proven: bool
    images: list[list[Thumbnail]] = field(default_factory=list)


def images_in_cells(
    surfaces: Sequence[Surface], thumbnails: Sequence[Thumbnail]
) -> dict[str, list[list[Thumbnail]]]:
    """The images that belong to cells, by the surface's name: those of its name, one per cell.

    Args:
        surfaces: of a result.
        thumbnails: its small images, row by row for each surface.
    """
    found = {}
    for surface in surfaces:
        own = [each for each in thumbnails if each.picture == surface.picture]
        columns = len(surface.x)
        whole = len(own) == columns * len(surface.y) and len({each.shape for each in own}) == 1
        if whole:
            starts = range(0, len(own), columns)
            found[surface.picture] = [own[start : start + columns] for start in starts]
    return found


def heat_maps(surfaces: Sequence[Surface], thumbnails: Sequence[Thumbnail] = ()) -> list[HeatMap]:
    """A table per surface; what is certified is shown in the cells of the attacked surface.

    Args:
        surfaces: of a result.
        thumbnails: its small images, of which some may belong to cells.
    """
    images = images_in_cells(surfaces, thumbnails)
    attacked = [surface for surface in surfaces if surface.role == "budget"]
    certified = [surface for surface in surfaces if surface.role == "certificate"]
    pairs = [(above, below) for above in attacked for below in certified if _match(above, below)]
    shown_below = [below for _, below in pairs]
    return [
        replace(
            _heat_map(surface, next((below for above, below in pairs if above is surface), None)),
            images=images.get(surface.picture, []),
        )
        for surface in surfaces
        if not any(surface is below for below in shown_below)
    ]


def heat_map_chart(heat_map: HeatMap) -> Layers:
    """A heat map as a chart, with the text of each cell and below it what is certified.

    Images are above the texts.
    """
    surface = heat_map.surface
    across, down = distinct(surface.x_text, _TICK), distinct(surface.y_text, _TICK)
    columns, rows = list(across.values()), list(down.values())
    data = [
        {
            "x": across[x],
            "y": down[y],
            "strength": cell.strength,
            "text": [cell.text] if cell.proven is None else [cell.text, f"≥ {cell.proven}"],
        }
        for y, line in zip(surface.y_text, heat_map.cells, strict=True)
        for x, cell in zip(surface.x_text, line, strict=True)
    ]
    images = [image_address(each) for row in heat_map.images for each in row]
    for cell_data, source in zip(data, images, strict=False):
        cell_data["image"] = source
    axis = alt.Axis(grid=False, ticks=False, domain=False, labelAngle=0)
    base = alt.Chart(alt.InlineData(values=data)).encode(
        x=alt.X("x:N", title=short(surface.x_label), sort=columns, axis=axis),
        y=alt.Y("y:N", title=short(surface.y_label), sort=rows, axis=axis),
    )
    shade = alt.Opacity(
        "strength:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.7]), legend=None
    )
    cells = base.mark_rect(color=COLORS[0]).encode(opacity=shade)
    below = _IMAGE / 2 if images else 0
    texts = base.mark_text(color=INK, fontSize=11, lineHeight=13, dy=below).encode(text="text:N")
    layers = [cells, texts]
    if images:
        picture = base.mark_image(width=_IMAGE, height=_IMAGE, yOffset=-_IMAGE // 6)
        layers.append(picture.encode(url="image:N"))
    cell = (_CELL[0], _CELL[1] + (_IMAGE if images else 0))
    width, height = (side * len(ticks) for side, ticks in zip(cell, (columns, rows), strict=True))
    return styled(alt.layer(*layers), width, max(height, _LEAST_HEIGHT))


def _match(attacked: Surface, certified: Surface) -> bool:
    """Whether both are about the same threats."""
    same_axes = (attacked.x, attacked.y) == (certified.x, certified.y)
    return same_axes and attacked.threat == certified.threat


def _heat_map(surface: Surface, below: Surface | None) -> HeatMap:
    unit = surface.unit
    values = [value for row in surface.z for value in row if math.isfinite(value)]
    low, high = (
        (0.0, 1.0) if unit == "share" else (min(values, default=0.0), max(values, default=1.0))
    )
    span = (high - low) or 1.0
    cells = [
        [
            HeatCell(
                number(value, unit),
                min(max((value - low) / span, 0.0), 1.0),
                None if below is None else number(below.z[i][j], unit),
            )
            for j, value in enumerate(row)
        ]
        for i, row in enumerate(surface.z)
    ]
    return HeatMap(surface, titled(surface.picture), cells, below is not None)
