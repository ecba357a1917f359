"""Measured here, run again by others and self-reported are distinguished."""

from dataclasses import replace

import pytest

from benchmark.budgets import Budget
from benchmark.threats import InputThreat
from leaderboard.reruns.claims import claims
from leaderboard.reruns.verification import verification_of
from leaderboard.store import Rerun
from models_zoo.card import Robustness
from models_zoo.errors import InputError

AGREES = Rerun(
    by="Ada",
    created="2026-01-02T03:04:05+00:00",
    same=True,
    largest_difference=0.0,
    differing=0,
    outcomes=200,
    device="cpu",
    threads=1,
    imported=True,
)
DIFFERS = replace(
    AGREES,
    by="Bob",
    created="2026-02-03T03:04:05+00:00",
    same=False,
    largest_difference=1.25e-7,
    differing=1,
    circumstances=["torch 2.9 in place of 2.6"],
    imported=False,
)


@pytest.fixture
def both(store, made_up):
    """``both(probe=reruns, ...)``: the entry and the summary of one model with these reruns."""

    def make(**reruns):
        made_up.fill(store, [("net", "standard", 0.1)])
        (entry,) = store.entries()
        for probe, each in reruns.items():
            for rerun in each:
                store.record_rerun(entry.provenances[probe], probe, rerun)
        return [*store.entries(), *store.summaries([])]

    return make


def test_a_stored_result_is_measured(both):
    for entry in both():
        found = verification_of(entry, "weight")
        assert (found.kind, list(found.reruns)) == ("measured", [])
        assert found.sentence == "measured by this suite; not run again yet"


def test_a_rerun_that_agrees_says_who_and_when(both):
    for entry in both(clean=[AGREES]):
        found = verification_of(entry, "clean")
        assert (found.kind, found.reruns) == ("rerun", [AGREES])
        assert found.sentence == (
            "measured by this suite; run again by Ada on another machine on 2026-01-02: "
            "agrees to the last bit"
        )
        assert verification_of(entry, "weight").kind == "measured"


def test_one_rerun_that_differs_is_told_by_how_much_and_why(both):
    for entry in both(clean=[AGREES, DIFFERS]):
        found = verification_of(entry, "clean")
        assert found.kind == "rerun-differs"
        assert (
            "run again by Bob on 2026-02-03 with torch 2.9 in place of 2.6: scores differ by up "
            "to 1.2e-07, 1 of 200 outcomes differ; run again by Ada"
        ) in found.sentence


@pytest.mark.parametrize(
    ("difference", "words"),
    [(None, "differs in what was scored"), (float("inf"), "infinite in one of the two runs")],
)
def test_differences_that_are_no_number_are_put_into_words(both, difference, words):
    for entry in both(clean=[replace(DIFFERS, largest_difference=difference)]):
        assert words in verification_of(entry, "clean").sentence


def test_many_reruns_are_counted(both):
    days = [replace(AGREES, created=f"2026-01-0{day}T00:00:00+00:00") for day in range(1, 7)]
    for entry in both(clean=[DIFFERS, *days]):
        sentence = verification_of(entry, "clean").sentence
        assert sentence.count("run again by") == 3
        assert sentence.endswith("4 earlier reruns, 4 of them agreeing to the last bit")


def test_the_headline_stands_on_all_of_its_parts(both):
    (entry, _) = both(clean=[AGREES])
    assert verification_of(entry, "nonsingular").kind == "measured"
    assert "clean run again by Ada" in verification_of(entry, "nonsingular").sentence
    (entry, _) = both(clean=[AGREES], input=[AGREES], weight=[AGREES], joint=[AGREES])
    assert verification_of(entry, "nonsingular").kind == "rerun"
    (entry, _) = both(weight=[DIFFERS])
    found = verification_of(entry, "nonsingular")
    assert found.kind == "rerun-differs"
    assert found.sentence.startswith("derived from clean, input, weight and joint, measured by")


def test_what_only_its_author_states_is_self_reported(store, made_up, battery):
    where, answers = made_up.provenance(battery), made_up.results()
    store.save(made_up.card(clean_accuracy=0.9), where, battery, answers["weight"])
    (entry,) = store.entries()
    found = verification_of(entry, "clean")
    assert found.kind == "self-reported"
    assert found.sentence == "reported by the model's author; not measured here"
    for probe in ("input", "nonsingular", "joint"):
        with pytest.raises(InputError, match="unknown stored probe"):
            verification_of(entry, probe)


def stated(norm="linf", eps=0.2, accuracy=0.8):
    return Robustness(accuracy=accuracy, norm=norm, eps=eps, examples=500, attack="PGD-20")


def test_claims_are_compared_with_what_was_measured_at_the_same_budget(store, made_up):
    made_up.fill(store, [("net", "standard", 0.1)])
    (entry,) = store.entries()
    card = made_up.card("net", clean_accuracy=0.98, robustness=stated())
    clean, robust = claims(card, [entry])
    (measured,) = clean.measured
    assert (clean.norm, clean.accuracy, measured.probe) == (None, 0.98, "clean")
    assert measured.score == entry.results["clean"].scores["accuracy"]
    assert measured.difference == pytest.approx(0.98 - measured.score.value)
    assert measured.within
    measured, reference = robust.measured
    assert (measured.probe, reference.probe) == ("input", "input-autoattack")
    assert (robust.norm, robust.eps, robust.examples) == ("linf", 0.2, 500)
    assert measured.score == entry.results["input"].scores["robust_accuracy"]
    assert measured.difference == pytest.approx(0.8 - measured.score.value)
    assert not measured.within


@pytest.mark.parametrize(
    ("norm", "eps", "count"), [("l2", 0.2, 1), ("linf", 0.25, 0), ("l1", 0.2, 0), ("l2", 0.1, 1)]
)
def test_another_norm_or_radius_is_not_compared(store, made_up, norm, eps, count):
    made_up.fill(store, [("net", "standard", 0.1)])
    card = made_up.card("net", clean_accuracy=None, robustness=stated(norm, eps))
    (claim,) = claims(card, store.entries())
    assert len(claim.measured) == count
    if count:
        curves = {c.series: c for c in store.entries()[0].results["input"].curves}
        curve = curves[norm]
        assert claim.measured[0].score == curve.y[curve.x.index(eps)]


def test_the_reference_attack_counts_at_its_own_budget(store, made_up, battery):
    where, answers = made_up.provenance(battery), made_up.results()
    reference = answers["input-autoattack"]
    kinds = {"headline": made_up.about("reference", InputThreat("linf", Budget.of("8/255")))}
    reference = reference.model_copy(update={"outcome_kinds": kinds})
    store.save(made_up.card(), where, battery, reference)
    card = made_up.card(robustness=stated(eps=0.03137))
    assert [m.probe for m in claims(card, store.entries())[1].measured] == ["input-autoattack"]
    card = made_up.card(robustness=stated(eps=0.2))
    assert list(claims(card, store.entries())[1].measured) == []


def test_training_images_and_other_data_sets_are_not_compared(store, made_up):
    made_up.fill(store, [("net", "standard", 0.1)], split="train")
    elsewhere = made_up.Battery(name="mnist-linf-v1", dataset="mnist")
    made_up.fill(store, [("net", "standard", 0.1)], elsewhere)
    (claim,) = claims(made_up.card("net", clean_accuracy=0.99), store.entries())
    assert claim.measured == []


def test_a_card_without_claims_has_none(store, made_up):
    made_up.fill(store, [("net", "standard", 0.1)])
    assert claims(made_up.card("net", clean_accuracy=None), store.entries()) == []
