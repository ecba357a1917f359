"""A rerun from elsewhere is judged by its scores, and by nothing else that it says."""

import json
import math

import numpy as np
import pytest

from benchmark.results import ProbeResult, Score
from leaderboard.reruns.agreement import compare
from leaderboard.reruns.file import compare_file, read_rerun, write_rerun
from models_zoo.errors import InputError


@pytest.fixture
def record(store, made_up, battery):
    """A stored entry with finite, infinite and undefined scores."""
    where = made_up.provenance(battery)
    for probe in ("clean", "backdoor"):
        store.save(made_up.card(), where, battery, made_up.results()[probe])
    odd = Score(value=math.nan, n=3, low=-math.inf, high=math.inf)
    store.save(made_up.card(), where, battery, ProbeResult(probe="odd", scores={"odd": odd}))
    return store.entries()[0]


@pytest.fixture
def file(tmp_path, record):
    """The rerun of it, with the same numbers, from another machine."""
    found = []
    for probe, result in record.results.items():
        then = record.provenances[probe]
        changes = {"device": "cuda", "threads": 8, "created": "2026-05-06T07:08:09+00:00"}
        changes["processor"] = "GPU X (compute capability 9.0)"
        found.append(compare(result, result, then, then.model_copy(update=changes)))
    write_rerun(tmp_path / "rerun.json", record, found)
    return tmp_path / "rerun.json"


def change(file, edit):
    content = json.loads(file.read_text("utf-8"))
    edit(content)
    file.write_text(json.dumps(content), "utf-8")
    return read_rerun(file)


def test_every_number_survives_the_file(file, store, record):
    entry, found = compare_file(read_rerun(file), store)
    assert entry.provenance == record.provenance
    assert [each.probe for each in found] == ["clean", "backdoor", "odd"]
    assert all(each.same and each.largest_difference == 0 for each in found)
    rerun = found[0].signed("Ada", imported=True)
    assert (rerun.device, rerun.threads, rerun.outcomes) == ("cuda", 8, 200)
    assert rerun.created == "2026-05-06T07:08:09+00:00"
    assert rerun.circumstances == [
        "device cuda in place of cpu",
        "processor GPU X (compute capability 9.0) in place of one that was not recorded",
        "8 threads in place of 1",
    ]


def test_its_own_verdict_counts_for_nothing(file, store):
    def forge(content):
        assert content["results"]["clean"]["same"]
        content["results"]["clean"]["scores"]["accuracy"]["value"] += 0.01

    _, found = compare_file(change(file, forge), store)
    assert not found[0].same
    assert found[0].largest_difference == pytest.approx(0.01)

    def deny(content):
        content["results"]["odd"]["same"] = False

    assert compare_file(change(file, deny), store)[1][2].same


def test_outcomes_are_compared_one_by_one(file, store):
    def flip(content):
        outcomes = content["results"]["clean"]["outcomes"]
        outcomes["headline"] = "11" + outcomes["headline"][2:]

    _, found = compare_file(change(file, flip), store)
    assert (found[0].same, found[0].examples) == (False, (2, 200))
    assert found[0].largest_difference == 0


def test_what_cannot_be_subtracted_has_no_difference(file, store):
    def reshape(content):
        clean = content["results"]["clean"]
        clean["outcomes"]["headline"] = "1"
        del clean["scores"]["accuracy"]
        content["results"]["backdoor"]["scores"]["success"]["n"] = 7
        content["results"]["odd"]["scores"]["odd"]["value"] = 0.5

    _, found = compare_file(change(file, reshape), store)
    assert [each.largest_difference for each in found] == [None, None, None]
    assert found[0].examples == (200, 200)
    assert not any(each.same for each in found)


def test_an_infinite_score_on_one_side_is_infinitely_far(file, store):
    def cure(content):
        content["results"]["backdoor"]["scores"]["smallest_budget"]["value"] = 0.5

    assert compare_file(change(file, cure), store)[1][1].largest_difference == math.inf


@pytest.mark.parametrize("key", ["fingerprint", "battery_sha256", "data_sha256", "seed"])
def test_a_rerun_of_what_is_not_stored_is_refused(file, store, key):
    rerun = change(file, lambda content: content.update({key: 7 if key == "seed" else "e" * 64}))
    with pytest.raises(InputError, match="about a result that is not stored"):
        compare_file(rerun, store)


def test_a_rerun_of_a_probe_that_is_not_stored_is_refused(file, store):
    def rename(content):
        content["results"]["weight"] = content["results"].pop("odd")

    with pytest.raises(InputError, match=r"'weight' of .*, which is not stored; stored: clean"):
        compare_file(change(file, rename), store)


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c.update(schema_version=2),
        lambda c: c.update(more=1),
        lambda c: c.update(fingerprint="nonsense"),
        lambda c: c.update(results={}),
        lambda c: c["results"].update({"\x1b[31m": c["results"]["clean"]}),
        lambda c: c["results"]["clean"].update(device="x" * 101),
        lambda c: c["results"]["clean"].update(threads=0),
        lambda c: c["results"]["clean"].update(created="2026-05-06T07:08:09"),
        lambda c: c["results"]["clean"].update(created="9999-12-31T23:59:59-23:59"),
        lambda c: c["results"]["clean"].update(versions={"torch": "2\n"}),
        lambda c: c["results"]["clean"]["outcomes"].update(headline="102"),
        lambda c: c["results"]["clean"]["scores"]["accuracy"].update(value={"$float": []}),
        lambda c: c["results"]["clean"]["scores"]["accuracy"].update(value=10**400),
    ],
)
def test_what_is_no_rerun_is_refused_in_one_printable_line(file, edit):
    with pytest.raises(InputError, match="is not a rerun") as caught:
        change(file, edit)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "null", "\xff", "9" * 5000])
def test_what_is_no_json_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="is not a rerun" if text else "is empty"):
        read_rerun(tmp_path / "x.json")
    with pytest.raises(InputError, match="is not a file"):
        read_rerun(tmp_path)


def test_outcomes_in_the_file_are_a_digit_an_example(file, record):
    text = json.loads(file.read_text("utf-8"))["results"]["clean"]["outcomes"]["headline"]
    assert np.array_equal([c == "1" for c in text], record.results["clean"].outcomes["headline"])
