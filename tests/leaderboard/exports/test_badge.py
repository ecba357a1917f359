"""The badge: what it says, that it can be read, and that no name breaks it."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmark.results import Flag
from leaderboard.exports import badge
from leaderboard.exports.badge import badge_of, badge_svg, entry_shown, shields_json

SVG = "{http://www.w3.org/2000/svg}"


def parsed(entry):
    return ElementTree.fromstring(badge_svg(badge_of(entry)))  # noqa: S314 our own output


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours ``#rrggbb``."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_it_says_the_headline_score_and_its_battery(entry_named):
    entry = entry_named()
    value = entry.answers["nonsingular"].scores["robust_accuracy"].value
    message = f"{100 * value:.1f}% on digits-v1"
    svg = parsed(entry)
    assert [text.text for text in svg.iter(f"{SVG}text")] == ["non-singular robustness", message]
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == f"non-singular robustness: {message}"
    title = svg.find(f"{SVG}title").text
    assert title.startswith("digits/cnn-pgd-at: ")
    assert "95% interval" in title
    assert "200 test images" in title


def test_shields_gets_what_its_endpoint_asks_for(entry_named):
    made = badge_of(entry_named())
    content = json.loads(shields_json(made))
    assert content["schemaVersion"] == 1
    assert (content["label"], content["message"]) == ("non-singular robustness", made.message)
    assert content["color"] == made.color


def test_text_has_enough_contrast_on_every_colour():
    shades = [shade for _, shade in badge.COLORS]
    for color in (*shades, badge.FLAGGED, badge.UNMEASURED, badge.LABEL_COLOR):
        assert contrast("#ffffff", color) >= 4.5, color


def test_the_colour_follows_the_value(entry_named):
    weak, strong = (badge_of(entry_named(str(s), strength=s)) for s in (0.01, 2.0))
    assert weak.color == badge.COLORS[-1][1]
    assert strong.color == badge.COLORS[0][1]


def test_raised_flags_are_said_and_seen(entry_named):
    entry = entry_named()
    flag = Flag(name="odd", title="", raised=True, figure=1.0, saw="", advice="")
    calm = flag.model_copy(update={"name": "fine", "raised": False})
    results = entry.results | {
        "clean": entry.results["clean"].model_copy(update={"flags": [flag, calm]})
    }
    made = badge_of(replace(entry, results=results))
    assert made.message.endswith("on digits-v1 (1 flag)")
    assert made.color == badge.FLAGGED
    assert "odd" in made.title
    assert "fine" not in made.title


def test_what_was_not_measured_has_no_number(entry_named):
    entry = entry_named()
    made = badge_of(replace(entry, results={"clean": entry.results["clean"]}))
    assert made.message == "not measured on digits-v1"
    assert made.color == badge.UNMEASURED


def test_one_entry_speaks_for_a_model(entry_named):
    newest_on_few = entry_named(battery="a", examples=10, created="2026-03-01T00:00:00+00:00")
    on_training = entry_named(battery="b", split="train", examples=900)
    older = entry_named(battery="c")
    newer = entry_named(battery="d", created="2026-02-01T00:00:00+00:00")
    partly = replace(newer, results={"clean": newer.results["clean"]})
    assert entry_shown([newest_on_few, on_training, older, newer, partly]) is newer
    assert badge_of(on_training).message.endswith("(training images)")


def test_no_name_breaks_it(entry_named, hostile):
    entry = entry_named(hostile, hostile)
    svg = parsed(entry)
    assert {element.tag for element in svg.iter()} == {
        f"{SVG}{tag}" for tag in ("svg", "title", "rect", "path", "g", "text")
    }
    message = json.loads(shields_json(badge_of(entry)))["message"]
    assert len(message) <= 48
    assert 200 < int(svg.get("width")) < 1000


def test_a_name_is_in_the_title_as_it_is(entry_named):
    name = "<b>&'\" 名 --> {{ 7 * 7 }}"
    assert parsed(entry_named(name)).find(f"{SVG}title").text.startswith(f"{name}: ")


@pytest.mark.parametrize("character", ["\x00", "\ud800", "\uffff", "\x1b"])
def test_what_xml_cannot_hold_is_replaced(entry_named, character):
    title = parsed(entry_named(f"a{character}b")).find(f"{SVG}title").text
    assert title.startswith("a\ufffdb: ")
