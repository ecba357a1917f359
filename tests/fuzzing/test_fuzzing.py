"""Every reader of strangers' input takes what it gets, or refuses it in one line.

A few changed inputs of each kind; ``python tests/fuzzing --seconds 600`` reads more of them.
"""

from __future__ import annotations

import logging
import random
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies

from tests.fuzzing.mutations import changed_json, damaged
from tests.fuzzing.targets import DESCRIPTION, Target, require_line, targets

TARGETS = {each.name: each for each in targets()}
SLOW = ("onnx", "submission")
"""Kinds of which an input takes a tenth of a second to read."""


@pytest.fixture(scope="module", autouse=True)
def _quiet():
    """The parser of forms logs every refusal."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where inputs are written."""
    found: Path = tmp_path_factory.mktemp("inputs")
    return found


@pytest.mark.parametrize("name", TARGETS)
def test_sound_inputs_are_taken(name, folder):
    """Otherwise the changed ones would be refused for what has not changed."""
    target = TARGETS[name]
    assert all(target.run(content, folder) for content in target.seeds())


@pytest.mark.parametrize("name", [each for each in TARGETS if each not in SLOW])
@hypothesis.given(number=strategies.integers(0, 2**32))
@hypothesis.settings(max_examples=40)
def test_changed_inputs_are_taken_or_refused_in_a_line(name, folder, number):
    draw, target = random.Random(number), TARGETS[name]  # noqa: S311 - no secrets
    target.run(target.mutate(draw.choice(target.seeds()), draw), folder)


@pytest.mark.parametrize("error", [ValueError("x"), OverflowError("y"), RecursionError("z")])
def test_an_exception_that_is_no_answer_is_seen(folder, error):
    def read(path: Path) -> None:
        raise error

    with pytest.raises(type(error)):
        Target("x", lambda: [b""], damaged, read).run(b"", folder)


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", "a" * 5000])
def test_a_refusal_that_is_not_one_line_is_seen(text):
    require_line("one")
    with pytest.raises(AssertionError, match="not one line"):
        require_line(text)


def test_changes_repeat_and_differ():
    def changed(number: int) -> object:
        return changed_json(DESCRIPTION, random.Random(number))  # noqa: S311 - no secrets

    assert repr(changed(1)) == repr(changed(1))
    assert len({repr(changed(number)) for number in range(50)}) > 40
    content = bytes(range(200))
    assert len({damaged(content, random.Random(number)) for number in range(50)}) > 40  # noqa: S311
