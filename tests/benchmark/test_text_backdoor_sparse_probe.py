"""Sparse backdoors in models of texts: what may change under a rule, and what is found."""

import math

import pytest
import torch

from benchmark import evaluate
from benchmark.attacks.backdoor import Goal, split
from benchmark.attacks.sparse import (
    Change,
    SparseEffort,
    SparseInjection,
    applied,
    measure_sparse,
    search_states,
    storage_of,
)
from benchmark.batteries import Battery
from benchmark.budgets import Budget
from benchmark.probes.text_backdoor.backdoors import backdoors_of
from benchmark.probes.text_backdoor_sparse import (
    TextSparseBackdoorProbe,
    TextSparseBackdoorSettings,
)
from benchmark.probes.text_backdoor_sparse.searches import Candidates, search_storage
from benchmark.probes.text_backdoor_sparse.specs import smallest_name
from benchmark.subject import Subject
from benchmark.threats import SparseBackdoorThreat, includes
from models_zoo.errors import InputError
from tests.texts import INVENTED, invented_texts, text_model, trained

TABLE, HEAD = "network.embedding.weight", "network.linear.weight"
SETTINGS = {
    "counts": [1, 2],
    "storages": ["float32-bits", "int8-bits"],
    "triggers": ["unseen", "punctuation"],
    "vocabulary": INVENTED,
    "shortlist": 8,
    "deep_steps": 1,
    "first_look": 2,
}
RULES = ["all", "no-embedding", "embedding-row"]


def settings_of(**changes):
    return TextSparseBackdoorSettings.model_validate(SETTINGS | changes)


@pytest.fixture(scope="module")
def data():
    return invented_texts()


@pytest.fixture(scope="module")
def subject(data):
    model = trained(text_model(data=data), data, 40).eval()
    return Subject(model, data.images, data.labels)


@pytest.fixture(scope="module")
def result(subject, data):
    battery = Battery.model_validate(
        {
            "name": "t-v1",
            "dataset": INVENTED,
            "description": "-",
            "default": (),
            "probes": {"text-backdoor-sparse": SETTINGS},
        }
    )
    name = "text-backdoor-sparse"
    return evaluate(subject.model, data.images, data.labels, battery, [name]).results[name]


@pytest.fixture(scope="module", params=["weights-unbounded", "float32-bits", "int8-bits"])
def searched(request, subject):
    """The weights as they are stored, and what is found under every rule."""
    settings = settings_of()
    candidates = Candidates(subject, settings)
    backdoors = backdoors_of(settings, subject)
    stored = storage_of(request.param, candidates.weights).untouched
    found = search_storage(request.param, split(subject), backdoors, candidates, settings)
    return stored, {each.rule: each for each in found}


def changed_units(name, before, after):
    """How many weights, or bits of them, differ; in 8 bits as codes of the row's step."""
    total = 0
    for key, own in before.items():
        where = own != after[key]
        if name == "float32-bits":
            flips = own.view(torch.int32) ^ after[key].view(torch.int32)
            total += sum((each & 0xFFFFFFFF).bit_count() for each in flips.flatten().tolist())
        else:
            total += int(where.sum())
    return total


def test_changes_are_counted_exactly_and_stay_within_their_rule(searched, subject):
    stored, found = searched
    assert list(found) == RULES
    for rule, result in found.items():
        for count, outcome in zip((0, 1, 2), result.by_count.outcomes, strict=True):
            assert len(outcome.changes) <= count
            units = changed_units(result.storage, stored, outcome.weights)
            # In 8 bits two flips may be of one weight.
            assert units == len(outcome.changes) or (
                result.storage == "int8-bits" and 0 < units < len(outcome.changes)
            )
            moved = {
                name for name in stored if not torch.equal(stored[name], outcome.weights[name])
            }
            if rule == "no-embedding":
                assert TABLE not in moved
            if rule == "embedding-row":
                assert moved <= {TABLE}
                rows = (stored[TABLE] != outcome.weights[TABLE]).any(1).nonzero().squeeze(1)
                assert set(rows.tolist()) <= set(outcome.trigger.ids)


def test_without_a_change_success_is_the_base_rate_and_the_weights_are_the_stored_ones(searched):
    stored, found = searched
    for result in found.values():
        none = result.by_count.outcomes[0]
        assert torch.equal(none.success, none.alone)
        assert none.drop == 0
        assert all(torch.equal(stored[name], none.weights[name]) for name in stored)


def test_changed_rows_of_the_trigger_leave_every_clean_logit_as_it_is(searched, subject):
    stored, found = searched
    one = found["embedding-row"].by_count.one
    assert one.changes or found["embedding-row"].storage == "int8-bits"
    without = ~torch.isin(subject.images, torch.tensor(one.trigger.ids)).any(1)
    assert without.any()
    texts = subject.images[without]
    before, after = (subject.at(weights).logits(texts) for weights in (stored, one.weights))
    assert torch.equal(before, after)
    stamped = one.trigger.stamp(texts)
    moved = subject.at(stored).logits(stamped) != subject.at(one.weights).logits(stamped)
    assert bool(moved.any()) == bool(one.changes)


def test_every_candidate_is_never_worse_than_a_part_of_them(searched):
    _, found = searched
    goal = settings_of().goal
    for place in range(3):
        ranks = {
            rule: goal.rank(result.by_count.found[place].state.trial)
            for rule, result in found.items()
        }
        assert ranks["all"] == max(ranks.values())


def test_the_other_trigger_is_measured_with_the_same_weights(searched, subject):
    _, found = searched
    measured = split(subject).measured
    for result in found.values():
        for asked, outcome, other in zip(
            result.asked, result.by_count.outcomes, result.others, strict=True
        ):
            assert (asked.trigger, asked.target) == (outcome.trigger, outcome.target)
            texts = measured.images[measured.labels != asked.target]
            logits = measured.at(outcome.weights).logits(asked.pair.other.stamp(texts))
            assert torch.equal(other, logits.argmax(1) == asked.target)


def test_scores_charts_outcomes_and_sentences_belong_together(result, subject):
    assert result.left_out is None
    expected = [name for name in TextSparseBackdoorProbe.scores if "smallest_weights" not in name]
    assert list(result.scores) == expected
    # A page folds all but the first six: success is never shown without the other rules'.
    assert expected[:3] == ["success", "no_embedding_success", "embedding_row_success"]
    scores = {name: score.value for name, score in result.scores.items()}
    for prefix in ("", "no_embedding_", "embedding_row_int8_"):
        reference = max(scores[f"{prefix}base_rate"], scores[f"{prefix}false_trigger"])
        assert scores[f"{prefix}gain"] == pytest.approx(scores[f"{prefix}success"] - reference)
    # One flipped bit of the row of a token that no text has is enough in a linear model.
    assert scores["embedding_row_success"] > 0.9
    assert scores["embedding_row_gain"] > 0.2
    assert scores["embedding_row_clean_drop"] == 0
    assert scores[smallest_name("float32-bits", "embedding-row")] == 1
    assert scores[smallest_name("float32-bits", "all")] == 1
    assert scores["success"] > scores["no_embedding_success"]
    for score, outcome in result.share_of.items():
        assert result.outcomes[outcome].mean() == scores[score]
    assert len(result.outcomes["triggered_float32_bits_all"]) == len(subject)
    bars = {each.series: dict(zip(each.names, each.y, strict=True)) for each in result.bars}
    assert bars["success"]["int8-bits, no-embedding"] == result.scores["no_embedding_int8_success"]
    assert bars["other trigger"]["float32-bits, all"] == result.scores["false_trigger"]
    curves = {(each.picture, each.series): each for each in result.curves}
    assert len(curves) == 8
    success = curves["text_sparse_backdoor_int8_bits", "success, embedding-row"]
    assert success.x == [0, 1, 2]
    assert success.y[1] == result.scores["embedding_row_int8_success"]
    assert [each.caption.split(",")[0] for each in result.passages] == ["unseen", "punctuation"]
    threats = result.headline_threats
    assert [threat.rule for threat in threats] == ["kernels", "no-embedding"]
    assert threats[1].label == "1 flipped float32 bit (no-embedding), a fixed trigger"
    assert result.outcome_kinds["triggered_float32_bits_no_embedding"].threat == threats[1]


def test_the_first_change_of_a_row_names_its_word(result):
    stated = result.protocol["first change"]["float32-bits, embedding-row"]
    assert stated.startswith(f"{TABLE}[reserved")
    assert TABLE not in result.protocol["first change"]["float32-bits, no-embedding"]


def test_the_seed_decides_and_not_the_batches(subject):
    few = {"storages": ["float32-bits"], "triggers": ["unseen"], "counts": [1]}
    probe = TextSparseBackdoorProbe(settings_of(**few))
    one = probe(subject)
    same = probe(Subject(subject.model, subject.images, subject.labels, batch_size=7))
    other = probe(Subject(subject.model, subject.images, subject.labels, seed=1))
    assert one.scores == same.scores
    assert one.protocol["triggers"] != other.protocol["triggers"]


def test_a_weight_outside_the_support_is_neither_tried_nor_accepted(subject):
    asked = backdoors_of(settings_of(), subject)[0]
    weights = Candidates(subject, settings_of()).weights
    half = torch.tensor([[True], [False]])
    storage = storage_of("float32-bits", weights).within({HEAD: half, TABLE: torch.tensor(False)})
    assert storage.candidates == [HEAD]
    effort = SparseEffort(shortlist=8, deep_steps=4)
    *_, last = search_states(
        *(split(subject), storage, asked.trigger, asked.target, 4, Goal(), effort)
    )
    width = weights[HEAD].shape[1]
    assert last.changes
    assert all(change.name == HEAD and change.entry < width for change in last.changes)
    refused = Change(HEAD, width, 0, 0.0)
    with pytest.raises(RuntimeError, match="changed that may not"):
        storage.distance(applied(storage.untouched, [refused]))
    with pytest.raises(RuntimeError, match="changed that may not"):
        measure_sparse(subject, storage, (refused,), asked.trigger, asked.target)


def test_no_weight_that_may_change_is_no_change(subject):
    asked = backdoors_of(settings_of(), subject)[0]
    weights = Candidates(subject, settings_of()).weights
    none = dict.fromkeys(weights, torch.tensor(False))
    injection = SparseInjection(
        *(split(subject), storage_of("float32-bits", weights), 2, Goal(), SparseEffort()),
        support=lambda trigger: none,
    )
    (found,) = injection.with_triggers([(asked.trigger, asked.target)])
    assert found.state.changes == ()
    assert injection.smallest([(0, found, injection.measured(found))]) in (0, math.inf)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"counts": [2, 1]}, "text-backdoor-sparse.counts must ascend from 1"),
        ({"storages": ["int8-bits", "int8-bits"]}, "storages has an entry twice"),
        ({"vocabulary": "elsewhere"}, "unknown vocabulary 'elsewhere'"),
        ({"triggers": []}, "triggers"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        settings_of(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vocabulary": "movies"}, "no embeddings with a row for each of the 7,243 words"),
        ({"targets": [2]}, "backdoor target 2 is not one of 2 classes"),
        ({"place": "end", "triggers": ["phrase"]}, "does not fit into texts of 2 token ids"),
        ({"double": True}, "float64"),
    ],
)
def test_it_is_left_out_with_one_line_where_it_does_not_apply(subject, changes, said):
    model, ids = subject.model, subject.images[:, :2] if "place" in changes else subject.images
    if changes.pop("double", False):
        model = text_model(data=invented_texts()).double().requires_grad_(False)
    probe = TextSparseBackdoorProbe(settings_of(**changes))
    reason = probe.obstacle(Subject(model, ids, subject.labels))
    assert said in str(reason)
    assert "\n" not in str(reason)


def test_changes_under_another_rule_are_another_threat():
    every, without = (SparseBackdoorThreat(Budget(2), rule=r) for r in ("kernels", "no-embedding"))
    assert every.key == "sparse-backdoor/float32-bits/2.0"
    assert without.key == "sparse-backdoor/float32-bits/no-embedding/2.0"
    assert not includes(every, without)
    wider = SparseBackdoorThreat(Budget(2), "weights-unbounded", rule="no-embedding")
    assert includes(wider, without)
    with pytest.raises(InputError, match="weight rule"):
        SparseBackdoorThreat(Budget(2), rule="rows")
