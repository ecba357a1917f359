"""Archives: what goes in comes out to the last bit, and nothing else gets in."""

from __future__ import annotations

import gzip
import hashlib
import json
from base64 import b64encode

import pytest
from sqlalchemy.orm import Session

from benchmark.batteries import content_sha256
from leaderboard.archives import import_archive, read_archive, write_archive
from leaderboard.archives.reading import MAX_LINE
from leaderboard.pages import render_site
from leaderboard.reruns.verification import verification_of
from leaderboard.store import Rerun, Store
from leaderboard.store.schema import AlternativeRow
from models_zoo import Card
from models_zoo.errors import InputError

RERUN = Rerun(
    by="Ada",
    created="2026-01-02T03:04:05+00:00",
    same=True,
    largest_difference=0.0,
    differing=0,
    outcomes=200,
    device="cpu",
    threads=1,
)


@pytest.fixture
def filled(tmp_path, made_up):
    """A database with two models and a rerun."""
    store = Store.open(tmp_path / "filled.sqlite")
    made_up.fill(store, [("net", "standard", 0.1), ("at", "pgd-at", 0.6)])
    store.record_rerun(store.entries()[0].provenances["weight"], "weight", RERUN)
    return store


@pytest.fixture
def archive(filled, tmp_path):
    path = tmp_path / "results.jsonl.gz"
    write_archive(path, filled.entries(), by="the zoo", licence="CC-BY-4.0")
    return path


@pytest.fixture
def other(new_database):
    return Store.open(new_database())


def content(store):
    """Everything that is stored."""
    return {
        entry.card.name: (
            *(entry.card, entry.battery, entry.provenances, entry.submitted),
            str({probe: (result, result.outcomes) for probe, result in entry.results.items()}),
        )
        for entry in store.entries()
    }


def lines_of(path):
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def rewrite(path, lines):
    """Write lines with the right checksum, as somebody who knows the format would."""
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:-1])
    end = json.dumps({"sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"
    path.write_bytes(gzip.compress(body + end, 1))


def test_an_imported_database_equals_the_exported_one(filled, archive, other, tmp_path):
    found = import_archive(other, read_archive(archive))
    results = sum(len(entry.results) for entry in filled.entries())
    assert (dict(found.fates), found.reruns) == ({"added": results}, 1)
    assert content(other) == content(filled)
    (rerun,) = next(iter(e.reruns["weight"] for e in other.entries() if e.reruns))
    assert (rerun.by, rerun.imported) == ("Ada", True)
    again = tmp_path / "again.jsonl.gz"
    write_archive(again, other.entries(), by="the zoo", licence="CC-BY-4.0")
    assert again.read_bytes() == archive.read_bytes()


def test_a_card_with_a_paper_is_archived_and_read_back(store, made_up, other, tmp_path, battery):
    paper = "https://arxiv.org/abs/1712.00673"
    card = Card.model_validate(made_up.card().model_dump() | {"paper": paper})
    where = made_up.provenance(battery, "a" * 64)
    for result in made_up.results(0.1).values():
        store.save(card, where, battery, result)
    write_archive(tmp_path / "a.jsonl.gz", store.entries())
    import_archive(other, read_archive(tmp_path / "a.jsonl.gz"))
    assert [str(entry.card.paper) for entry in other.entries()] == [paper]


def test_importing_twice_changes_nothing(archive, other):
    import_archive(other, read_archive(archive))
    before = content(other)
    found = import_archive(other, read_archive(archive))
    assert set(found.fates) == {"present"}
    assert (found.reruns, content(other)) == (0, before)


def test_pages_and_records_say_that_results_are_imported(archive, other, tmp_path):
    import_archive(other, read_archive(archive))
    entry, summary = other.entries()[0], other.summaries([])[0]
    for each in (entry, summary):
        found = verification_of(each, "input")
        assert found.kind == "imported"
        assert "measured by this suite elsewhere, imported from an archive" in found.sentence
        assert verification_of(each, "nonsingular").kind == "imported"
    site = render_site(other, tmp_path / "site").parent
    (page,) = site.glob("models/net*/index.html")
    assert "imported from an archive" in page.read_text("utf-8")


def test_a_result_that_is_measured_here_is_not_imported_any_more(archive, other, filled, battery):
    import_archive(other, read_archive(archive))
    entry = other.entries()[0]
    result, where = entry.results["clean"], entry.provenances["clean"]
    other.save(entry.card, where, battery, result)
    assert "clean" not in other.entries()[0].imported


def test_a_different_result_is_reported_and_kept_beside_the_stored_one(filled, archive, other):
    import_archive(other, read_archive(archive))
    lines = lines_of(archive)
    changed = next(line for line in lines if line.get("content", {}).get("probe") == "joint")
    changed["content"]["scores"]["volume"]["value"] += 0.5
    changed["provenance"]["created"] = "2026-03-04T05:06:07+00:00"
    rewrite(archive, lines)
    before = content(other)
    for _ in range(2):
        found = import_archive(other, read_archive(archive))
        assert found.fates["differs"] == 1
        assert [each[2] for each in found.differing] == ["joint"]
        assert content(other) == before
        with Session(other.engine) as session:
            assert session.query(AlternativeRow).count() == 1
    entries = {entry.card.name: entry for entry in other.entries()}
    (rerun,) = entries[found.differing[0][0]].reruns["joint"]
    assert (rerun.by, rerun.same, rerun.imported) == ("the zoo", False, True)
    assert rerun.largest_difference == pytest.approx(0.5)


def test_another_run_with_the_same_scores_is_not_stored_again(archive, other):
    import_archive(other, read_archive(archive))
    lines = lines_of(archive)
    for line in lines:
        if "provenance" in line:
            line["provenance"]["created"] = "2026-03-04T05:06:07+00:00"
            line["reruns"] = []
    rewrite(archive, lines)
    before = content(other)
    assert set(import_archive(other, read_archive(archive)).fates) == {"agrees"}
    assert content(other) == before


def first_result(lines):
    return next(line for line in lines if "content" in line and "provenance" in line)


def flip(lines):
    first_result(lines)["content"]["scores"]["accuracy"]["value"] = 0.99


def declare_much(lines):
    first_result(lines)["outcomes"]["headline"]["n"] = 10_000_000


def declare_more(lines):
    first_result(lines)["outcomes"]["headline"]["n"] = 80_000_000_000


def other_battery(lines):
    lines[1]["content"]["examples"] = 7


def unknown_battery(lines):
    lines[1]["content"]["examples"] = 7
    lines[1]["sha256"] = content_sha256(lines[1]["content"], lines[1]["algorithms"])


def climb(lines):
    line = next(each for each in lines if "card" in each)
    line["card"]["checkpoint"] = "../../etc/passwd"


def climb_on_windows(lines):
    line = next(each for each in lines if "card" in each)
    line["card"]["checkpoint"] = "..\\secret"


def another_version(lines):
    lines[0]["version"] = 2


def count_too_many(lines):
    lines[0]["results"] += 1


def count_too_few(lines):
    lines[0]["results"] -= 1


def twice(lines):
    lines[0]["results"] += 1
    lines.insert(-1, lines[-2])


def nul(lines):
    first_result(lines)["content"]["protocol"]["note"] = "a\0b"


def other_hash(lines):
    first_result(lines)["provenance"]["data_sha256"] = "images"


def half_a_pair(lines):
    first_result(lines)["provenance"]["data_sha256"] = "\ud800"


def half_a_pair_in_a_name(lines):
    next(each for each in lines if "card" in each)["card"]["name"] = "net \udc00"


def fewer_outcomes(lines):
    outcome = first_result(lines)["outcomes"]["headline"]
    outcome |= {"n": 8, "bits": b64encode(b"\xff").decode()}


def escape(lines):
    lines[0]["by"] = "\x1b[31mred"


def huge_seed(lines):
    first_result(lines)["provenance"]["seed"] = 2**70


def infinite_share(lines):
    first_result(lines)["content"]["scores"]["accuracy"]["value"] = {"$float": "nan"}


def extra_field(lines):
    first_result(lines)["command"] = "rm"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (flip, "is not the share of its outcomes"),
        (declare_much, "are not those of 10000000 examples"),
        (declare_more, "less than or equal to"),
        (other_battery, "does not have the stated SHA-256"),
        (unknown_battery, "of a battery that is not in it"),
        (climb, "names the file"),
        (climb_on_windows, "names the file"),
        (another_version, "has version 2 of the format, this suite reads 1"),
        (count_too_many, ""),
        (count_too_few, ""),
        (twice, "is in it twice"),
        (nul, "null character"),
        (other_hash, "states 'images' as SHA-256 of its images"),
        (half_a_pair, "half of a surrogate pair"),
        (half_a_pair_in_a_name, "half of a surrogate pair"),
        (fewer_outcomes, "outcome"),
        (escape, "does not print"),
        (huge_seed, "seed"),
        (infinite_share, "is not the share of its outcomes"),
        (extra_field, "extra"),
    ],
)
def test_a_forged_archive_is_refused_with_a_reason(archive, change, reason):
    lines = lines_of(archive)
    change(lines)
    rewrite(archive, lines)
    with pytest.raises(InputError, match="is not a usable archive") as refused:
        read_archive(archive)
    assert reason.lower() in str(refused.value).lower()
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_no_flipped_byte_gets_through(archive):
    data = archive.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 40)):
        archive.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        if 4 <= place < 10:  # the time and the system in gzip's own header are not content
            assert len(read_archive(archive).models) == 2
        else:
            with pytest.raises(InputError, match="is not a usable archive"):
                read_archive(archive)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_archive_is_refused(archive, share):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match="is not a usable archive"):
        read_archive(archive)


def test_a_small_file_cannot_expand_into_all_memory(tmp_path):
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * (MAX_LINE + 2), 1))
    with pytest.raises(InputError, match="larger after decompression than any archive"):
        read_archive(path)


def test_what_changes_after_the_check_is_not_imported_in_part(archive, other, monkeypatch):
    read = read_archive(archive)
    results = list(read.results())

    def failing(self):
        yield from results[:3]
        raise OSError("disk")

    monkeypatch.setattr(type(read), "results", failing)
    with pytest.raises(OSError, match="disk"):
        import_archive(other, read)
    assert other.entries() == []
    assert other.names() == {}


def test_the_commands(filled, archive, new_database, tmp_path):
    from leaderboard.cli import run

    database, written = str(filled.engine.url.database), tmp_path / "written.jsonl.gz"
    assert (
        run(["export", "--archive", str(written), "--by", "the zoo", "--database", database]) == 0
    )
    assert written.read_bytes() == archive.read_bytes()
    target = new_database()
    assert run(["import", str(written), "--database", target]) == 0
    assert content(Store.open(target)) == content(filled)
    one = tmp_path / "one.jsonl.gz"
    assert run(["export", "at", "--archive", str(one), "--database", target]) == 0
    assert [line.card.name for line in read_archive(one).models.values()] == ["at"]
    assert run(["import", str(tmp_path / "missing.gz"), "--database", target]) == 2
    assert run(["export", "--archive", str(one), "--examples", "3", "--database", target]) == 2
    missing = tmp_path / "none.sqlite"
    written.write_bytes(b"{}")
    assert run(["import", str(written), "--database", str(missing)]) == 2
    assert not missing.exists()
