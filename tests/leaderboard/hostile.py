"""A store whose every text is somebody's attempt to be more than a text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from pydantic import HttpUrl

from benchmark.results import Flag, Thumbnail
from leaderboard.store import Store
from leaderboard.store.reruns import Rerun
from models_zoo.card import Card, Robustness, Training
from tests.leaderboard import conftest as made_up

if TYPE_CHECKING:
    from benchmark.batteries import Battery

LONG = "W" * 10_000
TEXTS = [
    """'"></title></svg><script>alert(1)</script><img src=x onerror=alert(2)> onload='a()'""",
    "</script><script>alert(3)</script><!--<style>*{display:none}</style>]]>",
    "javascript:alert(4)//",
    "{{ 7 * 7 }}{% raw %}${alert(5)}`*x*` \\u003cscript>alert(6)</script> &lt;b&gt;",
    "line\nbreak\r\ttab\x00\x0b\u2028\u2029\ufffe\N{RIGHT-TO-LEFT OVERRIDE}live\N{BELL}",
    "half a pair \ud800 and \udfff",
    LONG,
    "=HYPERLINK(0)",
]
"""What is put into every field, each into a model of its own."""

PAPER = HttpUrl("https://example.org/'\"><script>alert(7)</script>?a=1&b=<b>#\u202eonload=")
"""As much of an attempt as the card lets into an address."""

PLAIN = [f"plain{place}" for place in range(len(TEXTS))]
"""As many texts that are nothing else, for the same site without the attempts."""


def fill(store: Store, texts: list[str]) -> None:
    """Save a model a text, with the text in every field that takes one."""
    for place, text in enumerate(texts):
        battery = _battery(text)
        where = made_up.make_provenance(
            battery, hashlib.sha256(f"hostile{place}".encode()).hexdigest()
        )
        shown = _storable(text)  # a rerun is compared with the record as it was stored
        where = where.model_copy(update={"device": shown, "versions": {shown: shown}})
        results = made_up.make_results(0.1 + place / 50)
        for result in (results[name] for name in ("clean", "input", "weight", "joint")):
            changed = _everywhere(result.model_dump(), text)
            renamed = result.model_validate(changed | {"outcomes": result.outcomes})
            store.save(_card(text), where, cast("Battery", battery), renamed, submitted=True)
            store.record_rerun(where, result.probe, _rerun(text))
        odd = results["clean"].model_copy(update={"probe": f"{_storable(text)}-probe"})
        store.save(_card(text), where, cast("Battery", battery), odd, submitted=True)


def _battery(text: str) -> made_up.MadeUpBattery:
    known, text = made_up.MadeUpBattery(), _storable(text)
    probes = known.probes | {text: {text: text}, "bits": {text: [text, {text: text}]}}
    return made_up.MadeUpBattery(
        name=text, dataset=text, description=text, probes=probes, default=(text, "clean")
    )


def _rerun(text: str) -> Rerun:
    printed = "".join(filter(str.isprintable, _storable(text)))
    return Rerun(
        by=printed[:200].strip(),
        created="2026-01-03T00:00:00+00:00",
        same=False,
        largest_difference=0.5,
        differing=1,
        outcomes=2,
        device=_storable(text),
        threads=1,
        versions={text: text},
        circumstances=[text, text],
        note=printed[:1000],
    )


def _storable(text: str) -> str:
    """Columns, unlike JSON, refuse what no encoding can hold; so does the card's name."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def _card(text: str) -> Card:
    return made_up.make_card(
        _storable(text)[:200],
        source="submitted",
        architecture=text,
        dataset=text,
        checkpoint=text,
        licence=text,
        notes=text,
        paper=PAPER,
        training=Training(recipe=text, settings={text: text, "eps": 0.1}, data=text),
        robustness=Robustness(accuracy=0.5, norm="linf", eps=0.1, examples=10, attack=text),
    )


_KEPT = ("probe", "pixels", "shape")
"""Fields of a result that a reader interprets, and that no stranger writes."""


def _everywhere(result: dict[str, Any], text: str) -> dict[str, Any]:
    """The result with the text in place of every other, numbered so that names stay apart."""
    count = 0

    def next_one() -> str:
        nonlocal count
        count += 1
        return f"{text}{count}"

    changed: dict[str, Any] = _replaced(result, next_one)
    for drawing in ("curves", "surfaces", "bars"):  # threats and roles take no text
        for own, given in zip(changed[drawing], result[drawing], strict=True):
            own |= {"role": given["role"], "threat": given["threat"]}
    flag = Flag(name=text, title=text, raised=True, figure=0.5, saw=f"{text} {text}", advice=text)
    image = Thumbnail(picture=text, caption=text, shape=(1, 1, 1), pixels="AA==")
    return changed | {
        "scores": result["scores"],
        "outcome_kinds": result["outcome_kinds"],
        "share_of": result["share_of"],
        "headline_threats": result["headline_threats"],
        "flags": [flag.model_dump()],
        "thumbnails": [image.model_dump(), image.model_dump()],
        "protocol": {text: {text: [text, 1]}, "numbers": [1, 2]},
        "values": {text: [0.0] * made_up.N},
    }


def _replaced(value: Any, text: Callable[[], str]) -> Any:
    match value:
        case str():
            return text()
        case list():
            return [_replaced(item, text) for item in value]
        case dict():
            return {
                key: item if key in _KEPT or key == "cost" else _replaced(item, text)
                for key, item in value.items()
            }
        case _:
            return value
