"""Small images, such as triggers, as PNGs: in rows of their own, or in the cells of a heat map."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.results import Thumbnail
from leaderboard.charts.labels import distinct
from leaderboard.charts.style import Layers, styled

ENLARGED = 80
"""Width of an image in a chart, in pixels."""

_CAPTION = 24
"""Width of the longest caption in a chart, in columns of a terminal."""


@dataclass(frozen=True)
class Shown:
    """An image as a page shows it.

    Attributes:
        caption: what it shows.
        source: a ``data:`` address of its PNG.
        width: in pixels of the image.
        height: in pixels of the image.
    """

    caption: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Strip:
    """Images in a row."""

    title: str
    images: list[Shown]


def strips(thumbnails: Sequence[Thumbnail]) -> list[Strip]:
    """A strip for each picture that the thumbnails name, in their order."""
    groups: dict[str, list[Shown]] = {}
    for thumbnail in thumbnails:
        groups.setdefault(thumbnail.picture, []).append(_shown(thumbnail))
    return [Strip(name.replace("_", " ").capitalize(), group) for name, group in groups.items()]


def strip_chart(strip: Strip) -> Layers:
    """A strip as a chart: each image above its caption."""
    labels = distinct((image.caption for image in strip.images), _CAPTION)
    names = [labels[image.caption] for image in strip.images]
    data = [
        {"place": place, "name": name, "source": image.source}
        for place, (name, image) in enumerate(zip(names, strip.images, strict=True))
    ]
    axis = alt.Axis(grid=False, ticks=False, domain=False, labelAngle=-30)
    marks = (
        alt.Chart(alt.InlineData(values=data))
        .mark_image(width=ENLARGED, height=ENLARGED)
        .encode(x=alt.X("name:N", title=None, sort=names, axis=axis), url="source:N")
    )
    return styled(alt.layer(marks), (ENLARGED + 16) * max(len(set(names)), 1), ENLARGED + 8)


@dataclass(frozen=True)
class Sheet:
    """The images of a heat map's cells, in one picture.

    Attributes:
        png: the picture's file.
        cell: width and height of an image, in pixels.
        size: width and height of the picture, in pixels.
    """

    png: bytes
    cell: tuple[int, int]
    size: tuple[int, int]

    def window(self, row: int, column: int) -> str:
        """The part of the picture with the image of a cell, as an SVG's view box."""
        width, height = self.cell
        return f"{column * width} {row * height} {width} {height}"


def sheet_of(rows: Sequence[Sequence[Thumbnail]]) -> Sheet:
    """One picture of images in rows and columns.

    Args:
        rows: as many images in each, all of one shape.
    """
    lines = [np.concatenate([_values(each) for each in row], axis=2) for row in rows]
    values = np.concatenate(lines, axis=1)
    _, height, width = rows[0][0].shape
    return Sheet(_png(values), (width, height), (values.shape[2], values.shape[1]))


def data_address(png: bytes) -> str:
    """A PNG as a ``data:`` address."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _shown(thumbnail: Thumbnail) -> Shown:
    _, height, width = thumbnail.shape
    return Shown(thumbnail.caption, data_address(_png(_values(thumbnail))), width, height)


def image_address(thumbnail: Thumbnail) -> str:
    """The PNG of an image as a ``data:`` address."""
    return _shown(thumbnail).source


def _values(thumbnail: Thumbnail) -> NDArray[np.uint8]:
    return np.frombuffer(b64decode(thumbnail.pixels), np.uint8).reshape(thumbnail.shape)


def _png(values: NDArray[np.uint8]) -> bytes:
    """An image (C, H, W) as the content of a file."""
    image = Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
