"""Points of a chart as links, whatever was drawn before."""

from __future__ import annotations

from xml.etree import ElementTree

import altair as alt
import pytest

from leaderboard.charts.linked_points import LinkedPoint, with_links
from leaderboard.charts.svg import Painter


def drawn():
    data = alt.InlineData(values=[{"x": 1, "y": 1}, {"x": 2, "y": 2}])
    chart = alt.layer(alt.Chart(data).mark_point().encode(x="x:Q", y="y:Q"))
    return Painter().draw(chart, "two points")[0]


def point(name):
    return LinkedPoint(f"{name}.html", name, f"{name}: 1", on_left=False, in_order=True)


def test_elements_have_no_prefix_after_another_namespace_was_registered():
    svg = drawn()
    # As formulas do, and as it is where the chart comes from an earlier site.
    ElementTree.register_namespace("", "http://www.w3.org/1998/Math/MathML")
    linked = with_links(svg, [point("a"), point("b")])
    assert linked.startswith("<svg ")
    assert "ns0" not in linked
    assert linked.count("<a href=") == 2


def test_another_number_of_points_is_refused():
    with pytest.raises(RuntimeError, match="1 links"):
        with_links(drawn(), [point("a")])
