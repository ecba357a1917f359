"""Reports as files: exact, and harmless where the file is from a stranger."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from models_zoo.errors import InputError
from nonsingular.report import Report, load_report


@pytest.fixture
def file(report, tmp_path):
    return report.save(tmp_path / "report.json")


def test_what_is_read_is_what_was_written(report, file):
    again = load_report(file)
    assert again.provenance == report.provenance
    assert again.provenances == report.provenances
    assert again.battery == report.battery
    assert again.scores == report.scores
    assert math.isinf(again.scores["backdoor.smallest_budget"])
    assert again.intervals == report.intervals
    for name, result in report.results.items():
        own = again.results[name]
        assert own.model_dump() == result.model_dump()
        assert own.outcomes.keys() == result.outcomes.keys()
        for outcome, bits in result.outcomes.items():
            assert np.array_equal(own.outcomes[outcome], bits)
    assert again == report
    assert hash(again) == hash(report)
    assert Report.load(file).save(file).read_bytes() == load_report(file).save(file).read_bytes()


def test_a_card_from_a_file_never_takes_precedence(report, file):
    assert report.card.source == "bundled"
    assert load_report(file).card.source == "memory"


def test_hostile_reports_survive_their_file(hostile_reports, tmp_path):
    for report in hostile_reports:
        again = load_report(report.save(tmp_path / "report.json"))
        assert again.scores == report.scores


def replaced(content, *path, by):
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = by
    return content


@pytest.mark.parametrize(
    "change",
    [
        lambda c: [],
        lambda c: "report",
        lambda c: {},
        lambda c: c | {"schema_version": 2},
        lambda c: c | {"format": "another"},
        lambda c: c | {"more": 1},
        lambda c: replaced(c, "card", "name", by=""),
        lambda c: replaced(c, "card", "more", by=1),
        lambda c: replaced(c, "battery", by=[1]),
        lambda c: replaced(c, "battery", "probes", by="all"),
        lambda c: replaced(c, "provenance", "examples", by=0),
        lambda c: replaced(c, "provenance", "examples", by=201),
        lambda c: replaced(c, "provenance", "split", by="other"),
        lambda c: replaced(c, "results", "clean", "outcomes", "headline", by="0123"),
        lambda c: replaced(c, "results", "clean", "outcomes", "headline", by="01"),
        lambda c: replaced(c, "results", "clean", "content", "probe", by="input"),
        lambda c: replaced(c, "results", "clean", "content", "scores", by=[1]),
        lambda c: replaced(c, "results", "clean", "content", "scores", "accuracy", "n", by="x"),
        lambda c: replaced(c, "results", "clean", "content", "scores", "accuracy", by=1e400),
        lambda c: replaced(c, "results", "input", "content", "curves", 0, "y", by=[]),
        lambda c: replaced(c, "results", "backdoor", "content", "thumbnails", 0, "pixels", by="AA"),
        lambda c: replaced(
            c, "results", "backdoor", "content", "thumbnails", 0, "shape", by=[1, 10**9, 10**9]
        ),
        lambda c: replaced(c, "results", "clean", "provenance", "seed", by=5),
        lambda c: replaced(c, "results", "clean", "provenance", "fingerprint", by="f" * 64),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_line(file, change):
    content = change(json.loads(file.read_text()))
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is not a report") as caught:
        load_report(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\x80\x04.",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
        b'{"$float": "inf"}',
        b'{"format": {"$float": "not a number"}}',
        b"1" * 100_000,
    ],
)
def test_a_file_that_is_no_json_of_ours_is_refused_in_one_line(tmp_path, data):
    path = tmp_path / "report.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_report(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_missing_files_and_folders_are_named(report, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_report(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot write"):
        report.save(tmp_path / "none" / "report.json")
