"""What boards are made of: summaries, facets, threats and their data."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

from benchmark import load_battery
from benchmark.batteries import battery_histories
from benchmark.budgets import Budget
from benchmark.results import Score
from benchmark.threats import AnyThreat, InputThreat, JointThreat, WeightThreat
from leaderboard.board import headline_scores, make_boards, offering_probes
from leaderboard.board.card_columns import CARD_COLUMNS
from leaderboard.board.cell_texts import rank_example
from leaderboard.board.columns import columns_of
from leaderboard.board.payload import script
from leaderboard.board.ranking import Rank
from leaderboard.board.rows import make_rows, ranking_of
from leaderboard.board.threats import outcomes_payload, threats_of
from leaderboard.charts.svg import Painter
from models_zoo.architectures import family


@pytest.fixture(scope="module")
def summaries(zoo_store):
    return zoo_store.summaries(headline_scores(zoo_store.batteries().values()), offering_probes())


def test_summaries_hold_what_entries_hold(zoo_store, summaries):
    entries = {entry.provenance.fingerprint: entry for entry in zoo_store.entries()}
    assert len(summaries) == len(entries) == 4
    for summary in summaries:
        entry = entries[summary.fingerprint]
        assert summary.card == entry.card
        assert set(summary.probes) == set(entry.results)
        for probe, name in headline_scores(zoo_store.batteries().values()):
            there = probe in entry.answers and name in entry.answers[probe].scores
            assert (f"{probe}.{name}" in summary.scores) == there
            if there:
                assert summary.scores[f"{probe}.{name}"] == entry.answers[probe].scores[name]
        bits = np.unpackbits(np.frombuffer(summary.outcomes["weight.headline"], np.uint8))
        expected = entry.results["weight"].outcomes["headline"]
        assert (bits[: len(expected)].astype(bool) == expected).all()


def test_the_battery_decides_which_scores_of_a_probe_are_columns(summaries):
    """Of texts, the flatness of the clean loss is in the headline, and not of the adversarial."""
    contents = {
        name: load_battery(name).model_dump(mode="json") for name in ("digits-v1", "movies-v1")
    }
    scores = dict.fromkeys(["flatness.average_robust", "flatness.average_clean", "clean.accuracy"])
    shown = {
        name: [each.key for each in columns_of([replace(summaries[0], scores=scores)], content)]
        for name, content in contents.items()
    }
    assert shown["digits-v1"] == ["flatness.average_robust", "clean.accuracy"]
    assert shown["movies-v1"] == ["flatness.average_clean", "clean.accuracy"]
    of_both = headline_scores(contents.values())
    assert {("flatness", "average_robust"), ("flatness", "average_clean")} <= set(of_both)


def test_a_revision_changes_with_an_answer_and_with_nothing_else(store, made_up):
    made_up.fill(store)
    scores = headline_scores(store.batteries().values())
    before = {s.fingerprint: s.revision for s in store.summaries(scores)}
    assert {s.fingerprint: s.revision for s in store.summaries(())} == before
    made_up.fill(store, zoo=made_up_zoo()[:1], created="2026-02-02T00:00:00+00:00")
    after = {s.fingerprint: s.revision for s in store.summaries(scores)}
    assert sum(after[key] != before[key] for key in before) == 1


def made_up_zoo():
    return [("digits/cnn-standard", "standard", 0.03)]


def test_a_board_says_what_was_scored_and_what_its_ranks_mean(summaries, zoo_store, tmp_path):
    pages = {s.fingerprint: f"models/{s.card.name}/index.html" for s in summaries}
    batteries = {s.battery_sha256: "batteries/digits-v1.html" for s in summaries}
    painter = Painter(tmp_path / "old", tmp_path / "new")

    def board(own, **content):
        (sha256,) = batteries
        stored = {sha256: zoo_store.batteries()[sha256] | content}
        (made,) = make_boards(own, stored, pages, batteries, painter)
        return made

    whole = board(summaries)
    assert whole.scored == "4 models, scored on 200 images."
    assert whole.rank_example.startswith("A rank goes from 1 plus the number of significantly")
    assert board(summaries, dataset="movies").scored == "4 models, scored on 200 texts."
    assert board(summaries, default=["anomaly"]).scored == "4 methods, scored on 200 images."
    assert board(summaries, default=["anomaly", "clean"]).entry == "model"
    assert board(summaries, default=["of another version"]).entry == "model"
    assert whole.has_headline
    assert not replace(whole, columns=whole.columns[1:]).has_headline
    fewer = board(summaries, examples=1000)
    assert fewer.scored == "4 models, scored on 200 images instead of 1,000."
    assert board(summaries, examples="many").prescribed is None
    seeds = [*summaries, replace(summaries[0], seed=1)]
    assert board(seeds).scored == "5 results of 4 models, scored on 200 images."
    rank = Rank(2, 5, models=11, better=1, worse=6)
    assert rank_example(rank) == (
        "Rank 2\N{EN DASH}5 of 11 means that 1 model is significantly better and "
        "6 significantly worse."
    )
    rows = [replace(row, rank=rank) for row in whole.rows]
    assert replace(whole, rows=rows).rank_example == rank_example(rank)


def test_a_board_without_usual_columns_shows_all_of_its_own_and_is_sorted_by_the_first(
    summaries, zoo_store
):
    content = zoo_store.batteries()[summaries[0].battery_sha256]
    values = {s.card.name: value for s, value in zip(summaries, (0.3, 0.9, 0.1, 0.5), strict=True)}
    random = [
        replace(
            s,
            outcomes={},
            scores={
                f"randomized.expected_{kind}": Score(
                    value=(v := values[s.card.name]), n=200, low=v, high=v
                )
                for kind in ("robust", "clean")
            },
        )
        for s in summaries
    ]
    assert not any(column.alone for column in columns_of(summaries, content))
    columns = columns_of(random, content | {"probes": {"randomized": {"eps": 0.2}}})
    assert [c.key for c in columns] == ["randomized.expected_robust", "randomized.expected_clean"]
    assert all(column.is_usual for column in columns)
    pages = {s.fingerprint: "" for s in random}
    rows = make_rows(random, columns, pages, ranking_of(random))
    assert all(row.rank is None for row in rows)
    assert [row.cells[0].value for row in rows] == sorted(values.values(), reverse=True)


@pytest.mark.parametrize(
    ("battery", "leading"),
    [
        ("digits-v1", "nonsingular.robust_accuracy"),
        ("digits-concepts-v1", "concepts.recall_at_fpr"),
        ("digits-detection-v1", "detection.adaptive_success"),
        ("digits-anomaly-v1", "anomaly.balanced_accuracy"),
        ("digits-randomized-v1", "randomized.expected_robust"),
        ("cifar10-c-v1", "corruptions.mean_accuracy"),
        ("movies-v1", "weight.robust_accuracy"),
    ],
)
def test_what_a_battery_is_about_orders_its_board_and_not_clean_accuracy(
    battery, leading, summaries
):
    content = load_battery(battery).model_dump(mode="json")
    probes = {"nonsingular"} if battery == "digits-v1" else set()
    probes |= set(content["default"])
    names = [f"{probe}.{name}" for probe, name in headline_scores([content]) if probe in probes]
    scores = {
        key: [Score(value=v, n=200, low=v, high=v) for v in np.linspace(*ends, len(summaries))]
        for key in names
        for ends in [(0.2, 0.9) if key == leading else (0.9, 0.2)]
    }
    own = [
        replace(summary, outcomes={}, scores={key: each[place] for key, each in scores.items()})
        for place, summary in enumerate(summaries)
    ]
    columns = columns_of(own, content)
    assert columns[0].key == leading
    assert [c.key for c in columns[1:]] == [key for key in names if key != leading]
    assert columns[0].is_usual
    if leading.startswith("nonsingular"):
        return
    rows = make_rows(own, columns, {s.fingerprint: "" for s in own}, ranking_of(own))
    found = [row.summary.scores[leading].value for row in rows]
    assert found == sorted(found, reverse=bool(columns[0].spec.higher_is_better))


def test_boards_with_the_headline_come_before_those_of_earlier_names(
    summaries, zoo_store, tmp_path
):
    (sha256,) = {s.battery_sha256 for s in summaries}
    other = [
        replace(
            s,
            battery="a-track-v1",
            battery_sha256="1" * 64,
            outcomes={},
            scores={"clean.accuracy": s.scores["clean.accuracy"]},
        )
        for s in summaries
    ]
    few = [replace(s, examples=20, data_sha256="2" * 64, outcomes={}) for s in summaries[:1]]
    few = [replace(each, scores={}) for each in few]
    contents = {key: zoo_store.batteries()[sha256] for key in (sha256, "1" * 64)}
    pages, batteries = {s.fingerprint: "" for s in summaries}, dict.fromkeys(contents, "")
    painter = Painter(tmp_path / "old", tmp_path / "new")
    made = make_boards([*other, *few, *summaries], contents, pages, batteries, painter, 100)
    assert [(board.battery, board.has_headline, board.is_trial) for board in made] == [
        ("digits-v1", True, False),
        ("digits-v1", False, True),
        ("a-track-v1", False, False),
    ]


def test_boards_of_the_same_battery_are_told_apart(summaries, zoo_store, tmp_path):
    (sha256,) = {s.battery_sha256 for s in summaries}
    *_, before, now = (each.sha256 for each in battery_histories()["digits-v1"])

    def of(version, examples, data):
        changes = {"battery_sha256": version, "examples": examples, "data_sha256": data * 64}
        return [replace(summaries[0], outcomes={}, **changes)]

    groups = [
        *(of(before, 100, "1"), of(now, 100, "1"), of(now, 500, "2")),
        *(of("3" * 64, 100, "1"), of("4" * 64, 100, "1"), of("4" * 64, 100, "2")),
    ]
    contents = {key: zoo_store.batteries()[sha256] for key in (before, now, "3" * 64, "4" * 64)}
    pages, batteries = {s.fingerprint: "" for s in summaries}, dict.fromkeys(contents, "")
    painter = Painter(tmp_path / "old", tmp_path / "new")
    made = make_boards(
        [each for group in groups for each in group], contents, pages, batteries, painter
    )
    found = {(board.battery_sha256, board.examples, board.data_sha256[0]): board for board in made}
    assert found[now, 100, "1"].edition == "100 images"
    assert found[now, 500, "2"].edition == "500 images"
    assert found[before, 100, "1"].edition == f"earlier version {before[:6]}"
    assert found["3" * 64, 100, "1"].edition == ""
    assert found["4" * 64, 100, "2"].edition == "data 222222"
    assert made[-1].battery_sha256 == before
    assert len({board.edition for board in made}) == len(made)


def test_threats_are_the_budgets_with_an_outcome_for_every_example(summaries):
    threats = threats_of(summaries)
    keys = [threat.key for threat in threats]
    assert keys[:2] == ["clean.headline", "input.headline"]
    assert "input-autoattack.headline" in keys
    assert "backdoor.triggered" in keys
    assert not any("certified" in key for key in keys)
    assert {t.key for t in threats if t.chosen} == {
        f"{probe}.headline" for probe in ("clean", "input", "weight", "joint")
    }


def test_budgets_of_threats_are_written_as_batteries_write_them(summaries, made_up):
    images, weights = (
        InputThreat("linf", Budget.of("8/255")),
        WeightThreat("relative-linf", Budget(0.005)),
    )
    threats: dict[str, list[AnyThreat]] = {
        "input": [InputThreat("linf", Budget.of("1/255")), InputThreat("l2", Budget(0.25))],
        "weight": [WeightThreat("relative-l2", Budget(0.02))],
        "joint": [JointThreat(images, weights), JointThreat(images, weights.at(0.0))],
    }
    kinds = {
        probe: {f"any name {place}": made_up.about("budget", t) for place, t in enumerate(each)}
        for probe, each in threats.items()
    }
    bits = {f"{probe}.{name}": bytes(25) for probe, names in kinds.items() for name in names}
    summary = replace(summaries[0], outcomes=bits, kinds=kinds)
    labels = [threat.label for threat in threats_of([summary])]
    assert labels == [
        "linf 1/255",
        "l2 0.25",
        "relative-l2 radius 0.02",
        "linf 8/255 and relative-linf radius 0.005",
    ]


def test_a_threat_is_offered_once(summaries, made_up):
    linf = InputThreat("linf", Budget.of("8/255"))
    kinds = {
        "headline": made_up.about("headline", linf),
        "small": made_up.about("budget", linf.at(Budget.of("1/255"))),
        "same": made_up.about("budget", linf),
    }
    bits = {f"input.{name}": bytes(25) for name in kinds}
    summary = replace(summaries[0], outcomes=bits, kinds={"input": kinds})
    offered = {threat.key: threat.label for threat in threats_of([summary])}
    assert offered == {"input.headline": "linf 8/255 (headline)", "input.small": "linf 1/255"}


def test_the_outcomes_of_the_data_are_those_of_the_store(summaries):
    threats = threats_of(summaries)
    payload = outcomes_payload(summaries, threats)
    size = (summaries[0].examples + 7) // 8
    for threat in payload["threats"]:
        rows = b64decode(threat["outcomes"])
        for place, summary in enumerate(summaries):
            own = rows[place * size : (place + 1) * size]
            assert own == summary.outcomes.get(threat["key"], bytes(size))
            assert (place in threat["missing"]) == (threat["key"] not in summary.outcomes)


def test_data_files_are_one_call_that_no_text_can_leave():
    text = script("a", {"names": ["</script><script>alert(1)</script>\u2028"]})
    assert text.startswith('nonsingular.receive("a", {')
    inside = text.removeprefix('nonsingular.receive("a", ').removesuffix(");\n")
    assert json.loads(inside)["names"] == ["</script><script>alert(1)</script>\u2028"]
    assert "</" not in text
    assert text.isascii()


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("cifar-resnet2b", "ResNet"),
        ("wrn-28-10", "wide ResNet"),
        ("timm:vit_base_patch16_224", "ViT"),
        ("torchvision:resnext50_32x4d", "ResNeXt"),
        ("cnn-a", "CNN"),
        ("mlp", "MLP"),
        ("onnx:0123abcd", "other"),
    ],
)
def test_architectures_belong_to_families(architecture, expected):
    assert family(architecture) == expected


def test_card_columns_say_what_a_card_states(made_up):
    card = made_up.card(paper="https://arxiv.org/abs/2004.05884", architecture="wrn-28-10")
    assert {column.key: column.text(card) for column in CARD_COLUMNS} == {
        "recipe": "standard",
        "architecture": "wrn-28-10",
        "parameters": "\N{EN DASH}",
        "family": "wide ResNet",
        "extra": "not stated",
        "source": "bundled",
        "year": "2020",
    }


def test_a_board_with_few_columns_and_no_ranks_shows_all_of_them(summaries):
    content = load_battery("digits-detection-v1").model_dump(mode="json")
    names = ("magnet_detection", "mi_gain", "adaptive_success")
    scores = dict.fromkeys(["clean.accuracy", *(f"detection.{name}" for name in names)])
    columns = columns_of([replace(summaries[0], scores=scores)], content)
    assert {column.key for column in columns} == set(scores)
    assert all(column.is_usual for column in columns)
