"""Each finding's verdict on stores in which the truth is known."""

import pytest

from leaderboard.findings.finding import judge
from leaderboard.findings.joint_volume import example_volumes
from leaderboard.findings.panels import make_panels
from leaderboard.store import Store


@pytest.mark.parametrize(
    ("votes", "status"),
    [
        ([], "undecided"),
        (["for"], "undecided"),  # one comparison is no verdict
        (["against"], "undecided"),
        (["open"], "undecided"),
        (["open", "open"], "not reproduced at this effort"),
        (["for", "for"], "holds"),
        (["for", "open"], "undecided"),
        (["for", "for", "open", "open"], "holds"),
        (["for", "open", "open"], "undecided"),
        (["for", "for", "against"], "holds in part"),
        (["against", "open"], "undecided"),
        (["against", "against"], "contradicted"),
        (["against", "open", "open"], "undecided"),
    ],
)
def test_a_claim_is_judged_by_its_comparisons(votes, status):
    assert judge(votes) == status


@pytest.mark.parametrize(
    ("trained", "vote"),
    [
        ({"inputs": 0.7, "weights": 0.7}, "for"),
        ({"inputs": 0.7, "weights": 0.9}, "for"),  # as fragile as the standard one
        ({"inputs": 0.7, "weights": 0.96}, "against"),
        ({"inputs": 0.05, "weights": 0.7}, "open"),  # it resists no input attack
    ],
)
def test_input_robust_models_with_fragile_weights_speak_for_the_first_claim(make, trained, vote):
    found = make.findings(
        ("cnn-standard", "standard", {"inputs": 0.05, "weights": 0.9}),
        ("cnn-pgd-at", "pgd-at", trained),
    )["inputs-and-weights"]
    assert found.parts[0].votes == [vote]
    assert found.status == "undecided"


def test_models_are_compared_within_their_architecture_and_after_the_last_epoch(make):
    numbers = {"inputs": 0.7, "weights": 0.7}
    found = make.findings(
        ("cnn-standard", "standard", {"inputs": 0.05}),
        ("mlp-pgd-at", "pgd-at", numbers),
        ("cnn-pgd-at-epoch-5", "pgd-at", numbers | {"early": 5}),
    )["inputs-and-weights"]
    assert found.parts[0].votes == []
    assert found.verdict.startswith("Undecided")


@pytest.mark.parametrize(("awp", "vote"), [(0.5, "for"), (1.5, "against"), (1.01, "open")])
def test_flatness_with_weight_perturbation_is_compared_with_the_same_recipe_without(
    make, awp, vote
):
    found = make.findings(
        ("cnn-pgd-at", "pgd-at", {"flatness": 1.0}),
        ("cnn-trades", "trades", {"flatness": 0.1}),
        ("cnn-at-awp", "at-awp", {"flatness": awp}),
    )["weight-perturbed-training"]
    assert found.parts[0].votes == [vote]
    assert ["trades-awp" in line for line in found.parts[0].missing] == [True]


@pytest.mark.parametrize(
    ("rises", "vote"),
    [
        ([0.1, 0.2, 0.4, 0.5], "for"),
        ([0.1, 0.2, 4.8, 0.9], "open"),  # few examples carry the whole difference
        ([2.1, 2.2, 2.3, 2.4], "open"),  # the examples contradict the draws
    ],
)
def test_a_flatter_mean_counts_only_if_the_examples_agree(make, rises, vote):
    found = make.findings(
        ("cnn-pgd-at", "pgd-at", {"flatness": 1.0, "rises": 5 * [1.0, 1.1, 1.2, 1.3]}),
        ("cnn-at-awp", "at-awp", {"flatness": 0.5, "rises": 5 * rises}),
    )["weight-perturbed-training"]
    assert found.parts[0].votes == [vote]


def series(gaps, flatness, **more):
    return [
        (
            f"cnn-{i}",
            "pgd-at",
            {
                "inputs": 0.5,
                "training": 0.5 + gap,
                "loss": 2.0,
                "training_loss": 2.0 - gap,
                "flatness": flat,
                "early": i,
            }
            | more,
        )
        for i, (gap, flat) in enumerate(zip(gaps, flatness, strict=True), 1)
    ]


GAPS = [0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    ("flatness", "vote"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "for"),
        ([0.4, 0.2, 0.7, 0.1, 0.5, 0.3, 0.6], "open"),  # weak agreement refutes nothing
        ([0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], "against"),
    ],
)
def test_sharp_models_with_large_gaps_speak_for_the_third_claim_early_epochs_too(
    make, flatness, vote
):
    found = make.findings(*series(GAPS, flatness))["generalisation"]
    assert found.parts[0].votes == [vote]
    rows = found.parts[0].tables[0].rows
    assert [row[0] for row in rows] == [f"cnn-{i}" for i in (7, 6, 5, 4, 3, 2, 1)]
    assert rows[0][3].startswith("+0.40 (")
    assert rows[0][4].startswith("+40.0 (")


def test_without_training_images_the_gap_is_missing_and_the_command_is_named(make):
    models = [(name, recipe, n | {"training": None}) for name, recipe, n in series(GAPS, GAPS)]
    part = make.findings(*models)["generalisation"].parts[0]
    assert (list(part.votes), list(part.tables), list(part.figures)) == ([], [], [])
    assert "--split train --probe input --probe flatness --examples 400" in " ".join(part.missing)


def test_the_gap_of_accuracy_is_not_the_claim_s_and_gives_no_verdict(make):
    models = [(name, recipe, n | {"training_loss": None}) for name, recipe, n in series(GAPS, GAPS)]
    part = make.findings(*models)["generalisation"].parts[0]
    assert list(part.votes) == []


def test_few_checkpoints_are_not_judged(make):
    few = make.findings(*series(GAPS[:4], GAPS[:4]))
    assert few["generalisation"].status == "undecided"
    assert few["intrinsic-metric"].status == "undecided"
    assert "4 checkpoints have flatness and a gap" in " ".join(
        few["generalisation"].parts[0].missing
    )


def test_models_without_robustness_are_left_out_of_the_second_correlation(make):
    numbers = {"inputs": 0.0, "training": 0.0, "loss": 2.0, "training_loss": 2.0}
    models = [*series(GAPS, GAPS), ("cnn-standard", "standard", numbers)]
    part = make.findings(*models)["generalisation"].parts[0]
    counts = [row[1:4] for row in part.tables[1].rows[:2]]
    assert counts == [["loss", "all", "8"], ["loss", "robust ones", "7"]]


def test_the_gaps_of_loss_and_accuracy_are_both_correlated(make):
    """The made-up loss gap is the accuracy gap reversed, so that the two cannot be mixed up."""
    models = [
        (name, recipe, n | {"loss": 2.0, "training_loss": 1.0 + n["training"]})
        for name, recipe, n in series(GAPS, sorted(GAPS))
    ]
    rows = make.findings(*models)["generalisation"].parts[0].tables[1].rows
    found = {row[1]: row[4] for row in rows if row[0] == "average, robust loss"}
    assert found["accuracy"].startswith("+1.00")
    assert found["loss"].startswith("\N{MINUS SIGN}1.00")


def test_the_joint_volume_is_compared_with_every_other_recipe(make):
    found = make.findings(
        ("cnn-nonsingular", "nonsingular", {"joint": 0.5}),
        ("cnn-standard", "standard", {"joint": 0.3}),
        ("cnn-pgd-at", "pgd-at", {"joint": 0.6}),
        ("mlp-trades", "trades", {"joint": 0.1}),
    )["joint-volume"]
    assert sorted(found.parts[0].votes) == ["against", "for"]
    assert found.status == "holds in part"


def test_each_example_s_volume_makes_up_the_joint_volume_of_the_grid(make):
    panel = make_panels(make.store(("cnn-pgd-at", "pgd-at", {"joint": 0.4})).entries())[0]
    volumes = example_volumes(panel.checkpoints[0])
    assert volumes is not None
    # 0.4 everywhere but 0.98 at the corner, which has a sixteenth of the area
    assert volumes.mean() == pytest.approx(0.4 + (0.98 - 0.4) / 16)
    assert set(volumes) <= {0.0, 1 / 16, 1.0}


@pytest.mark.parametrize(
    ("budgets", "changes", "status"),
    [
        ((0.05, 0.1), (0.03, 0.05), "holds"),
        ((0.4, 0.8), (0.08, 0.1), "holds"),  # the largest change is not what the source speaks of
        ((0.05, 0.4), (0.03, 0.2), "undecided"),
        ((0.4, 0.8), (0.2, 0.3), "not reproduced at this effort"),  # a search refutes nothing
        ((0.2, 0.2), (0.09, 0.11), "undecided"),
        ((float("inf"), 0.4), (float("inf"), 0.2), "not reproduced at this effort"),
        ((float("inf"), 0.4), (float("inf"), 0.05), "undecided"),
        (
            (float("inf"), float("inf")),
            (float("inf"), float("inf")),
            "not reproduced at this effort",
        ),
        # earlier results state the largest change alone, which bounds the average
        ((0.05, 0.1), (None, None), "holds"),
        ((0.05, 0.4), (None, None), "undecided"),
        ((0.4, 0.8), (None, None), "not reproduced at this effort"),
    ],
)
def test_a_backdoor_of_a_small_average_change_speaks_for_the_fifth_claim(
    make, budgets, changes, status
):
    found = make.findings(
        ("cnn-standard", "standard", {"smallest": budgets[0], "change": changes[0]}),
        ("cnn-pgd-at", "pgd-at", {"smallest": budgets[1], "change": changes[1]}),
    )["backdoors"]
    assert found.status == status
    shown = [row[1] for row in found.parts[0].tables[0].rows]
    assert len(shown) == 2
    if budgets == (float("inf"), float("inf")):
        assert shown == ["none found"] * 2
    (words,) = found.parts[0].text
    assert words == ("A backdoor counts as working with 80% success for at most 1.0% of accuracy.")
    assert len(found.parts[0].figures) == 1


@pytest.mark.parametrize(
    ("psi", "vote"),
    [([1, 2, 3, 4, 5, 6, 7], "for"), ([7, 6, 5, 4, 3, 2, 1], "against")],
)
def test_psi_that_ranks_as_the_attack_does_speaks_for_the_last_claim(make, psi, vote):
    robust = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    models = [
        # At the headline budget all are alike; psi is compared at its own budget.
        (f"cnn-{i}", "pgd-at", {"psi": p, "inputs": 0.05, "at_psi_budget": r})
        for i, (p, r) in enumerate(zip(psi, robust, strict=True))
    ]
    found = make.findings(*models)["intrinsic-metric"]
    assert found.parts[0].votes == [vote]
    places = [row[4] for row in found.parts[0].tables[0].rows]
    assert places == ([str(i) for i in range(1, 8)] if vote == "for" else list("7654321"))


SHARP = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


@pytest.mark.parametrize(
    ("confidence", "matched", "votes"),
    [
        # sharper with more confidence; less robust only because of it
        (SHARP, SHARP[::-1], ["for", "for"]),
        (SHARP[::-1], SHARP, ["against", "open"]),
        ([0.4, 0.2, 0.7, 0.1, 0.5, 0.3, 0.6], SHARP, ["open", "open"]),
    ],
)
def test_flatness_that_goes_with_confidence_alone_speaks_for_the_claim(
    make, confidence, matched, votes
):
    models = [
        (
            f"cnn-{i}",
            "pgd-at",
            {"flatness": SHARP[i], "matched": matched[i], "inputs": 0.9 - SHARP[i]}
            | {"confidence": confidence[i]},
        )
        for i in range(7)
    ]
    part = make.findings(*models)["flatness-and-confidence"].parts[0]
    assert part.votes == votes
    rows = {row[1]: row for row in part.tables[1].rows}
    minus = "\N{MINUS SIGN}1.00"
    assert rows["robust accuracy, own logits"][3].startswith(minus)
    after = rows["robust accuracy, equal confidence"]
    assert [cell.split()[0] for cell in after[2:]] == (
        ["7", "+1.00", "+1.00"] if matched != SHARP else ["7", minus, minus]
    )
    (words,) = part.text
    assert ("nothing is shown about the sign" in words) == ("open" in votes)
    assert ("the change" in words.partition("nothing is shown")[2]) == (votes[1] == "open")


def test_sharper_models_that_are_less_robust_only_at_equal_confidence_contradict(make):
    models = [
        (
            f"cnn-{i}",
            "pgd-at",
            {"flatness": SHARP[-1 - i], "matched": SHARP[i], "inputs": 0.9 - SHARP[i]},
        )
        for i in range(7)
    ]
    part = make.findings(*models)["flatness-and-confidence"].parts[0]
    assert part.votes == ["open", "against"]  # all are equally confident from the start


def test_without_equal_confidence_the_command_is_named(make):
    numbers = {"only": ("input", "flatness")}
    models = [(f"cnn-{i}", "pgd-at", numbers) for i in range(7)]
    part = make.findings(*models)["flatness-and-confidence"].parts[0]
    assert (list(part.votes), list(part.tables)) == ([], [])
    assert "--probe matched-flatness --probe flatness --probe input" in " ".join(part.missing)


def test_models_without_a_probe_are_named_with_the_command_that_adds_it(make):
    found = make.findings(
        ("cnn-standard", "standard", {"only": ("input",)}), ("cnn-pgd-at", "pgd-at", {})
    )
    line = " ".join(found["backdoors"].parts[0].missing)
    assert "Without results of `backdoor`: cnn-standard." in line
    assert "--battery digits-v1 --probe backdoor" in line


def test_results_of_other_batteries_data_or_seeds_are_never_mixed(made_up):
    store = Store.open(":memory:")
    made_up.fill(store)
    made_up.fill(store, zoo=[("digits/cnn-trades", "trades", 0.2)], data_sha256="f" * 64)
    made_up.fill(store, zoo=[("digits/cnn-trades", "trades", 0.2)], seed=5)
    changed = made_up.Battery(description="Other.")
    made_up.fill(store, zoo=[("digits/cnn-trades", "trades", 0.2)], battery=changed)
    panels = make_panels(store.entries())
    assert len(panels) == 1
    assert len(panels[0].checkpoints) == 4
    assert {c.recipe for c in panels[0].checkpoints} == {"standard", "pgd-at"}


def test_a_battery_without_the_headline_does_not_take_the_place_of_one_with_it(made_up):
    store = Store.open(":memory:")
    made_up.fill(store)
    other = made_up.Battery(description="Other.")
    for place in range(5):
        where = made_up.provenance(other, f"{place}" * 64, created="2027-01-02T03:04:05+00:00")
        card = made_up.card(f"digits/other-{place}", "trades")
        store.save(card, where, other, made_up.results()["clean"])
    (panel,) = make_panels(store.entries())
    assert {c.recipe for c in panel.checkpoints} == {"standard", "pgd-at"}
