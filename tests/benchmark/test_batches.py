"""Data sets, loaders and batches in place of images and labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from benchmark import (
    Budget,
    InputAttack,
    InputThreat,
    RunOptions,
    attack_inputs,
    evaluate,
    flatness,
)
from benchmark.batches import examples_of
from benchmark.datasets import load_dataset
from models_zoo.errors import InputError

IMAGES = torch.linspace(0, 1, 10 * 64).view(10, 1, 8, 8)
LABELS = torch.arange(10)


def pairs(size=4):
    return [(x, y) for x, y in zip(IMAGES.split(size), LABELS.split(size), strict=True)]


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield IMAGES[0], 0


@pytest.mark.parametrize(
    "given",
    [
        DataLoader(TensorDataset(IMAGES, LABELS), batch_size=3),
        TensorDataset(IMAGES, LABELS),
        pairs(),
        [{"image": x, "label": y} for x, y in pairs()],
        [{"pixel_values": x, "labels": y, "more": 0} for x, y in pairs()],
        [(x.numpy(), y.numpy(), "further") for x, y in pairs()],
    ],
)
@pytest.mark.parametrize("most", [None, 1, 7, 10, 11])
def test_the_first_examples_are_collected_in_order(given, most):
    images, labels = examples_of(given, None, most)
    assert torch.equal(torch.as_tensor(images), IMAGES[:most])
    assert torch.equal(torch.as_tensor(labels), LABELS[:most])


def test_no_batch_is_read_beyond_the_limit():
    read = []

    def batches():
        for number, pair in enumerate(pairs(2)):
            read.append(number)
            yield pair

    images, _ = examples_of(batches(), None, 3)
    assert len(images) == 3
    assert read == [0, 1]


@pytest.mark.parametrize("given", [(p for p in pairs()), DataLoader(Endless(), batch_size=4)])
def test_what_may_not_end_needs_a_number_of_examples(given):
    with pytest.raises(InputError, match=r"has no length, .* such as examples=1000"):
        examples_of(given, None)


def test_an_endless_loader_is_read_up_to_the_limit():
    assert len(examples_of(DataLoader(Endless(), batch_size=4), None, 6)[0]) == 6


def test_tensors_are_limited_too():
    images, labels = examples_of(IMAGES, LABELS, 3)
    assert len(images) == len(labels) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (IMAGES, "labels are missing"),
        (IMAGES.numpy(), "labels are missing"),
        ([], "gave no batch"),
        (3, "must be a tensor, a data set, a loader"),
        ("images", "must be a tensor, a data set, a loader"),
        ([(IMAGES,)], r"batch 0 must be \(images, labels\) .* got a tuple of length 1"),
        ([{"picture": IMAGES, "label": LABELS}], r"batch 0 .* got keys \['label', 'picture'\]"),
        ([IMAGES], r"batch 0 must be \(images, labels\) .* got a Tensor"),
        ([(IMAGES[0], 0)], r"images \(B, C, H, W\) and labels \(B,\), got shapes"),
        ([(IMAGES, LABELS[:3])], r"got shapes \(10, 1, 8, 8\) and \(3,\)"),
        ([(IMAGES, LABELS), (IMAGES[:, :, 1:], LABELS)], "batch 1 has images of shape"),
        ([(["a picture"], [1])], "must hold tensors"),
    ],
)
def test_what_holds_no_examples_is_refused_in_one_line(given, message):
    with pytest.raises(InputError, match=message) as caught:
        examples_of(given, None)
    assert "\n" not in str(caught.value)


def test_a_loader_that_shuffles_is_warned_of():
    data = TensorDataset(IMAGES, LABELS)
    with pytest.warns(UserWarning, match="the loader shuffles") as warned:
        examples_of(DataLoader(data, batch_size=4, shuffle=True), None)
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match="the loader shuffles"):
        examples_of(DataLoader(data, sampler=torch.utils.data.RandomSampler(data)), None)


def test_reading_a_loader_changes_no_global_generator():
    before = torch.get_rng_state()
    examples_of(DataLoader(TensorDataset(IMAGES, LABELS)), None)
    assert torch.equal(torch.get_rng_state(), before)


def test_attacks_and_evaluations_take_loaders(zoo):
    data, model = load_dataset("digits").head(12), zoo("digits/mlp-standard")
    loader = DataLoader(TensorDataset(data.images, data.labels), batch_size=5)
    alone = attack_inputs(model, data.images[:8], data.labels[:8], eps=0.1, effort="quick")
    loaded = attack_inputs(model, loader, eps=0.1, effort="quick", examples=8)
    assert torch.equal(loaded.images, alone.images)
    attack = InputAttack(InputThreat("linf", Budget(0.1)), "quick")
    assert torch.equal(attack(model, loader, options=RunOptions(examples=8)).images, alone.images)
    first = evaluate(model, data.images[:8], data.labels[:8], "digits-v1", "clean")
    for given in (loader, data):
        report = evaluate(model, given, battery="digits-v1", probes="clean", examples=8)
        assert report.scores == first.scores
        assert report.provenance.data_sha256 == first.provenance.data_sha256
    few = flatness(model, loader, eps=0.1, draws=2, epochs=1, measure_examples=0)
    assert few["average_robust"].n > 0


def test_without_a_battery_the_data_set_decides(zoo):
    model, data = zoo("digits/mlp-standard"), load_dataset("digits").head(4)
    assert evaluate(model, data, probes="clean").provenance.battery == "digits-v1"
    with pytest.raises(InputError, match="battery is missing"):
        evaluate(model, data.images, data.labels, probes="clean")


def test_known_results_of_the_same_weights_with_another_forward_are_refused(zoo):
    model, data = zoo("digits/mlp-standard"), load_dataset("digits").head(40)
    known = evaluate(model, data, probes=["clean"]).results
    loss = known["clean"].scores["cross_entropy"]
    close = loss.model_copy(update={"value": loss.value * (1 + 1e-6)})
    other = loss.model_copy(update={"value": loss.value * 1.01})
    for score, fits in ((close, True), (other, False)):
        scores = known["clean"].scores | {"cross_entropy": score}
        changed = {"clean": known["clean"].model_copy(update={"scores": scores})}
        if fits:
            assert evaluate(model, data, probes=["clean"], known=changed).results == changed
        else:
            with pytest.raises(InputError, match="another forward"):
                evaluate(model, data, probes=["clean"], known=changed)


def test_known_results_can_be_looked_up_by_the_provenance(zoo):
    model, data = zoo("digits/mlp-standard"), load_dataset("digits").head(8)
    before = evaluate(model, data, probes=["clean"])
    asked, new = [], []

    def look_up(where):
        asked.append(where)
        return before.results

    evaluate(model, data, probes=["clean"], known=look_up, on_result=lambda *each: new.append(each))
    assert [where.fingerprint for where in asked] == [before.provenance.fingerprint]
    assert new == []


def test_labels_of_an_array_are_cut_like_its_images():
    images, labels = examples_of(IMAGES.numpy(), np.arange(10), 4)
    assert len(images) == len(labels) == 4
