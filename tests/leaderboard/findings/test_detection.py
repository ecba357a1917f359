"""The finding on detection, in stores where the answer is known."""

import pytest

from benchmark import load_battery
from benchmark.results import Curve, ProbeResult, Score
from leaderboard.findings import make_findings
from leaderboard.store import Store

N = 200


def score(value, half=0.05):
    return Score(value=value, n=N, low=value - half, high=value + half)


def result(gain):
    names = ("magnet_detection", "mi_detection", "adaptive_success", "oblivious_success")
    curve = Curve(
        picture="detection_over_confidence",
        series="C&W, MagNet",
        x_label="confidence kappa (logits)",
        y_label="share detected",
        x=[0.0, 10.0],
        x_text=["0", "10"],
        y=[score(0.3), score(0.8)],
        unit="share",
    )
    return ProbeResult(
        probe="detection",
        scores={**dict.fromkeys(names, score(0.5)), "mi_gain": score(gain)},
        curves=[curve],
    )


def stored(made_up, *gains):
    battery, store = load_battery("digits-detection-v1"), Store.open(":memory:")
    for model, gain in zip(("cnn-standard", "mlp-standard"), gains, strict=False):
        store.save(
            made_up.card(f"digits/{model}"),
            made_up.provenance(battery),
            battery,
            result(gain),
        )
    return store


@pytest.mark.parametrize(("gain", "vote"), [(0.2, "for"), (0.01, "open"), (-0.2, "against")])
def test_a_gain_speaks_for_or_against_the_claim_where_its_interval_excludes_zero(
    made_up, gain, vote
):
    found = {each.key: each for each in make_findings(stored(made_up, gain).entries())}
    (part,) = found["detection"].parts
    assert list(part.votes) == [vote]
    verdicts, after = part.tables
    assert verdicts.rows[0][0] == "cnn-standard"
    assert verdicts.rows[0][-1] == vote
    assert "50.0%" in after.rows[0][2]
    (figure,) = part.figures
    assert "cnn-standard, C&W, MagNet: 30% at 0, 80% at 10." in figure.description


def test_without_the_probe_there_is_nothing_to_say(made_up):
    battery, store = load_battery("digits-v1"), Store.open(":memory:")
    clean = ProbeResult(probe="clean", scores={"accuracy": score(0.9)})
    store.save(
        made_up.card("digits/cnn-standard"),
        made_up.provenance(battery),
        battery,
        clean,
    )
    found = {each.key: each for each in make_findings(store.entries())}
    assert found["detection"].parts == []
    assert found["detection"].verdict == "Undecided: nothing in the database can be compared yet."
