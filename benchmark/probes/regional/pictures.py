"""Charts and protocol of the regional probe, per region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmark.attacks.regions import Shape
from benchmark.measures.regional import NORMS, Tally
from benchmark.results import Curve, Score

AREA_LABEL = "share of pixels that may change"


def region_curves(
    tallies: Mapping[str, Tally], shapes: Sequence[Shape], size: tuple[int, int]
) -> list[Curve]:
    """Success by every rule, then white-box norms relative to those of the unrestricted attack.

    A chart has a series per kind of region, and each series ends at the full image.

    Args:
        tallies: by the rule's name; ``"white-box"`` is one of them.
        shapes: the regions, the full image first.
        size: height and width of an image.
    """

    def rate(name: str) -> list[Curve]:
        picture, label = f"regional_{name.replace('-', '_')}", f"{name} success"
        rates = tallies[name]
        return _curves(picture, label, shapes, size, lambda place: rates.rate([place]), "share")

    def ratio(norm: str) -> list[Curve]:
        picture, label = f"{norm}_relative_to_unrestricted_attack", f"median ratio of {norm}"
        own = tallies["white-box"]
        return _curves(picture, label, shapes, size, lambda place: own.ratio([place], norm), "")

    curves = [curve for name in tallies for curve in rate(name)]
    return curves + [curve for norm in NORMS for curve in ratio(norm)]


def _curves(
    picture: str,
    y_label: str,
    shapes: Sequence[Shape],
    size: tuple[int, int],
    score: Callable[[int], Score | None],
    unit: str,
) -> list[Curve]:
    curves = []
    for kind in dict.fromkeys(shape.kind for shape in shapes[1:]):
        places = [place for place, shape in enumerate(shapes) if shape.kind == kind]
        points = [
            (shapes[place].pixels(*size) / (size[0] * size[1]), found)
            for place in (*places, 0)
            if (found := score(place)) is not None
        ]
        if points:
            curves.append(
                Curve(
                    picture=picture,
                    series=kind,
                    x_label=AREA_LABEL,
                    y_label=y_label,
                    x=[area for area, _ in points],
                    x_text=[f"{100 * area:.3g}%" for area, _ in points],
                    y=[found for _, found in points],
                    unit=unit,
                )
            )
    return curves


def region_line(
    tallies: Mapping[str, Tally], place: int, shape: Shape, size: tuple[int, int]
) -> dict[str, str]:
    """Counts, median norms and paired ratios of a region, one text per rule.

    Args:
        tallies: by the rule's name.
        place: index of the region.
        shape: the region.
        size: height and width of an image.
    """
    lines = {"pixels": f"{shape.pixels(*size)} of {size[0] * size[1]}"}
    for name, tally in tallies.items():
        fooled, tried = tally.counts([place])
        text = f"{fooled} of {tried}"
        if fooled:
            medians = zip(NORMS, tally.median_norms(place), strict=True)
            text += ", median " + ", ".join(f"{norm} {value:.3g}" for norm, value in medians)
        ratios = {norm: tally.ratio([place], norm) for norm in NORMS}
        known = {norm: score for norm, score in ratios.items() if score is not None}
        if known and place:
            text += ", to the unrestricted " + ", ".join(
                f"{norm} x{score.value:.3g}" for norm, score in known.items()
            )
            text += f" (n = {known['l0'].n})"
        lines[name] = text
    return lines
