"""Charts of stored results as altair charts, in the colors of the site."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
from markupsafe import Markup

from benchmark.probes import PROBES
from leaderboard.charts.curves import Picture
from leaderboard.charts.heat_maps import heat_map_chart, heat_maps, images_in_cells
from leaderboard.charts.style import Layers
from leaderboard.charts.svg import NOT_DRAWN, Painter, drawable
from leaderboard.charts.thumbnails import ENLARGED, Shown, strip_chart, strips
from leaderboard.pages.model_pictures import pictures_of, shown_thumbnails
from leaderboard.store import Entry
from models_zoo.errors import unknown_name

_VARIABLE = re.compile(r"var\(--[\w-]+, ([^()]+)\)")


@dataclass(frozen=True)
class Plot:
    """A chart with its title and its text alternative.

    Attributes:
        title: in plain text.
        description: text alternative.
        spec: the Vega-Lite specification, in fixed colors.
        images: small images that the chart shows, which a drawing without scripts cannot contain.
    """

    title: str
    description: str
    spec: dict[str, Any]
    images: Sequence[Shown] = ()

    def html(self, painter: Painter) -> Markup:
        """The chart as a drawing, or its images."""
        if not self.images:
            return painter.draw(self.spec, self.description)[0]
        image = Markup(
            '<figure style="display: inline-block; margin: 0.3em"><img src="{}" alt="" width="{}" '
            'style="image-rendering: pixelated"><figcaption><small>{}</small></figcaption></figure>'
        )
        return Markup().join(
            image.format(each.source, ENLARGED, each.caption) for each in self.images
        )


class Plots(Mapping[str, alt.TopLevelMixin]):
    """Charts by name, such as ``plots["input.robust_accuracy_linf"]``; a notebook shows all.

    Each is an ordinary altair chart: ``plots[name].save("figure.pdf")`` writes it to a file.

    Args:
        plots: by name.
    """

    def __init__(self, plots: Mapping[str, Plot]) -> None:
        self._plots = dict(plots)

    def __getitem__(self, name: str) -> alt.TopLevelMixin:
        if name not in self._plots:
            raise KeyError(f"{name!r}; there are: {', '.join(self._plots) or 'none'}")
        return chart_of(self._plots[name].spec)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plots)

    def __len__(self) -> int:
        return len(self._plots)

    def __repr__(self) -> str:
        return f"Plots({', '.join(self._plots)})"

    def _repr_html_(self) -> str:
        """All charts as drawings that need neither scripts nor a network."""
        painter = Painter()
        figures = []
        for name, plot in self._plots.items():
            figures.append(
                Markup(
                    '<figure style="margin: 0 1em 1em 0"><figcaption>{} <code>{}</code>'
                    "</figcaption>{}</figure>"
                ).format(plot.title, name, plot.html(painter))
            )
        style = "display: flex; flex-wrap: wrap; align-items: flex-start"
        return str(Markup('<div style="{}">{}</div>').format(style, Markup("").join(figures)))


class Recorder(Painter):
    """Keeps charts in place of drawing them; the file of a picture is the place of its chart."""

    def __init__(self) -> None:
        super().__init__()
        self.charts: list[tuple[dict[str, Any], str]] = []

    def draw(self, chart: Layers | dict[str, Any], description: str) -> tuple[Markup, str]:
        """Keep the chart in fixed colors."""
        spec = chart if isinstance(chart, dict) else chart.to_dict()
        self.charts.append((plain_colors(spec), description))
        return NOT_DRAWN, str(len(self.charts) - 1)

    def plot(self, picture: Picture) -> Plot:
        """The chart of a picture that was drawn with this painter."""
        spec, description = self.charts[int(picture.file)]
        return Plot(picture.title, description, spec)


def plots_of(entry: Entry, probes: Sequence[str] = ()) -> Plots:
    """The charts of a model's page: curves, bars, heat maps and small images.

    Args:
        entry: the results.
        probes: only charts of these; by default of all.

    Raises:
        InputError: there is no result of such a probe.
    """
    for name in probes:
        if name not in entry.results:
            raise unknown_name("probe of the report", name, entry.results)
    found: dict[str, Plot] = {}
    for name, result in entry.results.items():
        if probes and name not in probes:
            continue
        recorder = Recorder()
        references = (
            entry.results[other]
            for other, probe in PROBES.items()
            if probe.reference_for == name and other in entry.results
        )
        pictures = pictures_of(result, next(references, None), recorder, entry.card.name)
        plots = [recorder.plot(each) for each in (*pictures.leading, *pictures.further)]
        thumbnails = shown_thumbnails(result)
        for heat_map in heat_maps(result.surfaces, thumbnails):
            chart = heat_map_chart(heat_map)
            plots.append(Plot(heat_map.title, heat_map.title, plain_colors(chart.to_dict())))
        in_cells = images_in_cells(result.surfaces, thumbnails)
        for strip in strips([each for each in thumbnails if each.picture not in in_cells]):
            spec = plain_colors(strip_chart(strip).to_dict())
            plots.append(Plot(strip.title, strip.title, spec, strip.images))
        for plot in plots:
            found[_free(f"{name}.{plot.title.lower().replace(' ', '_')}", found)] = plot
    return Plots(found)


def chart_of(spec: dict[str, Any]) -> alt.TopLevelMixin:
    """A specification as an altair chart."""
    chart: alt.TopLevelMixin = alt.Chart.from_dict(drawable(spec))
    return chart


def plain_colors(spec: dict[str, Any]) -> dict[str, Any]:
    """A specification with fixed colors in place of the variables of the site's style sheet.

    The background is white: notebooks draw on a canvas, where variables have no value.
    """
    fixed: dict[str, Any] = _fixed(spec)
    return fixed | {"background": "white"}


def _fixed(value: Any) -> Any:
    if isinstance(value, str):
        variable = _VARIABLE.fullmatch(value)
        return variable[1] if variable else value
    if isinstance(value, dict):
        return {key: _fixed(each) for key, each in value.items()}
    return [_fixed(each) for each in value] if isinstance(value, list) else value


def _free(name: str, taken: Mapping[str, Plot]) -> str:
    """The name, with a number where it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
