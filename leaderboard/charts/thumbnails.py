"""Small images, such as triggers, as PNGs inside the page."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
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


def _shown(thumbnail: Thumbnail) -> Shown:
    channels, height, width = thumbnail.shape
    values = np.frombuffer(b64decode(thumbnail.pixels), np.uint8).reshape(thumbnail.shape)
    image = Image.fromarray(values[0] if channels == 1 else values.transpose(1, 2, 0))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    source = f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
    return Shown(thumbnail.caption, source, width, height)
