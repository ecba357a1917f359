"""Methods of anomaly detection: splits, weights, rejection and what they are judged by."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.anomaly import METHODS, Budget, Run, outliers_for, training_sets
from benchmark.anomaly.adversarial import AdversarialAutoencoder, log_likelihood
from benchmark.anomaly.judging import balanced, exceeding, judge, largest_rank
from benchmark.anomaly.method import Detector, Observer
from benchmark.anomaly.networks import BatchNorm, Linear
from benchmark.anomaly.rejecting import (
    NEGATIVE_SHARE,
    RejectingAutoencoder,
    phases,
    retraining_weights,
)
from benchmark.anomaly.training import NEGATIVE_ERROR, Training, weighted
from benchmark.anomaly.unfinished import EVERY_SECONDS, Unfinished
from benchmark.statistics import auroc
from models_zoo.errors import InputError
from models_zoo.methods import METHODS as SPECS
from models_zoo.methods import method_card
from models_zoo.sources import missing_package

RUNS = [Run(0, 2, 0), Run(1, 7, 0)]
BUDGET = Budget(hidden=16, epochs=6, early_epochs=2, batch=32, lr=1e-3)


def seeded(*purpose):
    digest = hashlib.sha256(repr(purpose).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@pytest.fixture(scope="module")
def split():
    from benchmark.datasets import load_dataset

    return load_dataset("digits", "train")


@pytest.fixture(scope="module")
def sets(split):
    def make(contamination, normals=60, runs=RUNS):
        return training_sets(split.images, split.labels, runs, normals, contamination, seeded)

    return make


def method(name):
    return METHODS[name](SPECS[name].settings)


def states(detector):
    training = detector.scores.args[0]
    return {name: value.clone() for name, value in training.networks.state_dict().items()}


@pytest.mark.parametrize(
    ("normals", "share", "count"),
    [(100, 0.0, 0), (100, 0.001, 1), (90, 0.1, 10), (1000, 0.05, 53), (95, 0.05, 5)],
)
def test_contamination_is_outliers_of_all_rounded_up(normals, share, count):
    assert outliers_for(normals, share) == count
    assert count / (normals + count) >= share
    assert count == 0 or (count - 1) / (normals + count - 1) < share


def test_all_methods_get_the_same_nested_training_sets(sets):
    one, again, fewer = sets(0.1), sets(0.1), sets(0.05)
    assert torch.equal(one.images, again.images)
    assert one.outlier.sum(1).tolist() == [outliers_for(60, 0.1) - 1] * 2  # a tenth is held out
    assert one.held_out.shape[1] == 6 + 1
    known = {row.numpy().tobytes() for row in one.images[0]} | {
        row.numpy().tobytes() for row in one.held_out[0]
    }
    outliers = fewer.images[0][fewer.outlier[0]]
    assert all(row.numpy().tobytes() in known for row in outliers)
    assert not (one.images[0][:, None] == one.held_out[0][None]).all(-1).any()


def test_layers_of_several_runs_are_those_of_each(sets):
    layer = Linear(64, 5, [seeded(0), seeded(1)])
    images = sets(0.0).images
    alone = torch.nn.functional.linear(images[1], layer.weight[1].T, layer.bias[1, 0])
    torch.testing.assert_close(layer(images)[1], alone)
    ours, theirs = BatchNorm(64, 2), torch.nn.BatchNorm1d(64)
    counted = torch.ones(images.shape[:2])
    torch.testing.assert_close(
        ours.train()(images, counted)[0], theirs.train()(images[0]), rtol=1e-3, atol=1e-3
    )


def test_a_run_does_not_depend_on_the_others(sets):
    data, second = sets(0.1), sets(0.1, runs=RUNS[1:])
    both = method("anomaly-aae").fit(data, BUDGET).scores(data.images)
    alone = method("anomaly-aae").fit(second, BUDGET).scores(second.images)
    for name, values in alone.items():
        np.testing.assert_allclose(both[name][1:], values, rtol=0.005)
        assert not np.allclose(both[name][0], values[0], rtol=0.02)


def test_batch_statistics_leave_out_rejected_examples(sets):
    images = sets(0.0).images
    counted = torch.ones(images.shape[:2])
    counted[:, ::2] = 0
    norm, kept = BatchNorm(64, 2).train(), BatchNorm(64, 2).train()
    norm(images, counted)
    kept(images[:, 1::2], counted[:, 1::2])
    torch.testing.assert_close(norm.mean, kept.mean)
    torch.testing.assert_close(norm.variance, kept.variance)


def test_scores_use_running_statistics(sets):
    data = sets(0.0)
    detector = method("anomaly-aae").fit(data, BUDGET)
    together, alone = detector.scores(data.images), detector.scores(data.images[:, :1])
    before = states(detector)
    for name in together:
        np.testing.assert_allclose(together[name][:, :1], alone[name], rtol=1e-4)
    assert all(torch.equal(before[name], value) for name, value in states(detector).items())


def test_without_candidates_rejection_is_the_adversarial_autoencoder_to_the_last_bit(
    sets, monkeypatch
):
    data, budget = sets(0.1), Budget(16, 12, 2, 32, 1e-3)
    settings = SPECS["anomaly-aae-rejecting"].settings | {"rounds": 2}
    monkeypatch.setattr(
        RejectingAutoencoder, "candidates", lambda *_: torch.zeros(data.outlier.shape).bool()
    )
    rejecting = RejectingAutoencoder(settings).fit(data, budget)
    plain = method("anomaly-aae").fit(data, budget)
    assert states(rejecting).keys() == states(plain).keys()
    for name, value in states(plain).items():
        assert torch.equal(states(rejecting)[name], value)


def test_rejection_records_its_candidates_and_is_near_the_adversarial_one_without_outliers(sets):
    data, budget = sets(0.0), Budget(32, 60, 2, 32, 1e-3)
    from benchmark.datasets import load_dataset

    test = load_dataset("digits")
    found = {}
    for name in ("anomaly-aae", "anomaly-aae-rejecting"):
        detector = method(name).fit(data, budget)
        found[name] = judge(detector, data, test.images, test.labels.numpy())
        if detector.candidates is not None:
            counts = np.array(detector.candidate_counts)
            assert len(counts) == 10
            assert (np.diff(counts, axis=0) >= 0).all()  # candidates accumulate
            assert counts[-1].tolist() == detector.candidates.sum(1).tolist()
            assert (detector.kept == ~detector.candidates).all()
    first, second = (each.balanced.mean() for each in found.values())
    assert abs(first - second) < 0.1


def test_codes_become_standard_normal_and_the_discriminator_can_hardly_tell(sets):
    data = sets(0.0, normals=100)
    detector = method("anomaly-aae").fit(data, Budget(32, 150, 2, 32, 1e-3))
    training = detector.scores.args[0]
    codes = training.codes(data.images)
    assert codes.mean((0, 1)).abs().max() < 0.3
    assert ((codes.std(1) > 0.6) & (codes.std(1) < 1.5)).all()
    drawn = torch.randn(codes.shape, generator=torch.Generator().manual_seed(0))
    right = [training.networks.discriminator(codes) < 0, training.networks.discriminator(drawn) > 0]
    accuracy = torch.stack(right).float().mean((0, 2, 3))
    assert ((accuracy > 0.45) & (accuracy < 0.65)).all()


def test_negative_weights_are_bounded():
    candidates = torch.zeros(2, 100, dtype=torch.bool)
    candidates[0, :60] = True
    candidates[1, :5] = True
    weights = retraining_weights(candidates, torch.rand(2, 100), 80, -0.5)
    for own, chosen in zip(weights, candidates, strict=True):
        assert (own[~chosen] == 1).all()
        assert (own < 0).sum() == (0.2 * chosen.sum()).ceil()
        assert -own[own < 0].sum() < NEGATIVE_SHARE * own[own > 0].sum()
    errors = torch.tensor([[0.1, 5.0]], requires_grad=True)
    loss = weighted(errors, torch.tensor([[1.0, -1.0]]))
    assert loss.item() == pytest.approx((0.1 - NEGATIVE_ERROR) / 2)
    assert torch.autograd.grad(loss.sum(), errors)[0].tolist() == [[0.5, 0.0]]


def test_the_discriminator_never_sees_a_negative_weight(sets):
    data, one_batch = sets(0.0), Budget(16, 1, 1, 1000, 1e-3)
    networks = []
    for weight in (0.0, -0.1):
        training = AdversarialAutoencoder({"latent": 2}).begin(data, one_batch)
        training.weights[:, :10] = weight
        training.run_until(1)
        networks.append(training.networks)
    discriminators = [each.discriminator for each in networks if each.discriminator is not None]
    first, second = (each.state_dict() for each in discriminators)
    assert all(torch.equal(first[name], value) for name, value in second.items())
    decoders = [each.decoder.state_dict().values() for each in networks]
    assert any(not torch.equal(*pair) for pair in zip(*decoders, strict=True))


def test_the_trimmed_loss_leaves_out_the_largest_errors():
    errors = torch.tensor([[1.0, 2.0, 3.0, 100.0]])
    assert weighted(errors, torch.ones(1, 4), 0.25).item() == pytest.approx(2.0)
    assert weighted(errors, torch.ones(1, 4)).item() == pytest.approx(26.5)


def test_phases_are_all_epochs():
    assert phases(300, 10) == (100, 10, 100)
    for epochs in (1, 7, 12, 150):
        before, each, after = phases(epochs, 10)
        assert before + 10 * each + after == epochs


def test_epochs_of_all_methods(sets):
    data = sets(0.05)
    for name in METHODS:
        if missing_package(method_card(f"digits/{name}")) is not None:
            continue
        seen: dict[int, Detector] = {}
        one = method(name)
        detector = one.fit(data, BUDGET, Observer(seen.__setitem__))
        if one.has_epochs:
            assert list(seen) == list(range(one.epochs(BUDGET) + 1))
        scores = detector.scores(data.held_out)
        assert all(each.shape == data.held_out.shape[:2] for each in scores.values())
        assert all(np.isfinite(each).all() for each in scores.values())


def test_what_detectors_are_judged_by():
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    generator = np.random.default_rng(0)
    scores = generator.normal(size=200).round(1)
    positive = generator.random(200) < 0.3
    assert auroc(scores[positive], scores[~positive]) == pytest.approx(
        roc_auc_score(positive, scores)
    )
    flagged = scores > 0.5
    assert balanced(flagged, ~positive, positive) == pytest.approx(
        balanced_accuracy_score(positive, flagged)
    )
    known = {"a": np.arange(100.0)[None], "b": np.arange(100.0)[None]}
    used = np.arange(100)[None] < 50
    given = {"a": np.array([[44.0, 45.0, 0.0]]), "b": np.array([[0.0, 0.0, 60.0]])}
    assert exceeding(given, known, used).tolist() == [[False, True, True]]


def test_thresholds_are_percentiles_of_the_scores_that_a_method_gives_the_training_set(sets):
    from benchmark.datasets import load_dataset

    data, test = sets(0.1), load_dataset("digits").head(100)
    kept = np.ones(data.outlier.shape, bool)
    own = data.outlier.double().numpy() - 2  # below the scores of all images
    plain = Detector(lambda images: {"score": images.mean(-1).double().numpy()}, kept)
    other = Detector(plain.scores, kept, training={"score": own})
    found, expected = (
        judge(each, data, test.images, test.labels.numpy()) for each in (other, plain)
    )
    assert expected.true_negatives.min() > 0
    assert found.true_negatives.tolist() == [0, 0]
    assert found.outlier_area is not None
    assert found.outlier_area.tolist() == [1, 1]
    np.testing.assert_array_equal(found.held_out, expected.held_out)


def test_ties_remain_ties_in_whatever_order_images_are():
    known = {"a": np.arange(4.0)[None], "b": np.arange(4.0)[None]}
    used = np.ones((1, 4), bool)
    given = {"a": np.array([[9.0, 2.0, 9.0, 9.5, 2.0]]), "b": np.array([[9.0, 0.0, 9.0, 0.0, 0.0]])}
    found = largest_rank(given, known, used)[0]
    assert found[0] == found[2] < found[3]
    assert found[1] == found[4] < found[0]


def test_a_training_that_diverges_is_refused_with_the_run(sets):
    data = sets(0.1)
    budget = replace(BUDGET, epochs=15, lr=1e30)
    for name in ("anomaly-ae", "anomaly-aae-rejecting"):

        def judged(name=name):
            detector = method(name).fit(data, budget)
            return judge(detector, data, torch.rand(9, 1, 8, 8), np.arange(9))

        with pytest.raises(InputError, match=r"training of '.* seed 0' diverged: .*smaller lr"):
            judged()


def test_the_likelihood_is_that_of_the_standard_normal_distribution():
    codes = torch.randn(2, 5, 2)
    normal = torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(log_likelihood(codes), normal.log_prob(codes).sum(-1))


def test_training_goes_on_where_it_stopped(sets):
    data = sets(0.0)
    whole = AdversarialAutoencoder({"latent": 2}).begin(data, BUDGET)
    parts = AdversarialAutoencoder({"latent": 2}).begin(data, BUDGET)
    whole.run_until(4)
    parts.run_until(1)
    parts.run_until(4)
    assert isinstance(parts, Training)
    assert torch.equal(whole.codes(data.images), parts.codes(data.images))


NETWORKS = ("anomaly-ae", "anomaly-ae-trimmed", "anomaly-aae", "anomaly-aae-rejecting")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Makes the file of a training, in which every state is written."""
    monkeypatch.setenv("NONSINGULAR_CACHE", str(tmp_path))

    def make(**parts):
        ticks = itertools.count()
        return Unfinished({"a": 1}, parts, clock=lambda: next(ticks) * EVERY_SECONDS)

    return make


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_that_is_interrupted_anywhere_ends_as_one_that_is_not(sets, kept, name):
    data, budget = sets(0.1), Budget(hidden=8, epochs=33, early_epochs=2, batch=32, lr=1e-3)
    passed = []
    whole = method(name).fit(
        data, budget, Observer(counted=lambda images, _: passed.append(images))
    )
    after = iter((3, 11, 12, 21, 22, 30))

    def interrupted():
        stop, passes = next(after, None), []

        def watch(epoch, _):
            if epoch == stop:
                raise KeyboardInterrupt

        found = method(name).fit(
            data, budget, Observer(watch, lambda images, _: passes.append(images), kept())
        )
        return found, passes

    for _ in range(6):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    found, passes = interrupted()
    assert len(passes) < len(passed)
    assert sum(passes) == sum(passed)
    for key, value in states(whole).items():
        assert torch.equal(value, states(found)[key]), key
    assert found.candidate_counts == whole.candidate_counts


def test_a_short_training_writes_nothing_and_a_damaged_state_is_refused(sets, kept, tmp_path):
    data = sets(0.1)
    unfinished = Unfinished({"a": 1})
    method("anomaly-ae").fit(data, BUDGET, Observer(unfinished=unfinished))
    unfinished.finish()
    unfinished.remove()
    assert not list(tmp_path.rglob("*"))
    again = kept()
    method("anomaly-ae").fit(data, BUDGET, Observer(unfinished=again))
    again.path.write_bytes(b"half a file")
    with pytest.raises(InputError, match="delete it to start anew"):
        method("anomaly-ae").fit(data, BUDGET, Observer(unfinished=kept()))


def test_a_state_that_cannot_be_written_is_said_once(sets, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NONSINGULAR_CACHE", str(tmp_path / "file"))
    ticks = itertools.count()
    unfinished = Unfinished({"a": 1}, clock=lambda: next(ticks) * EVERY_SECONDS)
    with pytest.warns(UserWarning, match="cannot be resumed") as said:
        method("anomaly-ae").fit(sets(0.1), BUDGET, Observer(unfinished=unfinished))
    assert len(said) == 1
