"""Texts that somebody may have put into a submission."""

from __future__ import annotations

from hashlib import sha256

import pytest

from leaderboard.store import Entry

HOSTILE = {
    "script": "<script>alert(1)</script>\"'&amp;]]>",
    "lines": "a\nb\r\n---\n- !!python/object:os.system x\n...\n",
    "yaml": "{a: &b *b, ? [x]: |\t # } %TAG ! @`",
    "boolean": "no",
    "surrogates": "\ud83d \udc00 x",
    "controls": "\x00\x1b[31m\x7f\x85\u2028\u202e\ufeff\uffff",
    "long": "名" * 200,
}


@pytest.fixture(params=list(HOSTILE.values()), ids=list(HOSTILE))
def hostile(request):
    return request.param


@pytest.fixture
def entry_named(made_up):
    """Makes an entry of a model with a name and of a battery with a name, past every check."""

    def make(name="digits/cnn-pgd-at", battery="digits-v1", strength=0.3, **changes):
        results = made_up.results(strength)
        asked = made_up.Battery()
        where = made_up.provenance(asked, **changes).model_copy(
            update={
                "battery": battery,
                "battery_sha256": sha256(battery.encode("utf-8", "replace")).hexdigest(),
            }
        )
        return Entry(
            card=made_up.card(recipe="pgd-at").model_copy(update={"name": name}),
            battery=asked.model_dump(mode="json"),
            submitted=False,
            results=results,
            provenances=dict.fromkeys(results, where),
        )

    return make
