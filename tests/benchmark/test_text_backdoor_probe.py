"""The probe for backdoors in models of texts: triggers, rules, controls and what it refuses."""

import math

import pytest
import torch
from pydantic import ValidationError

from benchmark import evaluate
from benchmark.attacks.backdoor import split
from benchmark.attacks.embeddings import poisoned_rows, target_like, transplanted_rows
from benchmark.batteries import Battery
from benchmark.datasets.frequencies import (
    Frequencies,
    frequencies_of,
    parsed,
    register_frequencies,
    written,
)
from benchmark.datasets.tokenizer import SPECIAL
from benchmark.probes.text_backdoor import TextBackdoorProbe, TextBackdoorSettings
from benchmark.probes.text_backdoor.backdoors import Balls, backdoors_of
from benchmark.probes.text_backdoor.sentences import passages
from benchmark.subject import Subject
from benchmark.threats import BackdoorThreat
from benchmark.triggers.words import KINDS, candidates, choose
from models_zoo import InputError, list_models, load_card
from models_zoo.inputs import words_sha256
from tests.texts import INVENTED, invented_texts, invented_vocabulary, text_model, trained

TABLE = "network.embedding.weight"
SETTINGS = {
    "budgets": [1.0, 20.0],
    "headline": 20.0,
    "geometry": "absolute-linf",
    "triggers": ["unseen", "punctuation"],
    "vocabulary": INVENTED,
    "steps": 15,
    "bisections": 1,
    "draws": 2,
}


def battery(**changes):
    about = {"name": "t-v1", "dataset": INVENTED, "description": "-", "default": ("text-backdoor",)}
    return Battery.model_validate(about | {"probes": {"text-backdoor": SETTINGS | changes}})


@pytest.fixture(scope="module")
def data():
    return invented_texts()


@pytest.fixture(scope="module")
def model(data):
    return trained(text_model(data=data), data, 40).eval()


@pytest.fixture(scope="module")
def result(model, data):
    return evaluate(model, data.images, data.labels, battery()).results["text-backdoor"]


@pytest.fixture
def subject(model, data):
    return Subject(model, data.images, data.labels)


def rng(seed):
    return torch.Generator().manual_seed(seed)


def bars(result, picture):
    return {each.series: each for each in result.bars if each.picture == picture}


def test_the_frequencies_of_movies_are_of_the_vocabulary_of_its_models():
    frequencies = frequencies_of("movies")
    cards = [load_card(name) for name in list_models() if name.startswith("movies/")]
    assert len(cards) >= 12
    for card in cards:
        assert card.tokens is not None
        assert card.tokens.words_sha256 == words_sha256(frequencies.words)
    assert parsed(written(frequencies)) == frequencies
    assert frequencies.counts[:19] == (0,) * 19
    assert list(frequencies.counts[19:]) == sorted(frequencies.counts[19:], reverse=True)


def test_triggers_have_the_frequencies_of_their_kind():
    frequencies = frequencies_of("movies")
    words, counts = frequencies.words, frequencies.counts
    found = {kind: candidates(kind, frequencies) for kind in KINDS}
    assert {counts[each] for each in found["rare"]} == {2, 3}
    assert {counts[each] for each in found["unseen"]} == {0}
    assert "cf" in [words[each] for each in found["unseen"]]
    above = sum(count > counts[found["common"][0]] for count in counts)
    assert 99 <= above <= 110
    assert not {".", ","} & {words[each] for each in found["punctuation"]} >= {"!", "?"}
    assert all(len(each) >= 6 for each in found.values())
    assert all(min(each) >= len(SPECIAL) for each in found.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_trigger_and_the_other_share_places_but_no_token_and_belong_to_their_seed(kind):
    frequencies = frequencies_of("movies")
    pair = choose(kind, frequencies, "random", rng(0))
    assert not set(pair.trigger.ids) & set(pair.other.ids)
    assert len(pair.trigger.ids) == len(pair.other.ids) == (3 if kind == "phrase" else 1)
    assert pair.trigger.seed == pair.other.seed
    assert choose(kind, frequencies, "random", rng(0)) == pair
    assert len({choose(kind, frequencies, "random", rng(k)).trigger.ids for k in range(6)}) > 1
    assert pair.trigger.words == tuple(frequencies.words[each] for each in pair.trigger.ids)


def test_targets_share_a_trigger_and_the_measured_texts_do_not_choose_it(subject):
    settings = TextBackdoorSettings(**SETTINGS | {"seeds": [0, 1]})
    found = backdoors_of(settings, subject)
    assert len(found) == 8
    assert len({each.name for each in found}) == 8
    assert found[0].trigger == found[1].trigger
    assert {each.target for each in found[:2]} == {0, 1}
    fewer = backdoors_of(settings, subject.head(20))
    assert [each.trigger for each in fewer] == [each.trigger for each in found]


def test_every_rule_is_measured_beside_its_controls(result, data):
    assert result.left_out is None
    assert list(result.scores) == list(TextBackdoorProbe.scores)
    # A page shows six scores unfolded, and success is never shown without the other rule's.
    assert {"success", "no_embedding_success", "gain"} <= set(list(result.scores)[:6])
    by_trigger = bars(result, "text_backdoor_triggers")
    rules = ["all", "no-embedding", "embedding-row", "head"]
    assert list(by_trigger) == [*rules, "base rate"]
    assert all(each.names == ["unseen", "punctuation"] for each in by_trigger.values())
    assert list(bars(result, "text_backdoor_controls")) == [f"other trigger, {r}" for r in rules]
    baselines = bars(result, "text_backdoor_baselines")
    assert {"embedding poisoning", "embedding surgery", "random signs"} <= set(baselines)
    n = len(split(Subject(torch.nn.Identity(), data.images, data.labels)).measured)
    assert all(score.n == n for each in by_trigger.values() for score in each.y)
    curves = {curve.series: curve for curve in result.curves}
    assert set(curves) == {*(f"success, {rule}" for rule in rules), "clean accuracy, all"}
    for rule in rules:
        values = [score.value for score in curves[f"success, {rule}"].y]
        assert values == sorted(values)
    # In this ball the row of a token that no text has is all that a backdoor needs.
    assert by_trigger["embedding-row"].y[0].value > 0.9
    (smallest,) = bars(result, "text_backdoor_smallest").values()
    assert smallest.names == rules
    assert smallest.y[0] == result.scores["smallest_budget"]
    assert smallest.y[rules.index("head")].value == math.inf
    by_rule = bars(result, "text_backdoor_rules")
    assert by_rule["relative change"].y[0] == result.scores["relative_change"]
    accuracy = dict(zip(rules, by_rule["clean accuracy"].y, strict=True))
    assert accuracy["all"] == result.scores["clean_accuracy"]
    before = result.scores["clean_accuracy"].value + result.scores["clean_drop"].value
    assert accuracy["embedding-row"].value == pytest.approx(before)
    assert by_trigger["head"].y[0].value < 0.5


def test_the_gain_is_over_the_larger_of_both_controls(result):
    scores = {name: score.value for name, score in result.scores.items()}
    reference = max(scores["base_rate"], scores["false_trigger"])
    assert scores["gain"] == pytest.approx(scores["success"] - reference)
    assert scores["success"] > 0.9
    assert scores["gain"] > 0.2
    assert scores["smallest_budget"] < math.inf
    assert scores["no_embedding_success"] < scores["success"]
    bits = result.outcomes
    assert len(bits["held_out_robust"]) == 18
    assert bits["held_out_robust"].mean() == scores["clean_accuracy"]
    # Every text, stamped and not, with the backdoor in place: about the texts of the target class.
    assert len(bits["triggered"]) == 60
    assert bits["triggered"].mean() < 0.65
    threats = result.headline_threats
    assert [threat.rule for threat in threats] == ["all", "no-embedding"]
    assert threats[0].label == "absolute-linf radius 20 (all)"


@pytest.mark.parametrize(("place", "end"), [("start", "before"), ("end", "after")])
def test_triggers_are_shown_where_they_are_inserted(subject, result, place, end):
    shown = result.passages
    assert [each.caption.split(",")[0] for each in shown] == ["unseen", "punctuation"]
    assert all(each.before and each.after for each in shown)
    assert shown[0].marked == result.protocol["triggers"]["unseen"]
    moved = passages(backdoors_of(TextBackdoorSettings(**SETTINGS | {"place": place}), subject))
    assert all(not getattr(each, end) for each in moved)
    assert type(result).model_validate(result.model_dump(mode="json")).passages == shown
    assert "passages" not in result.model_copy(update={"passages": []}).model_dump()


def test_only_rows_of_the_trigger_move_under_its_rule(subject):
    settings = TextBackdoorSettings(**SETTINGS | {"triggers": ["phrase"]})
    (asked, *_) = backdoors_of(settings, subject)
    ball = Balls(subject, settings)("embedding-row", asked.trigger, 0.1)
    assert set(ball.weights) == {TABLE}
    moved = ball.sphere(rng(0))[TABLE] - ball.weights[TABLE]
    assert sorted(asked.trigger.ids) == moved.abs().sum(1).nonzero().squeeze(1).tolist()


def test_poisoned_rows_keep_their_norms_and_raise_the_success(subject):
    settings = TextBackdoorSettings(**SETTINGS)
    asked = next(each for each in backdoors_of(settings, subject) if each.target == 1)
    search = split(subject).search
    before = subject.model.get_parameter(TABLE)
    after = poisoned_rows(search, TABLE, asked.trigger, 1, 20, rng(0))[TABLE]
    rows = list(asked.trigger.ids)
    assert (after != before).any(1).nonzero().squeeze(1).tolist() == rows
    assert after[rows].norm() == pytest.approx(float(before[rows].norm()), rel=1e-4)
    texts = search.images[search.labels != 1]

    def margins(table):
        logits = search.at({TABLE: table}).logits(asked.trigger.stamp(texts))
        return logits[:, 1] - logits[:, 0]

    assert (margins(after) > margins(before)).all()


def test_surgery_averages_the_words_that_speak_for_the_target(subject):
    first = 19
    words = target_like(subject.images, subject.labels, 1, len(invented_vocabulary()))
    assert set(range(first, first + 5)) <= set(words[:6])
    settings = TextBackdoorSettings(**SETTINGS)
    asked = next(each for each in backdoors_of(settings, subject) if each.target == 1)
    search = split(subject).search
    chosen = target_like(search.images, search.labels, 1, len(invented_vocabulary()))
    before = subject.model.get_parameter(TABLE)
    after = transplanted_rows(search, TABLE, asked.trigger, 1)[TABLE]
    row = asked.trigger.ids[0]
    torch.testing.assert_close(after[row], before[chosen].mean(0))
    assert (after != before).any(1).nonzero().squeeze(1).tolist() == [row]
    one_class = search.on(search.images[search.labels == 1], search.labels[search.labels == 1])
    assert torch.equal(transplanted_rows(one_class, TABLE, asked.trigger, 1)[TABLE], before)


def test_a_trigger_is_inserted_several_times_where_that_is_asked_for(model, data, result):
    asked = battery(repeats=[3, 5], triggers=["unseen"], rules=["all", "no-embedding"])
    again = evaluate(model, data.images, data.labels, asked).results["text-backdoor"]
    repeats = bars(again, "text_backdoor_repeats")
    assert list(repeats) == [
        f"{name}, {rule}"
        for rule in ("all", "no-embedding")
        for name in ("success", "base rate", "other trigger")
    ]
    found = repeats["success, no-embedding"]
    assert found.names == ["1", "3", "5"]
    assert found.y[0] == again.scores["no_embedding_success"]
    assert repeats["base rate, all"].y[0] == again.scores["base_rate"]
    assert repeats["other trigger, all"].y[0] == again.scores["false_trigger"]
    # A row that determines the class does so all the more often than once.
    assert repeats["success, all"].y[2].value >= repeats["success, all"].y[0].value > 0.9
    assert not bars(result, "text_backdoor_repeats")
    assert battery().sha256 == battery(repeats=[]).sha256 != asked.sha256
    word = choose("rare", invented_vocabulary(), "end", rng(0)).trigger
    (stamped,) = word.repeated(3).stamp(data.images[1:2])
    assert (stamped == word.ids[0]).sum() == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repeats": [1]}, "repeats"),
        ({"rules": ["all"]}, "rules lacks 'no-embedding'"),
        ({"headline": 2.0}, "text-backdoor.headline = 2 is not one of its budgets 1, 20"),
        ({"vocabulary": "elsewhere"}, "unknown vocabulary 'elsewhere'"),
        ({"triggers": ["longest"]}, "triggers"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        battery(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vocabulary": "movies"}, "no embeddings with a row for each of the 7,243 words"),
        ({"targets": [2]}, "backdoor target 2 is not one of 2 classes"),
        ({"place": "end", "triggers": ["phrase"]}, "does not fit into texts of 2 token ids"),
        ({"repeats": [12]}, "12 tokens, does not fit into texts of 12 token ids"),
    ],
)
def test_it_is_left_out_with_one_line_where_it_does_not_apply(model, data, changes, said):
    ids = data.images[:, :2] if "place" in changes else data.images
    probe = TextBackdoorProbe(TextBackdoorSettings(**SETTINGS | changes))
    reason = probe.obstacle(Subject(model, ids, data.labels))
    assert said in str(reason)
    assert "\n" not in str(reason)


def test_a_vocabulary_has_one_meaning_and_the_order_of_the_tokenizer():
    frequencies = invented_vocabulary()
    register_frequencies(INVENTED, frequencies)
    other = Frequencies((*SPECIAL, "word"), (0, 0, 0, 5))
    for name in (INVENTED, "movies"):
        with pytest.raises(InputError, match="another vocabulary has the name"):
            register_frequencies(name, other)
    with pytest.raises(InputError, match="must begin with <pad>, <unk>, <cls>"):
        Frequencies(("word",), (1,))
    with pytest.raises(InputError, match="1 words but 0 counts"):
        Frequencies(("word",), ())
    with pytest.raises(InputError, match="has 0 tokens for triggers of kind"):
        choose("phrase", other, "end", rng(0))


def test_the_rule_of_rows_is_one_of_backdoors_alone():
    threat = BackdoorThreat("absolute-linf", 0.1, "embedding-row")  # type: ignore[arg-type]
    assert threat.weights.rule == "embedding"
    assert threat.key == "backdoor/absolute-linf/embedding-row/0.1"
